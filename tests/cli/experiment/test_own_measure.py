"""Measures of a user's own, named by their dotted paths: watched, tested, and refused in one line."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from small_runs import CONFIG

from graphrec.cli.experiment.runs.folder import read_checkpoint
from graphrec.cli.main import main
from graphrec.errors import InputError

MODULE = """
from torch import Tensor

from graphrec.evaluation.measures import Lists, Measure


def surprise(lists: Lists) -> Tensor:
    return (lists.hits * lists.information).sum(dim=1) / lists.relevant


def places(lists):
    return 1.0 + (lists.hits == 0).cumprod(dim=1).sum(dim=1)


first_hit = Measure("first_hit", "Places to a hit", places, higher_is_better=False)


def ndcg(lists):
    return lists.found


def gaps(lists):
    return 1 / (lists.found * 0)
"""


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))  # a fit adds the folder to it
    monkeypatch.delitem(sys.modules, "own_measures_of_a_test", raising=False)
    Path("own_measures_of_a_test.py").write_text(MODULE)
    return tmp_path


def fit(*measures: str, monitor: str = "val_ndcg_20", run: str = "a", **trainer: object) -> Path:
    """Fit the small configuration with measures; returns the run's folder."""
    config = copy.deepcopy(CONFIG)
    config["run"] |= {"id": run, "monitor": monitor}
    config["trainer"] |= trainer
    config["data"]["init_args"]["measures"] = [f"own_measures_of_a_test.{name}" for name in measures]
    Path(f"{run}.yaml").write_text(yaml.safe_dump(config))
    return main(["fit", "-c", f"{run}.yaml"]).folder.path


def test_the_smallest_value_is_kept_where_smaller_is_better(here):
    folder = fit("first_hit", monitor="val_first_hit_20", max_epochs=4)
    watched = pd.read_csv(folder / "metrics.csv").dropna(subset=["val_first_hit_20"])
    best = read_checkpoint(folder / "checkpoints" / "best.ckpt")
    values = watched.set_index("epoch")["val_first_hit_20"]
    assert best["epoch"] == values.idxmin() != values.idxmax()


def test_a_checkpoint_that_names_measures_is_tested_with_trust_and_with_others(here):
    folder = fit("surprise", "first_hit", max_epochs=1)
    best = str(folder / "checkpoints" / "best.ckpt")
    with pytest.raises(InputError, match=r"names 'own_measures_of_a_test.surprise'.*--trust"):
        main(["test", "--ckpt_path", best])
    main(["test", "--ckpt_path", best, "--trust"])
    said = json.loads((folder / "test_metrics.json").read_text())
    assert said["measures"] == {
        "surprise": {"title": "Surprise", "higher_is_better": True},
        "first_hit": {"title": "Places to a hit", "higher_is_better": False},
    }
    assert said["test_first_hit_20"] == said["test_first_hit_20_new"] >= 1
    assert {"surprise_10", "first_hit_20"} <= set(pd.read_parquet(folder / "test_users.parquet").columns)
    main(["test", "--ckpt_path", best, "--trust", "--data.init_args.measures", "[]"])
    assert "measures" not in json.loads((folder / "test_metrics.json").read_text())


@pytest.mark.parametrize(
    ("named", "monitor", "message"),
    [
        ("ndcg", "val_ndcg_20", "column 'measures': graphrec has a measure 'ndcg'"),
        ("nothing", "val_ndcg_20", "there is no function 'own_measures_of_a_test.nothing'"),
        ("surprise", "val_surprise_30", "did you mean 'val_surprise_20'"),
        ("gaps", "val_ndcg_20", "measure gaps returned what is no finite number"),
    ],
)
def test_what_is_wrong_with_a_measure_is_one_line(named, monitor, message, here):
    with pytest.raises(InputError, match=message) as refused:
        fit(named, monitor=monitor, max_epochs=1)
    assert "\n" not in str(refused.value)
    assert not Path("runs").exists(), "found before the first step"


def test_a_callback_is_told_which_way_a_measure_is_better(here, capsys):
    stop = {"class_path": "EarlyStopping", "init_args": {"monitor": "val_first_hit_20", "mode": "max"}}
    fit("first_hit", max_epochs=1, callbacks=[stop])
    assert "takes val_first_hit_20 for the better the larger, as its mode is max" in capsys.readouterr().err
