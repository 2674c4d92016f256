"""The local search over a W&B sweep file: every trial once, the best chosen on validation, resumable."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from scripts import EXPERIMENTS, load_script

DECAY = "model.init_args.recommender.init_args.decay_weeks"


@pytest.fixture(scope="module")
def search():
    return load_script("search")


@pytest.fixture
def sweep(tmp_path, monkeypatch) -> Path:
    """Two decays of top-frequency on the synthetic log."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    config = {
        "run": {"name": "synthetic-top_frequency"},
        "trainer": {"max_epochs": 1},
        "data": {
            "class_path": "RecommenderData",
            "init_args": {
                "source": {"class_path": "graphrec.data.sources.synthetic"},
                "split": {"class_path": "Temporal", "init_args": {"train_end": 14, "val_end": 17}},
                "item_sets": ["all"],
            },
        },
        "model": {
            "class_path": "ClosedFormTask",
            "init_args": {"recommender": {"class_path": "TopFrequency"}},
        },
    }
    Path("config.yaml").write_text(yaml.safe_dump(config))
    content = {
        "method": "grid",
        "metric": {"name": "val_ndcg_20", "goal": "maximize"},
        "command": ["graphrec", "fit", "--config", "config.yaml", "${args}"],
        "parameters": {DECAY: {"values": [1, 1000]}},
    }
    Path("sweep.yaml").write_text(yaml.safe_dump(content))
    return tmp_path / "sweep.yaml"


def options(sweep: Path) -> argparse.Namespace:
    return argparse.Namespace(sweep=sweep, trials=None, out=sweep.parent / "out", seed=0, show=5)


def test_every_point_is_tried_once_and_a_second_search_goes_on(search, sweep, monkeypatch):
    search.run(options(sweep))
    table = pd.read_csv(sweep.parent / "out" / "sweep.csv")
    assert sorted(json.loads(text)[DECAY] for text in table["settings"]) == [1, 1000]
    assert table["val_ndcg_20"].between(0, 1).all()
    assert table["val_ndcg_20"].nunique() == 2, "the setting must have reached the model"

    fitted: list[object] = []
    monkeypatch.setattr(search, "fit", lambda *arguments: fitted.append(arguments))
    search.run(options(sweep))
    assert not fitted, "trials that stand in the file are not run again"


@pytest.mark.parametrize("file", sorted((EXPERIMENTS / "sweeps").glob("*.yaml")), ids=lambda file: file.stem)
def test_shipped_sweeps_name_an_experiment_and_draw_what_they_say(search, file):
    sweep = yaml.safe_load(file.read_text())
    assert (EXPERIMENTS.parent / search.config_of(sweep)).is_file()
    drawn = search.trials(sweep, None, seed=0)
    assert len({json.dumps(trial) for trial in drawn}) == len(drawn)
    assert len(drawn) == sweep.get("run_cap", len(drawn))
    assert drawn == search.trials(sweep, None, seed=0)
