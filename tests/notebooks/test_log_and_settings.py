"""Notebooks 01 and 02 in small: counts are those of the log, settings reach the model, sentences are true."""

from __future__ import annotations

import pandas as pd
import pytest
from notebook_runs import WEEKS, outputs, reading, run, shop_log, table

from graphrec.evaluation.sentences import lead


def test_log_and_graph(tmp_path, monkeypatch):
    file = shop_log(tmp_path)
    notebook, out = run("01_log_and_graph", tmp_path, monkeypatch, LOG=file, FEWEST_BUYERS=1, **WEEKS)
    log = pd.read_csv(file)
    train = log[log["week"] <= 14].drop_duplicates(["user_id", "item_id"])
    later = log[log["week"].between(15, 17)].drop_duplicates(["user_id", "item_id"])
    later = later[later["user_id"].isin(train["user_id"]) & later["item_id"].isin(train["item_id"])]
    known = later.merge(train, on=["user_id", "item_id"])
    facts = table(out, "facts", index_col=0)["value"]
    users, items = train["user_id"].nunique(), train["item_id"].nunique()
    assert facts["edges"] == len(train)
    assert facts["density"] == pytest.approx(len(train) / users / items)
    assert facts["repeat"] == pytest.approx(len(known) / len(later))
    assert facts["median_degree"] == train.groupby("user_id").size().median()

    said = reading(notebook)
    assert f"The graph has {users:,} shoppers, {items:,} products and {len(train):,} edges" in said
    assert f"{100 * len(train) / users / items:.2f} % of all pairs" in said
    assert f"{100 * len(known) / len(later):.0f} % are edges already" in said
    assert ("**repeats** are the larger part" in said) == (len(known) > len(later) / 2)
    assert f"{len(log):,} rows in" in outputs(notebook, "stdout")[0].replace("\n    ", " ")
    assert len(outputs(notebook, "image/png")) == 1


@pytest.mark.slow  # a dozen fits; the notebook of the log runs in `make test`
def test_settings(tmp_path, monkeypatch):
    smaller = {
        "EVERY": 1,
        "SEEDS": (0,),
        "EPOCHS": 2,
        "LAYERS": (0, 1),
        "DIMENSIONS": (4, 8),
        "NEGATIVES": (1, 8),
        "BATCHES": (64, 512),
    }
    notebook, out = run("02_settings", tmp_path, monkeypatch, LOG=shop_log(tmp_path), **smaller, **WEEKS)
    found = table(out, "settings", dtype={"value of it": str}).query("items == 'new'")
    counts = found.groupby("setting")["value of it"].nunique()
    assert counts.to_dict() == {"num_layers": 2, "dim": 2, "loss": 3, "negatives": 2, "batch_size": 2}
    assert found["ndcg"].between(0, 1, inclusive="neither").all()
    assert (found.groupby("setting")["ndcg"].nunique() == counts).all(), "settings must reach the model"
    assert (found["epoch"] <= 2).all()

    said = reading(notebook)
    for name, rows in found.groupby("setting"):
        seeds = {value: one["ndcg"] for value, one in rows.groupby("value of it", sort=False)}
        first, *_, last = sorted(seeds, key=lambda value: -seeds[value].mean())
        assert f"Best and worst `{name}`, new items: {lead(first, seeds[first], last, seeds[last])}" in said
    layers = found[found["setting"] == "num_layers"].groupby("value of it")["ndcg"].mean()
    ahead = "One layer is ahead of none" if layers["1"] > layers["0"] else "none is ahead of One layer"
    assert ahead in said
    assert len(outputs(notebook, "image/png")) == 1
