"""What strangers get from a model whose log tells views and returns from purchases."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from odd_shop import USERS, bought, listed

from graphrec.cli.main import main

DATA = """
class_path: RecommenderData
init_args:
  source: {class_path: graphrec.data.sources.table, init_args: {path: log.csv}}
  split: LeaveLast
  weights:
    rows: [{class_path: Event, init_args: {weights: {view: 0.1, purchase: 1, return: 0}}}]
"""
HISTORY = "user_id,item_id,event\nreturned,000,return\nboth,000,return\nboth,001,purchase\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A checkpoint of a log in which everybody viewed ``x;9`` and nobody bought it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("weighted"))
        patch.setenv("WANDB_MODE", "offline")
        log = bought(USERS, 1).assign(event="purchase")
        log = log[log["item_id"] != "x;9"]
        views = pd.DataFrame({"user_id": USERS, "item_id": "x;9", "timestamp": "2024-01-01", "event": "view"})
        pd.concat([views, log]).to_csv("log.csv", index=False)
        Path("my.yaml").write_text(DATA)
        Path("history.csv").write_text(HISTORY)
        main(["fit", "-m", "item_cf", "--data", "my.yaml", "--run.name", "cf", "--run.id", "a"])
        yield "runs/cf/a/checkpoints/best.ckpt"


def training_buyers() -> pd.Series[int]:
    """Independent of the package: distinct buyers of each item before the two last purchases of each user."""
    log = pd.read_csv("log.csv", dtype="str")
    log = log[log["event"] == "purchase"].sort_values("timestamp", kind="stable")
    left = log.groupby("user_id").cumcount(ascending=False)
    size = log.groupby("user_id")["item_id"].transform("size")
    return log[(left > 1) | (size < 3)].groupby("item_id")["user_id"].nunique()


def test_who_only_viewed_an_item_is_no_buyer_of_it(shop):
    ours = listed(shop, "--users", "niemand", "-k", "30")
    assert (ours["basis"] == "popularity").all()
    scores = ours.set_index("item_id")["score"]
    expected = training_buyers().reindex(scores.index, fill_value=0)
    pd.testing.assert_series_equal(scores, expected, check_names=False, check_dtype=False)
    assert scores["x;9"] == 0


def test_a_history_of_rows_of_weight_0_is_none(shop, capsys):
    ours = listed(shop, "--history", "history.csv", "-k", "3")
    basis = ours.drop_duplicates("user_id").set_index("user_id")["basis"]
    assert basis.to_dict() == {"returned": "popularity", "both": "history"}
    said = capsys.readouterr().err
    assert "1 user ranked by their history in history.csv" in said
    assert "1 of 2 users bought nothing in training or in --history, such as 'returned'" in said
