"""The expressions of the engine against features worked out with numpy, on logs with gaps and odd values."""

from __future__ import annotations

import feature_oracle as oracle
import numpy as np
import pandas as pd
import pytest
from feature_data import encode_attributes, encoded, shop
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.data.features import item, user
from graphrec.data.features.log import LogFacts
from graphrec.data.interactions import IdMap, Interactions

OPTIONAL = ["week", "basket_id", "quantity", "price", "regular_price", "shelf_price", "rating"]


def check_equal(train: Interactions, items: pd.DataFrame | None = None) -> None:
    """Every feature of every group: the same names, the same gaps, the same values."""
    ours, theirs = LogFacts.of(train), oracle.LogFacts.of(train)
    for name, module in (("behaviour", user), ("base", item), ("reviews", item)):
        found, wanted = getattr(module, name)(ours), getattr(oracle, name)(theirs)
        assert found.keys() == wanted.keys()
        for column, values in wanted.items():
            np.testing.assert_allclose(found[column], values, rtol=1e-9, atol=1e-12, err_msg=column)
    for name, module in (("purchase_frequency", user), ("average_rating", item)):
        found, wanted = getattr(module, name)(ours), getattr(oracle, name)(theirs)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, err_msg=name)
    np.testing.assert_array_equal(ours.sold(), oracle.sum_by(theirs.item, theirs.items))
    levels = encode_attributes(items, "item_id", train.items, np.ones(theirs.items), 30)
    shares = user.interest(ours, levels).values
    wanted = oracle.interest(theirs, levels)
    assert list(wanted) == levels.levels
    for place, column in enumerate(wanted.values()):
        np.testing.assert_allclose(shares[:, place], column, rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(
    rows=st.integers(1, 60),
    seed=st.integers(0, 1000),
    absent=st.sets(st.sampled_from(OPTIONAL)),
    gaps=st.floats(0, 1),
    timed=st.sampled_from([None, "times", "seconds"]),
)
def test_expressions_agree_with_numpy(
    rows: int, seed: int, absent: set[str], gaps: float, timed: str | None
) -> None:
    log, _, items = shop(seed, rows)
    rng = np.random.default_rng(seed)
    for name in set(OPTIONAL) - absent - {"basket_id"}:
        log[name] = log[name].astype(float).where(rng.random(rows) >= gaps)
        log.loc[rng.random(rows) < gaps / 4, name] = rng.choice([0.0, -1.0, np.inf])
    log["basket_id"] = log["basket_id"].astype("object").where(rng.random(rows) >= gaps / 3)
    if timed:
        minutes = rng.integers(0, 80 * 24 * 60, rows)
        log["timestamp"] = pd.Timestamp("2023-12-28 23:00") + pd.to_timedelta(minutes, unit="min")
    if timed == "seconds":
        log["timestamp"] = log["timestamp"].astype("datetime64[s]").astype("int64")
    train = encoded(log.drop(columns=list(absent)))
    items = pd.concat([items, pd.DataFrame({"item_id": train.items.ids[:1]})]).drop_duplicates("item_id")
    check_equal(train, items)


@pytest.mark.parametrize("columns", [[], ["week"], ["timestamp"], ["price", "rating"]])
def test_one_row_and_people_without_rows(columns: list[str]) -> None:
    row = {"week": 3, "timestamp": pd.Timestamp("2024-02-29 08:30"), "price": 2.5, "rating": 4.0}
    log = pd.DataFrame({"user_id": ["陈"], "item_id": ["007"], **{name: [row[name]] for name in columns}})
    train = encoded(log)
    check_equal(train)
    wider = Interactions(train.frame, IdMap(np.array(["陈", "陳"])), IdMap(np.array(["007", "7"])))
    check_equal(wider)


def test_equal_rows_give_equal_features_to_the_last_digit() -> None:
    log, _, _ = shop(rows=20_000)
    one, other = (user.behaviour(LogFacts.of(encoded(log))) for _ in range(2))
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])
