"""Settings of a benchmark: chosen by the search of `graphrec tune`, kept, searched again for other data."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from graphrec.cli.benchmark import tuning
from graphrec.cli.benchmark.job import write_result
from graphrec.cli.benchmark.plan import Cell, read_data, read_models
from graphrec.cli.benchmark.settings import read_settings, search_job, settings_of, tried

KEY = "model.init_args.recommender.init_args.neighbours"
SPACE = f"parameters:\n  {KEY}: {{values: [1, 2, 30]}}\n"


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """A model and a data set."""
    monkeypatch.chdir(tmp_path)
    rows = [(u, (u * 3 + i * 5) % 11, f"2024-01-{i + 1:02d}") for u in range(40) for i in range(6)]
    pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]).to_csv("log.csv", index=False)
    return read_models(["item_cf"])[0], read_data([Path("log.csv")], {}, {})[0]


@pytest.mark.timeout(900)
def test_the_best_trial_decides_and_is_kept(parts, tmp_path, monkeypatch):
    model, data = parts
    (tmp_path / "space.yaml").write_text(SPACE)
    monkeypatch.setattr(tuning, "shipped_space", lambda name: tmp_path / "space.yaml")
    job = search_job(model, data, 20, 2, 0, tmp_path / "bench")
    assert read_settings(job) is None
    write_result(job, tuning.chosen(job))

    said = read_settings(job)

    trials = pd.read_json(tmp_path / job["folder"] / "settings.json", typ="series")
    assert trials["tried"] == said["tried"] == 2
    settings = settings_of(said)
    assert set(settings.values) <= {KEY}
    assert settings.seconds > 0
    assert Cell(data, model, 0, settings, 20).job(tmp_path)["settings"] == dict(settings.values)
    assert tried(said).startswith("2 trials, best 0.")


def test_another_budget_or_data_is_another_search(parts, tmp_path):
    model, data = parts
    folders = {search_job(model, data, 20, trials, 0, tmp_path)["folder"] for trials in (2, 3)}
    (tmp_path / "log.csv").write_text("user_id,item_id\n1,2\n")
    (other,) = read_data([Path("log.csv")], {}, {})
    folders.add(search_job(model, other, 20, 2, 0, tmp_path)["folder"])
    assert len(folders) == 3


def test_a_model_without_a_space_keeps_its_defaults_and_says_so(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "shipped_space", lambda name: None)
    said = tuning.chosen(search_job(*parts, 20, 2, 0, tmp_path))
    assert settings_of(said).values == {}
    assert "its defaults" in tried(said)
