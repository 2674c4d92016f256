"""Notebooks 05 and 08 in small: lifts of a log that responds, and a shop's own table up to offers."""

from __future__ import annotations

import numpy as np
from notebook_runs import outputs, reading, run, table

from graphrec.response.lift import BIN_NAMES


def test_response(tmp_path, monkeypatch):
    options = {"num_users": 250, "num_items": 40, "num_blocks": 2, "density": 4.0, "response": 3.0}
    weeks = {"HISTORY_END": 8, "MIDDLE": 14, "LAST_WEEK": 20, "MIN_SOLD": 10, "REPLICATES": 50}
    notebook, out = run("05_response", tmp_path, monkeypatch, SOURCE="synthetic", OPTIONS=options, **weeks)
    found = {name: table(out, name) for name in ("lifts", "next", "first", "later")}
    assert BIN_NAMES[0] not in set(found["lifts"]["depth"])
    mean = {name: 100 * np.exp(np.log(one["observed"]).mean()) - 100 for name, one in found.items()}
    assert mean["lifts"] > 30, "the log was made with a response"
    assert abs(mean["next"]) < 15, "next week's depth is drawn by itself"

    said = reading(notebook)
    above = {name: (one["twoway_low"] > 1).sum() for name, one in found.items()}
    assert f"In {above['lifts']} of {len(found['lifts'])} cells" in said
    assert f"Their mean is {mean['lifts']:+.0f} %" in said
    deep = found["lifts"].query("depth == @BIN_NAMES[-1]").set_index("quartile")
    low, high = deep["twoway_low"], deep["twoway_high"]
    assert f"most buy ×{deep['observed'][3]:.2f} [{low[3]:.2f}, {high[3]:.2f}]" in said
    assert f"least ×{deep['observed'][0]:.2f} [{low[0]:.2f}, {high[0]:.2f}]" in said
    apart = high[0] < low[3] or high[3] < low[0]
    assert f"The intervals {'do not overlap' if apart else 'overlap'}" in said
    assert "That is less than with this week's" in said
    again = found["first"]["observed"].between(found["later"]["twoway_low"], found["later"]["twoway_high"])
    assert f"{again.sum()} of {len(again)} lie within the intervals" in said
    assert len(outputs(notebook, "image/png")) == 1


def test_your_own_shop(tmp_path, monkeypatch):
    notebook, out = run("08_your_own_shop", tmp_path, monkeypatch, SEEDS=(0,), EPOCHS=2, BUDGET=10)
    offers, lists = table(out, "offers"), table(out, "lists")
    assert lists.groupby("user_id").size().eq(3).all()
    total = offers.groupby("policy")[["expected_units", "spend"]].sum()
    assert total["spend"]["none"] == 0
    assert 0 < total["spend"]["knapsack"] <= 10
    given = offers[offers["rate"] > 0]
    assert (given["policy"] == "knapsack").all()
    assert "Kundennr" in outputs(notebook, "text/html")[0], "names of the shop's own"

    said = reading(notebook)
    assert f"{len(given):,} of {(offers['policy'] == 'knapsack').sum():,} pairs" in said
    assert f"of {given['rate'].min():.0%} to {given['rate'].max():.0%}" in said
    assert f"cost {total['spend']['knapsack']:.0f} of 10" in said
    more = total["expected_units"]["knapsack"] - total["expected_units"]["none"]
    assert f"bring {more:.0f} units more" in said
