"""A history is told by the same choices as the log of the model, and money keeps the name that it has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from graphrec.cli.main import main
from graphrec.data.cleaning.rules import Guests
from graphrec.data.datasets.movielens import movielens


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Ratings, of which those from 3 on count, and data that name no features."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(3)
    log = pd.DataFrame({"user_id": random.integers(0, 30, 400), "item_id": random.integers(0, 15, 400)})
    log = log.assign(stars=random.integers(1, 6, 400), day=random.integers(1, 300, 400))
    log["item_id"] = log["item_id"].map("{:03d}".format)
    log.to_csv("log.csv", index=False)
    source = {"path": "log.csv", "columns": {"rating": "stars", "timestamp": "day"}, "time_format": "days"}
    arguments = {
        "source": {"class_path": "graphrec.data.sources.table", "init_args": {**source, "min_rating": 3}},
        "split": "LeaveLast",
    }
    Path("data.yaml").write_text(yaml.safe_dump({"class_path": "RecommenderData", "init_args": arguments}))
    return log


def test_a_history_keeps_what_the_log_keeps_from_a_run_and_from_an_export(shop, capsys):
    main(["fit", "-m", "item_cf", "--data", "data.yaml", "--run.name", "liked", "--run.id", "a"])
    run = "runs/liked/a/checkpoints/best.ckpt"
    main(["export", run, "--out", "liked.zip"])
    rows = [("neu", "001", 5), ("neu", "003", 1), ("neu", "004", 3)]
    pd.DataFrame(rows, columns=["user_id", "item_id", "stars"]).to_csv("history.csv", index=False)
    pd.DataFrame(rows[::2], columns=["user_id", "item_id", "stars"]).to_csv("kept.csv", index=False)
    found = []
    for model in (run, "liked.zip"):
        for name in ("history", "kept"):
            capsys.readouterr()
            words = ["--history", f"{name}.csv", "--columns", "rating=stars", "-k", "5"]
            main(["recommend", "--ckpt_path", model, *words, "--out", "lists.csv"])
            said = capsys.readouterr().err
            assert ("1 ratings below 3" in said) == (name == "history")
            found.append(Path("lists.csv").read_text())
    assert len(set(found)) == 1
    pd.DataFrame(rows).iloc[:, :2].set_axis(["user_id", "item_id"], axis=1).to_csv("bare.csv", index=False)
    main(["recommend", "--ckpt_path", "liked.zip", "--history", "bare.csv", "-k", "5", "--out", "lists.csv"])
    assert "bare.csv has no ratings: min_rating 3 of the model's log does not hold" in capsys.readouterr().err


def test_a_model_of_features_takes_the_defaults_beside_a_yaml_that_names_none(shop, capsys):
    main(["fit", "-m", "logistic", "--data", "data.yaml", "--run.name", "a", "--run.id", "a"])
    assert "logistic learns from features: the defaults" in capsys.readouterr().err
    main(["fit", "-m", "logistic", "--data", "data.yaml", "--run.name", "b", "--data.features", "{pca: 2}"])
    assert "the defaults" not in capsys.readouterr().err


def test_movielens_is_cleaned_as_declared(tmp_path):
    rows = [("1", "10", 5, 9e8), ("2", "10", 4, 9.1e8), ("2", "11", 3, 9.2e8), ("1", "11", 1, 9.3e8)]
    pd.DataFrame(rows, columns=["userId", "movieId", "rating", "timestamp"]).to_csv(
        tmp_path / "ratings.csv", index=False
    )
    raw = movielens(str(tmp_path), cleaning=[Guests(ids=["2"])])
    assert raw.log["user_id"].tolist() == ["1", "1"]
    assert [step.removed for step in raw.steps if step.rule] == [2]
    assert len(movielens(str(tmp_path)).log) == 4


def test_a_price_with_our_name_keeps_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    log = pd.DataFrame({"user_id": random.integers(0, 40, 300), "item_id": random.integers(0, 20, 300)})
    log["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 90, 300), unit="D")
    log["regular_price"] = (log["item_id"] + 1) * 1.5
    log["price"] = (log["regular_price"] * random.choice([1, 0.8], 300)).round(2)
    log.to_csv("log.csv", index=False)
    main(["init", "log.csv", "--out", "shop"])
    written = yaml.safe_load(Path("shop/data.yaml").read_text())
    columns = written["init_args"]["source"]["init_args"].get("columns", {})
    assert "list_price" not in columns
    assert columns.get("regular_price", "regular_price") == "regular_price"
