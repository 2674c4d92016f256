from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.data.interactions import IdMap, Interactions, RawData
from graphrec.errors import InputError


def encode(log: pd.DataFrame) -> Interactions:
    return Interactions.encode(log, IdMap.from_values(log["user_id"]), IdMap.from_values(log["item_id"]))


@given(st.lists(st.integers(-50, 50), min_size=1), st.lists(st.integers(-60, 60)))
def test_codes_and_ids_are_each_others_inverse(known, asked):
    ids = IdMap.from_values(known)
    assert ids.ids.tolist() == sorted(set(known))
    assert ids.codes(ids.ids).tolist() == list(range(len(ids)))
    for value, code in zip(asked, ids.codes(asked).tolist(), strict=True):
        assert (code == -1) if value not in known else (ids.ids[code] == value)


def test_ids_may_be_text():
    ids = IdMap.from_values(pd.Series(["b", "a", "b"]))
    assert ids.ids.tolist() == ["a", "b"]
    codes = ids.codes(pd.Series(["b", "c"]))
    assert codes.dtype == np.int64
    assert codes.tolist() == [1, -1]


def test_encode_drops_unknown_ids_and_keeps_the_other_columns():
    log = pd.DataFrame(
        {"user_id": ["a", "b", "c"], "item_id": [7, 8, 7], "price": [1.0, 2.0, 3.0]}, index=[9, 4, 2]
    )
    encoded = Interactions.encode(log, IdMap.from_values(["a", "c"]), IdMap.from_values([7]))
    assert encoded.frame[["user", "item", "price"]].to_numpy().tolist() == [[0, 0, 1.0], [1, 0, 3.0]]
    assert encoded.frame.index.tolist() == [0, 1]
    assert list(log) == ["user_id", "item_id", "price"]  # the caller's table is left alone


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), min_size=1))
def test_pairs_are_the_distinct_sorted_pairs(rows):
    frame = pd.DataFrame(rows, columns=["user", "item"])
    interactions = Interactions(frame, IdMap(np.arange(7)), IdMap(np.arange(5)))
    assert interactions.pairs().tolist() == [list(pair) for pair in sorted(set(rows))]
    assert len(interactions) == len(rows)


def test_no_rows_no_pairs():
    frame = pd.DataFrame({"user": np.zeros(0, int), "item": np.zeros(0, int)})
    assert Interactions(frame, IdMap(np.arange(2)), IdMap(np.arange(2))).pairs().shape == (0, 2)


@pytest.mark.parametrize("column", ["user", "item"])
@pytest.mark.parametrize("code", [-1, 2])
def test_codes_outside_their_map_are_refused(column, code):
    frame = pd.DataFrame({"user": [0, 1], "item": [0, 1]})
    frame.loc[1, column] = code
    with pytest.raises(ValueError, match=rf"{column} codes must lie in 0\.\.1"):
        Interactions(frame, IdMap(np.arange(2)), IdMap(np.arange(2)))


def test_fingerprint_is_of_the_pairs_in_external_ids():
    log = pd.DataFrame({"user_id": ["a", "b", "b"], "item_id": ["x", "x", "y"]})
    first = encode(log).sha256()
    assert first == encode(log.iloc[[2, 0, 1, 0]]).sha256()  # order and repeats do not count
    # another catalogue gives other codes, not another fingerprint
    assert (
        first
        == Interactions.encode(log, IdMap(np.array(["a", "aa", "b"])), IdMap(np.array(["x", "y"]))).sha256()
    )
    assert first != encode(log.iloc[:2]).sha256()
    assert first != encode(log.replace({"user_id": {"a": "c"}})).sha256()


@pytest.mark.parametrize("column", ["user_id", "item_id"])
def test_raw_data_needs_both_ids(column):
    log = pd.DataFrame({"user_id": [1], "item_id": [2]}).drop(columns=column)
    with pytest.raises(InputError, match=rf"shop\.csv, column '{column}'"):
        RawData("shop", log, file="shop.csv")


def test_raw_data_needs_a_row():
    with pytest.raises(InputError, match="no interaction is left"):
        RawData("shop", pd.DataFrame({"user_id": [], "item_id": []}))


def test_a_long_fingerprint_is_that_of_the_whole_text(monkeypatch):
    rng = np.random.default_rng(0)
    log = pd.DataFrame(
        {"user_id": rng.integers(9, size=40), "item_id": rng.choice(["x", "yy", "z"], size=40)}
    )
    encoded = encode(log)
    pairs = encoded.pairs()
    text = "".join(
        "\n".join(map(str, ids.ids[codes]))
        for ids, codes in ((encoded.users, pairs[:, 0]), (encoded.items, pairs[:, 1]))
    )
    monkeypatch.setattr("graphrec.data.interactions.HASHED_ROWS", 4)
    assert len(pairs) > 8
    assert encoded.sha256() == hashlib.sha256(text.encode()).hexdigest()
