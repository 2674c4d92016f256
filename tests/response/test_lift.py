from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.response.lift import BIN_NAMES, DEPTHS, affinity_quartile, lift_table, monotonicity_violations


def planted(users=400, rows=40_000, seed=0):
    """Purchases with a lift of 1 to 4 at 50 %, higher with the affinity; popular items are often on deal."""
    rng = np.random.default_rng(seed)
    affinity = rng.random(users)
    user, item = rng.integers(users, size=rows), rng.integers(10, size=rows)
    popular = item >= 5
    deal = rng.random(rows) < np.where(popular, 0.6, 0.2)
    rate = np.where(deal, rng.choice([0.15, 0.25, 0.5], size=rows), 0.0)
    base = np.where(popular, 0.15, 0.05)
    probability = base * (1 + 3 * affinity[user] * (rate / 0.5))
    frame = pd.DataFrame({"user_id": user, "item_id": item, "rate": rate, "affinity": affinity[user]})
    return frame.assign(bought=rng.random(rows) < probability), probability


def by_hand(rows, values, quartile, low, high):
    """Purchases over what the same items sell at the regular price, relative to the quartile's own."""
    regular = rows["rate"] < DEPTHS[0]
    usual = values[regular].groupby(rows["item_id"][regular]).mean()
    expected = rows["item_id"].map(usual)
    mine = rows["user_id"].map(affinity_quartile(rows)) == quartile
    at = mine & (rows["rate"] >= low) & (rows["rate"] < high)
    return (values[at].sum() / expected[at].sum()) / (
        values[mine & regular].sum() / expected[mine & regular].sum()
    )


def test_lifts_are_those_of_a_computation_by_hand():
    rows, probability = planted()
    table = lift_table(rows, probability, replicates=20).set_index(["quartile", "depth"])
    bought, predicted = rows["bought"].astype(float), pd.Series(probability)
    for quartile, depth, low, high in ((0, BIN_NAMES[3], 0.2, 0.3), (3, BIN_NAMES[5], 0.4, 1.0)):
        found = table.loc[(quartile, depth)]
        assert found["observed"] == pytest.approx(by_hand(rows, bought, quartile, low, high))
        assert found["predicted"] == pytest.approx(by_hand(rows, predicted, quartile, low, high))


def test_lifts_are_not_fooled_by_popular_items_on_deal():
    rows, probability = planted()
    table = lift_table(rows, probability, replicates=200).set_index(["quartile", "depth"])
    deepest = table.xs(BIN_NAMES[5], level="depth")
    assert deepest["predicted"].tolist() == pytest.approx([1.375, 2.125, 2.875, 3.625], rel=0.08)
    cells = table.dropna()
    assert cells["inside"].mean() > 0.8
    raw = rows[rows["rate"] == 0.5]["bought"].mean() / rows[rows["rate"] == 0]["bought"].mean()
    assert raw > 1.2 * deepest["predicted"].mean()  # what a plain quotient would have said
    assert (table.loc[(slice(None), BIN_NAMES[0]), "observed"] == 1).all()


def test_a_response_without_heterogeneity_is_found_out():
    rows, _ = planted()
    flat = np.where(rows["rate"] > 0, 2.0, 1.0) * np.where(rows["item_id"] >= 5, 0.15, 0.05)
    table = lift_table(rows, flat, replicates=100).set_index(["quartile", "depth"])
    assert not table.loc[(3, BIN_NAMES[5]), "inside"]
    assert not table.loc[(0, BIN_NAMES[5]), "inside"]


def test_intervals_cover_a_repetition():
    rows, probability = planted(seed=1)
    table = lift_table(rows, probability, replicates=200, seed=3)
    again = lift_table(rows, probability, replicates=200, seed=3)
    pd.testing.assert_frame_equal(table, again)
    seen = table.dropna()
    assert ((seen["low"] <= seen["observed"]) & (seen["observed"] <= seen["high"])).all()


def test_only_the_interval_over_items_too_covers_what_items_share():
    """Deals of each item have a luck of their own; promises that are right on average must not be blamed."""
    rng, inside, twoway = np.random.default_rng(5), [], []
    for _ in range(10):
        rows, _ = planted(rows=60_000)
        rows = rows.assign(item_id=rng.integers(40, size=len(rows)))
        predicted = np.where(rows["rate"] > 0, 0.2, 0.1)
        luck = rng.lognormal(-0.125, 0.5, size=40)[rows["item_id"]]
        rows["bought"] = rng.random(len(rows)) < np.where(rows["rate"] > 0, predicted * luck, predicted)
        found = lift_table(rows, predicted, replicates=100).dropna()
        found = found[found["depth"] != BIN_NAMES[0]]
        inside.append(found["inside"].mean())
        twoway.append(found["twoway_inside"].mean())
    assert np.mean(inside) < 0.7
    assert np.mean(twoway) > 0.85


def test_the_interval_over_items_too_is_that_of_users_with_one_item():
    rows, probability = planted(rows=20_000)
    table = lift_table(rows.assign(item_id=0), probability, replicates=100)
    assert table["twoway_low"].tolist() == pytest.approx(table["low"].tolist(), rel=1e-9, nan_ok=True)
    assert table["twoway_high"].tolist() == pytest.approx(table["high"].tolist(), rel=1e-9, nan_ok=True)


def test_quartiles_are_of_users_not_of_rows():
    rows = pd.DataFrame({"user_id": ["a"] * 9 + ["b", "c", "d"], "affinity": [0.9] * 9 + [0.1, 0.2, 0.3]})
    assert affinity_quartile(rows).to_dict() == {"a": 3, "b": 0, "c": 1, "d": 2}


def test_violations_are_counted():
    assert monotonicity_violations(lambda rate: rate, 10, 1000) == 0
    assert monotonicity_violations(lambda rate: -rate, 10, 1000) == 1000
    one_bad = np.array([1.0, 1.0, 1.0, -1.0])
    assert monotonicity_violations(lambda rate: rate * one_bad, 4, 1000) == 250
