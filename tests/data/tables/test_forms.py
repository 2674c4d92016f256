"""The same table, however it is written, is the same frame of ids; see `table_forms`."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from table_forms import ORDERED, PLAIN, SMALL, UNORDERED, WHOLE, point_zero

from graphrec.cli.frames import read_users, user_codes
from graphrec.data import sources
from graphrec.data.interactions import IdMap
from graphrec.data.joins import as_known
from graphrec.data.tables.read import load_table, read_table
from graphrec.errors import InputError
from graphrec.offers.limits.exposure import read_exposure
from graphrec.offers.limits.stock import read_stock
from graphrec.response.shelf import read_promotions

WORDS = ["NA", "null", "None", "nan", "N/A", "NULL", "<NA>", "#N/A", "true", "False", "inf", "-"]
ZEROS = ["007", "7", "0", "00", "0108775000", "1e5", "1.10", "1.1", "2020-01-01", "9007199254740993"]
ODD = ["é", "Ünï, code", 'the "best"', '7" single', '"Weird Al', "a;b|c", "a\tb", "日本", "it's", "#", "\\"]
texts = st.one_of(
    st.sampled_from(WORDS + ZEROS + ODD),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=6),
)
tables = st.lists(st.tuples(st.sampled_from(["u1", "02", "NA"]), st.none() | texts), min_size=2, max_size=9)
numbers = st.lists(st.none() | st.integers(0, 2**63 - 1), min_size=2, max_size=9)
small = st.lists(st.none() | st.integers(0, 2**53), min_size=2, max_size=9)


def framed(items, users=None):
    names = users or ["u1"] * len(items)
    return pd.DataFrame({"user_id": names, "item_id": pd.Series(items, dtype="str"), "price": 1.5})


def as_written(forms, name, frame, tmp_path_factory):
    """What is read of a table in one of its forms, missing ids as None."""
    path, text = forms[name](frame, tmp_path_factory.mktemp("form"))
    read = read_table(path, text=text)
    assert read["price"].tolist() == [1.5] * len(frame)
    return list(
        zip(read["user_id"], read["item_id"].astype(object).where(read["item_id"].notna(), None), strict=True)
    )


@pytest.mark.parametrize("name", [*ORDERED, *UNORDERED])
@settings(max_examples=12, deadline=None)
@given(rows=tables)
@example(rows=[("u1", word) for word in WORDS])
@example(rows=[("02", word) for word in [*ZEROS, None]])
@example(rows=[("NA", word) for word in ODD])
def test_any_form_of_a_table_has_the_same_ids(tmp_path_factory, name, rows):
    users, items = [user for user, _ in rows], [item for _, item in rows]
    meant = [
        (user, item if item is None else unicodedata.normalize("NFC", item).strip()) for user, item in rows
    ]
    found = as_written(ORDERED | UNORDERED, name, framed(items, users), tmp_path_factory)
    if name in UNORDERED:
        found, meant = sorted(found, key=str), sorted(meant, key=str)
    assert found == meant


@pytest.mark.parametrize("name", [*WHOLE, *SMALL, "point zero"])
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_whole_numbers_are_the_same_ids_in_any_type(tmp_path_factory, name, data):
    forms = WHOLE | SMALL | {"point zero": point_zero}
    values = data.draw(small if name in SMALL else numbers)
    items = [None if value is None else str(value) for value in values]
    found = as_written(forms, name, framed(items), tmp_path_factory)
    assert [item for _, item in found] == items


@pytest.mark.parametrize(
    ("values", "meant"),
    [
        (pa.array([2**60 + 1, None]), [str(2**60 + 1), None]),
        (pa.array([2**64 - 1, 0], pa.uint64()), [str(2**64 - 1), "0"]),
        (pa.array([True, False]), ["True", "False"]),
        (pa.array([1.5, 2.0]), ["1.5", "2.0"]),
        (pa.array(["", " "]), [None, None]),
        (pa.array(["1.0", "1.10", "1.1"]), ["1.0", "1.10", "1.1"]),
        (pa.array(["7.0", "7", "POST"]), ["7", "7", "POST"]),
        (pa.array(["17850.0", "17851.00"]), ["17850", "17851"]),
        (pa.array([pd.Timestamp("2020-01-02").date(), None]), ["2020-01-02", None]),
        (pa.array([b"a\xc3\xa9", b"b"], pa.binary()), ["aé", "b"]),
        (pa.array(["e\u0301", "\ufeffx\u200b"]), ["é", "x"]),
        (pa.nulls(2), [None, None]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else None,
)
def test_ids_of_every_type_are_text(tmp_path, values, meant):
    pq.write_table(pa.table({"user_id": ["u"] * len(values), "item_id": values}), tmp_path / "t.parquet")
    found = read_table(tmp_path / "t.parquet")["item_id"]
    assert found.dtype == "str"
    assert [None if pd.isna(value) else value for value in found] == meant


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (pa.array([["a"], ["b", "c"]]), "each value is a list, not one id"),
        (pa.array([{"a": 1}, {"a": 2}]), "each value is a struct, not one id"),
        (pa.array([b"\xff", b"b"], pa.binary()), "ids of the type binary cannot be read"),
    ],
    ids=["list", "struct", "bytes"],
)
def test_what_is_no_id_is_one_line(tmp_path, values, says):
    pq.write_table(pa.table({"user_id": ["u", "v"], "item_id": values}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=says) as caught:
        read_table(tmp_path / "t.parquet")
    assert caught.value.column == "item_id"


NOT_TEXT = pa.array([b"\xff", b"b"], pa.binary())


@pytest.mark.parametrize(("kind", "column"), [("log", "item_id"), ("items", "brand")])
@pytest.mark.parametrize("values", [NOT_TEXT, NOT_TEXT.view(pa.string())], ids=["bytes", "string"])
def test_what_is_not_text_is_one_line(tmp_path, kind, column, values):
    whole = pa.table({"user_id": ["u", "v"], "item_id": ["a", "b"]} | {column: values})
    pq.write_table(whole, tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"cannot be read|is not text in UTF-8") as caught:
        read_table(tmp_path / "t.parquet", kind=kind)
    assert caught.value.column == column


def test_space_around_names_in_parquet_is_no_part_of_them(tmp_path):
    pq.write_table(pa.table({" user_id": ["u"], "item_id ": ["a"]}), tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")["item_id"].tolist() == ["a"]


def test_rounded_ids_are_said(tmp_path, capsys):
    pd.DataFrame({"user_id": ["u", "v"], "item_id": [2.0**60, 1.0]}).to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")["item_id"].tolist() == [str(2**60), "1"]
    assert "ids above 2^53 are held as floating point" in capsys.readouterr().err


def test_an_index_that_pandas_keeps_beside_the_rows_is_a_column(tmp_path):
    frame = pd.DataFrame({"user_id": ["a", "b"]}, index=pd.RangeIndex(5, 9, 2, name="item_id"))
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")["item_id"].tolist() == ["5", "7"]
    frame.assign(price=1.0).set_index("user_id", append=True).to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")["user_id"].tolist() == ["a", "b"]


def test_what_was_done_to_ids_is_counted(tmp_path):
    (tmp_path / "t.csv").write_text("user_id,item_id\n u1,7.0\nu1 ,8.0\nu2,9.0\n")
    steps = {step.step: step.filled for step in load_table(tmp_path / "t.csv").steps}
    assert steps == {
        "user_id: space around ids taken off": 2,
        "item_id: ids such as 7.0 read as 7": 3,
    }


USERS = ["007", "NA", "17850", "é"]
ITEMS = ["0108", "null", "42", "x y"]
FORMS = [*ORDERED, *UNORDERED]


@settings(max_examples=25, deadline=None)
@given(chosen=st.lists(st.sampled_from(FORMS), min_size=7, max_size=7))
@example(chosen=["csv"] * 7)
@example(chosen=["strings"] * 7)
@example(chosen=["padded"] * 7)
def test_every_file_joins_every_other_however_they_are_written(tmp_path_factory, chosen):
    """Log, test, users, items, stock, past offers, promotions, a list of users: the same ids in all."""
    pairs = pd.DataFrame([(user, item) for user in USERS for item in ITEMS], columns=["user_id", "item_id"])
    frames = {
        "log": pairs.assign(timestamp="2020-01-01", price=2.0),
        "users": pairs.drop_duplicates("user_id").assign(town=["a", "b", "c", "d"]),
        "items": pairs.drop_duplicates("item_id").assign(kind=["a", "b", "c", "d"]),
        "stock": pairs.drop_duplicates("item_id").assign(stock=3),
        "exposure": pairs.assign(week=2),
        "promotions": pairs.drop_duplicates("item_id").assign(week=1, display=0.5, mailer=0.0),
        "list": pairs.drop_duplicates("user_id"),
    }
    paths = {}
    for form, (name, frame) in zip(chosen, frames.items(), strict=True):
        rows = frame.drop(columns="user_id") if name in ("items", "stock", "promotions") else frame
        plain = form not in ("semicolons", "cp1252", "headerless")  # these take an option of their own
        writer = (ORDERED | UNORDERED)[form if plain else "csv"]
        paths[name] = writer(rows, tmp_path_factory.mktemp(name))[0]
    raw = sources.table(
        str(paths["log"]),
        users=str(paths["users"]),
        items=str(paths["items"]),
        test_path=str(log_of(tmp_path_factory, frames["log"])),
    )
    assert set(raw.log["user_id"]) == set(USERS)
    assert dict(zip(raw.users["user_id"], raw.users["town"], strict=True)) == dict(
        zip(USERS, "abcd", strict=True)
    )
    assert dict(zip(raw.items["item_id"], raw.items["kind"], strict=True)) == dict(
        zip(ITEMS, "abcd", strict=True)
    )
    assert read_stock(paths["stock"]).to_dict() == dict.fromkeys(ITEMS, 3)
    past = read_exposure(paths["exposure"])
    assert set(zip(past["user_id"], past["item_id"], strict=True)) == set(
        zip(pairs["user_id"], pairs["item_id"], strict=True)
    )
    items = IdMap.from_values(raw.log["item_id"])
    assert set(read_promotions(str(paths["promotions"]), items)["item_id"]) == set(ITEMS)
    users = IdMap.from_values(raw.log["user_id"])
    codes = user_codes(read_users(paths["list"], {}, PLAIN), users)
    assert sorted(users.ids[codes]) == sorted(USERS)


def log_of(tmp_path_factory, log):
    """A test part in a form of its own: pandas' index, and ids as categories."""
    path = tmp_path_factory.mktemp("test") / "t.parquet"
    log.assign(item_id=log["item_id"].astype("category")).set_index("user_id").to_parquet(path)
    return path


def test_ids_with_point_zero_beside_words_join_whole_numbers():
    log = np.array(["17850.0", "POST", "1.10"])
    given = pd.Series(["17850", "POST", "1.1", None], dtype="str")
    assert as_known(given, log).tolist()[:3] == ["17850.0", "POST", "1.1"]
    assert as_known(pd.Series(["7.0", "8"], dtype="str"), np.array([7, 8])).tolist() == ["7", "8"]
