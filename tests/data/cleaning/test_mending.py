from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.data.cleaning.account import CleaningStep, clean, keep_rows
from graphrec.data.cleaning.attributes import cover_ids, fill_attributes
from graphrec.data.cleaning.mending import (
    clip_above,
    clip_above_group_median,
    clip_below,
    drop_duplicates,
    drop_missing,
    fill_by_group_median,
)


def test_keep_rows_counts_and_renumbers():
    frame, step = keep_rows(pd.DataFrame({"x": [1, 2, 3]}), np.array([True, False, True]), "twos")
    assert frame["x"].tolist() == [1, 3]
    assert frame.index.tolist() == [0, 1]
    assert step == CleaningStep("twos", 3, removed=1)


def test_drop_missing_looks_at_its_columns_only():
    frame = pd.DataFrame(
        {"user_id": ["a", None, "c"], "item_id": ["x", "y", None], "price": [None, 1.0, 1.0]}
    )
    kept, step = drop_missing(frame, ["user_id", "item_id", "absent"])
    assert kept["user_id"].tolist() == ["a"]
    assert step.removed == 2


def test_duplicates_are_the_same_whatever_line_they_stand_on():
    frame = pd.DataFrame({"user_id": ["a", "a", "a"], "price": [1.0, 1.0, 2.0], "line": [2, 3, 4]})
    kept, step = drop_duplicates(frame)
    assert kept["line"].tolist() == [2, 4]
    assert step.removed == 1


def test_missing_price_becomes_the_median_of_its_item_and_of_no_other():
    frame = pd.DataFrame({"item_id": list("aaabc"), "price": [1.0, 3.0, np.nan, np.nan, 9.0]})
    filled, step = fill_by_group_median(frame, "price", "item_id")
    assert filled["price"].tolist()[:3] + filled["price"].tolist()[4:] == [1.0, 3.0, 2.0, 9.0]
    assert np.isnan(filled["price"].iloc[3])
    assert step.filled == 1
    empty = frame.assign(price=np.nan)
    same, step = fill_by_group_median(empty, "price", "item_id")
    assert same["price"].isna().all()
    assert step.filled == 0


def test_medians_do_not_look_at_test_rows():
    frame = pd.DataFrame(
        {"item_id": list("aaa"), "price": [1.0, np.nan, 99.0], "part": ["train", "train", "test"]}
    )
    filled, _ = fill_by_group_median(frame, "price", "item_id")
    assert filled["price"].tolist() == [1.0, 1.0, 99.0]


def test_outliers_are_lowered_to_a_multiple_of_their_items_median():
    usual = [2.0] * 5 + [2000.0]
    frame = pd.DataFrame(
        {"item_id": ["a"] * 6 + ["b"] * 6 + ["c"] * 2, "price": usual + [1900.0] * 6 + [1.0, 500.0]}
    )
    clipped, step = clip_above_group_median(frame, "price", "item_id", factor=10.0)
    assert clipped["price"].tolist() == [2.0] * 5 + [20.0] + [1900.0] * 6 + [1.0, 500.0]
    assert step.filled == 1
    assert frame["price"].iloc[5] == 2000.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1e6)), min_size=1, max_size=60))
def test_winsorising_never_raises_a_value_and_respects_the_bound(rows):
    frame = pd.DataFrame(rows, columns=["item_id", "price"]).astype({"price": "float64"})
    clipped, step = clip_above_group_median(frame, "price", "item_id", factor=3.0)
    assert (clipped["price"] <= frame["price"]).all()
    assert step.filled == (clipped["price"] < frame["price"]).sum()
    for _, group in frame.groupby("item_id"):
        if len(group) >= 5 and group["price"].median() > 0:
            assert clipped.loc[group.index, "price"].max() <= 3.0 * group["price"].median()
        else:
            assert clipped.loc[group.index, "price"].equals(group["price"])


def test_clips_and_chain():
    frame, steps = clean(
        pd.DataFrame({"x": [-1, 5, 500]}),
        [lambda f: clip_below(f, "x", 0), lambda f: clip_above(f, "x", 100)],
    )
    assert frame["x"].tolist() == [0, 5, 100]
    assert [step.filled for step in steps] == [1, 1]


def test_attributes_are_filled_and_cover_the_log():
    users = pd.DataFrame({"user_id": ["b", "a", "z"], "age": [30.0, np.nan, 50.0], "city": ["X", None, "Y"]})
    filled, step = fill_attributes(users, "users")
    assert filled["age"].tolist() == [30.0, 40.0, 50.0]
    assert filled["city"].tolist() == ["X", "unknown", "Y"]
    assert step.filled == 2
    covered, step = cover_ids(filled, "user_id", pd.Series(["c", "b", "a", "b"]), "users")
    assert covered["user_id"].tolist() == ["a", "b", "c"]
    assert covered["city"].tolist() == ["unknown", "X", "unknown"]
    assert covered["age"].tolist() == [40.0, 30.0, 40.0]
    assert (step.filled, step.removed) == (1, 1)
