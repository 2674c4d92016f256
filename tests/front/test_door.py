"""The package from outside: its names, its weight, its example."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys

import pytest

import graphrec as gr


def test_the_example_runs_and_leaves_its_runs_alone(shop, tmp_path, monkeypatch):
    (tmp_path / "purchases.csv").write_bytes((shop / "purchases.csv").read_bytes())
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    example = doctest.DocTestParser().get_doctest(gr.__doc__, names, "graphrec", None, 0)
    found = doctest.DocTestRunner().run(example, clear_globs=False)
    assert found.attempted >= 10
    assert found.failed == 0
    names = example.globs
    assert names["measures"]["seeds"].eq(3).all()
    assert len(names["items"]) == 10
    assert set(names["leaders"]["run"]) == {"purchases-lightgcn", "purchases-itemcf"}
    assert names["offers"]["spend"].sum() <= 500
    assert sorted(file.name for file in tmp_path.iterdir()) == ["purchases.csv", "runs"]


def test_it_promises_at_most_fourteen_names():
    assert len(gr.__all__) <= 14
    assert all(getattr(gr, name) is not None for name in gr.__all__)
    assert gr.__all__ == sorted(gr.__all__)


def test_every_model_is_at_the_door():
    assert set(gr.models.__all__) <= set(dir(gr))
    for name in gr.models.__all__:
        made = getattr(gr, name)
        assert made.kind is getattr(gr.models, name)
        assert made.__doc__ == made.kind.__doc__
    with pytest.raises(AttributeError, match="LightGCM"):
        _ = gr.LightGCM


def test_offers_is_a_department_and_can_be_called():
    import graphrec.offers.table

    assert gr.offers is graphrec.offers
    with pytest.raises(gr.InputError, match="'x' is no run"):
        gr.offers("x")


def test_importing_it_takes_no_time():
    """Below 0.3 s, as ``-X importtime`` measures it; the best of three, for the machine may be busy."""
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-c",
        "import graphrec, sys; print('torch' in sys.modules)",
    ]
    times = []
    for _ in range(3):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.strip() == "False"
        line = next(line for line in done.stderr.splitlines() if line.endswith(" graphrec"))
        times.append(int(re.findall(r"\d+", line)[1]) / 1e6)
    assert min(times) < 0.3
