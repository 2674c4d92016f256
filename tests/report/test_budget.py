"""The budget curve against sums by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from graphrec.report.budget import POINTS, budget_curves


def offers(count: int, seed: int = 0) -> pd.DataFrame:
    """Random offers of two policies beside none."""
    rng = np.random.default_rng(seed)
    pairs = pd.DataFrame({"scenario": "s", "user_id": np.arange(count), "item_id": "i"})
    none = pairs.assign(policy="none", rate=0.0, spend=0.0, expected_profit=rng.uniform(0, 1, count))
    others = [
        pairs.assign(
            policy=name,
            rate=np.where(rng.uniform(size=count) < 0.8, 0.1, 0.0),
            spend=rng.uniform(0.1, 2, count),
            expected_profit=none["expected_profit"] + rng.normal(0.2, 0.5, count),
        )
        for name in ("a", "b")
    ]
    return pd.concat([none, *others], ignore_index=True)


def test_the_curve_is_above_every_other_order_and_ends_at_the_whole_policy():
    table = offers(6)
    curves, left_out = budget_curves(table)
    assert left_out == []
    none = table[table["policy"] == "none"].set_index("user_id")["expected_profit"]
    for policy, curve in curves["s"].items():
        part = table[(table["policy"] == policy) & (table["rate"] > 0)].set_index("user_id")
        gain, spend = part["expected_profit"] - none[part.index], part["spend"]
        assert curve.iloc[0].tolist() == [0, 0]
        assert curve.iloc[-1].tolist() == pytest.approx([spend.sum(), gain.sum()])
        for order in itertools.permutations(range(len(part))):
            spent, gained = spend.to_numpy()[list(order)].cumsum(), gain.to_numpy()[list(order)].cumsum()
            assert (gained <= np.interp(spent, curve["spend"], curve["gain"]) + 1e-9).all()


def test_many_offers_are_drawn_with_few_points_and_both_ends():
    table = offers(5_000)
    curve = budget_curves(table)[0]["s"]["b"]
    assert len(curve) == POINTS
    assert curve["spend"].iloc[-1] == pytest.approx(
        table.loc[(table["policy"] == "b") & (table["rate"] > 0), "spend"].sum()
    )


def test_without_the_same_pairs_under_none_there_is_no_curve_but_a_line():
    table = offers(6)
    lacking = table[~((table["policy"] == "none") & (table["user_id"] < 3))]
    curves, left_out = budget_curves(lacking)
    assert curves == {}
    assert left_out == [
        f"no budget curve of {policy}: policy none does not decide on all its pairs" for policy in "ab"
    ]
    twice = pd.concat([table, table[table["policy"] == "none"]])
    assert budget_curves(twice) == ({}, ["no budget curve: policy none decides twice on one pair"])
