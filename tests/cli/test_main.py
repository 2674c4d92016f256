"""The command line itself: help, versions, configurations with places, parts of the run's folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from graphrec import __version__
from graphrec.cli.config.files import check_configs, config_files, values_of
from graphrec.cli.config.locations import read_entries
from graphrec.cli.experiment.runs.folder import RunFolder, RunOptions, newest
from graphrec.cli.experiment.runs.progress import Progress
from graphrec.cli.main import console, main
from graphrec.cli.terminal import print_summary
from graphrec.data.module import RecommenderData
from graphrec.data.sources import synthetic
from graphrec.data.splits import Temporal
from graphrec.errors import InputError
from graphrec.models import Popularity
from graphrec.training import ClosedFormTask

LIGHT = ("refit", "recommend", "offers", "compare", "data", "demo")


@pytest.mark.parametrize("command", ["", "fit", "test", *LIGHT])
def test_help_shows_an_example(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*([command] if command else []), "--help"])
    said = capsys.readouterr().out
    assert stop.value.code == 0
    assert "example" in said
    assert f"graphrec {command}" in said


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"graphrec {__version__}\n"


def test_help_and_light_mistakes_start_without_torch():
    code = (
        "import sys\nfrom graphrec.cli import console\ntry:\n    console(sys.argv[1:])\n"
        "except SystemExit:\n    print(sorted({'torch', 'pytorch_lightning', 'wandb'} & set(sys.modules)))"
    )
    for args in (["--help"], ["data", "check", "absent.csv"], ["fit", "-c", "absent.yaml"]):
        done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == "[]", args


@pytest.mark.parametrize(
    ("said", "spins"),
    [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "passive"}, "0")],
)
def test_threads_that_wait_soon_sleep_unless_the_environment_says_otherwise(said, spins):
    """Asked of OpenMP itself, as torch loads it."""
    code = "from graphrec.cli import console\ntry:\n    console(['--version'])\nfinally:\n    import torch"
    asked = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    others = {name: value for name, value in os.environ.items() if name not in asked}
    environment = {**others, **said, "OMP_DISPLAY_ENV": "verbose"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    found = re.findall("GOMP_SPINCOUNT = '(.*)'", done.stderr)
    if not found:
        pytest.skip("another OpenMP")
    assert set(found) == {spins}


def test_ctrl_c_ends_without_a_traceback(monkeypatch, capsys):
    def interrupted(args: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["graphrec.cli.main"], "main", interrupted)
    with pytest.raises(SystemExit) as stop:
        console(["demo"])
    assert stop.value.code == 130
    assert capsys.readouterr().err == "graphrec: interrupted\n"


def test_our_own_mistake_keeps_its_traceback(monkeypatch):
    def broken(args: list[str]) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(sys.modules["graphrec.cli.main"], "main", broken)
    with pytest.raises(ZeroDivisionError):
        console(["demo"])


def test_values_of_an_option_in_both_forms():
    args = ["fit", "-c", "a.yaml", "--config=b.yaml", "--ckpt_path", "x=y"]
    assert config_files(args) == [Path("a.yaml"), Path("b.yaml")]
    assert values_of(args, "--ckpt_path") == ["x=y"]
    assert values_of(args, "--seed") == []


def test_entries_know_their_file_and_row_and_the_command_line_wins(tmp_path):
    (tmp_path / "data.yaml").write_text("# split\nclass_path: D\n\ninit_args:\n  cutoffs: [10, 20]\n")
    file = tmp_path / "exp.yaml"
    file.write_text("seed_everything: 1\ndata: data.yaml\nmodel: {class_path: M, init_args: {l2: 0.1}}\n")

    whole = read_entries(["fit", "-c", str(file), "--model.init_args.l2=0.5", "--seed_everything", "7"])

    cutoffs = whole.keys["data"].keys["init_args"].keys["cutoffs"]
    assert (cutoffs.value, cutoffs.file, cutoffs.row) == ([10, 20], str(tmp_path / "data.yaml"), 5)
    assert whole.plain() == {
        "seed_everything": 7,
        "data": {"class_path": "D", "init_args": {"cutoffs": [10, 20]}},
        "model": {"class_path": "M", "init_args": {"l2": 0.5}},
    }
    l2 = whole.keys["model"].keys["init_args"].keys["l2"]
    assert (l2.file, l2.row) == ("command line", None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1\nb: 2\n", "row 2: not valid YAML"),
        (b"\xff\xfe\x00", "not valid YAML"),
        (b"- a\n", "holds no mapping"),
    ],
)
def test_a_configuration_that_is_no_yaml_mapping(content, message, tmp_path):
    file = tmp_path / "exp.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        check_configs(["fit", "-c", str(file)])


def test_the_newest_run_is_tested_and_its_refit_first(tmp_path):
    options = RunOptions(name="x", root=str(tmp_path))
    with pytest.raises(InputError, match="no checkpoint of a run with this name; run `graphrec fit` first"):
        newest(options)
    old, new = (RunFolder(tmp_path / "x" / name) for name in ("old", "new"))
    for run in (old, new):
        run.checkpoints.mkdir(parents=True)
        (run.checkpoints / "best.ckpt").touch()
        run.config.touch()
        Progress.begin(run.path, "fit")
    assert newest(options) == new.checkpoints / "best.ckpt"

    refit = RunFolder(new.path / "refit")
    refit.checkpoints.mkdir(parents=True)
    (refit.checkpoints / "last.ckpt").touch()
    refit.config.touch()
    begun = Progress.begin(refit.path, "refit")
    assert newest(options) == new.checkpoints / "best.ckpt"
    begun.finish(refit.path, "a split")
    assert newest(options) == refit.checkpoints / "last.ckpt"
    assert RunFolder.of_checkpoint(newest(options)).is_refit
    assert refit.id == new.id == "new"
    assert refit.wandb_id("a b") == new.wandb_id("a b") == "a-b-new"


def test_a_test_prints_a_row_per_item_set(capsys):
    source = synthetic(num_users=30, num_items=20, seed=1)
    data = RecommenderData(
        source, Temporal(train_end=14, val_end=14, whole_catalogue=True), item_sets=["all", "new"]
    )
    metrics = {"test_ndcg_20_all": 0.25, "test_ndcg_20_all_low": 0.2, "test_ndcg_20_all_high": 0.31}
    metrics["test_ndcg_20_new"] = 0.125
    print_summary(ClosedFormTask(Popularity()).summary("test", metrics, data))
    said = capsys.readouterr().out
    assert "0.2500 [0.200, 0.310]" in said
    assert "0.1250" in said
    assert "test, at 20" in said
    assert max(map(len, said.splitlines())) <= 80
