"""Encoding: levels, several levels in a value, gaps, numbers, dates, bookkeeping columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
from feature_data import encode_attributes

from graphrec.data.interactions import IdMap


def attributes(values: list[object], weights: list[float], most: int = 30, name: str = "kind") -> dict:
    ids = IdMap(np.arange(len(values)))
    table = pd.DataFrame({"item_id": ids.ids, name: values})
    block = encode_attributes(table, "item_id", ids, np.array(weights), most).block("a")
    return dict(zip(block.names, block.values.T.tolist(), strict=True))


def test_rare_levels_become_other_by_weight_and_gaps_unknown() -> None:
    # w and x tie for the last place, which goes by name
    columns = attributes(["x", "x", "y", "z", "w", None, "y", "x", "z"], [1, 1, 9, 3, 2, 50, 9, 0, 0], most=3)
    assert columns == {
        "a:kind=y": [0, 0, 1, 0, 0, 0, 1, 0, 0],
        "a:kind=z": [0, 0, 0, 1, 0, 0, 0, 0, 1],
        "a:kind=w": [0, 0, 0, 0, 1, 0, 0, 0, 0],
        "a:kind=other": [1, 1, 0, 0, 0, 0, 0, 1, 0],
        "a:kind=unknown": [0, 0, 0, 0, 0, 1, 0, 0, 0],
    }


def test_several_levels_in_one_value() -> None:
    columns = attributes(
        ["Action|Comedy", "Comedy", "Drama|War", "", "Comedy|Action", "Action"], [2, 2, 1, 1, 1, 1], 2
    )
    assert columns == {
        "a:kind=Comedy": [1, 1, 0, 0, 1, 0],
        "a:kind=Action": [1, 0, 0, 0, 1, 1],
        "a:kind=other": [0, 0, 1, 0, 0, 0],
        "a:kind=unknown": [0, 0, 0, 1, 0, 0],
    }


def test_numbers_are_standardised_with_their_gaps_marked() -> None:
    columns = attributes([1.0, 3.0, None, np.inf], [1.0] * 4)
    assert columns == {"a:kind": [-1, 1, 0, 0], "a:kind=unknown": [0, 0, 1, 1]}
    dates = attributes([pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-03")], [1.0] * 2)
    assert dates == {"a:kind": [-1, 1]}


def test_whole_numbers_of_an_id_column_and_booleans_are_categories() -> None:
    assert attributes([7, 7, None], [1.0] * 3, name="maker_id") == {
        "a:maker_id=7": [1, 1, 0],
        "a:maker_id=unknown": [0, 0, 1],
    }
    assert set(attributes([True, False, True], [1.0] * 3)) == {"a:kind=True", "a:kind=False"}


def test_bookkeeping_columns_and_constants_are_no_attributes() -> None:
    table = pd.DataFrame({"item_id": range(7), "line": range(2, 9), "size": [0.1] * 7})
    block = encode_attributes(table, "item_id", IdMap(np.arange(7)), np.ones(7), 30).block("a")
    assert block.names == ["a:size"]
    # the deviation of seven times 0.1 is 1e-17, not 0: dividing by it would make the rounding a feature
    assert np.abs(block.values).max() < 1e-6
