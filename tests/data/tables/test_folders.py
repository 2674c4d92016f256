"""Folders that are one table, and folders that are none."""

from __future__ import annotations

import pandas as pd
import pytest

from graphrec.data.tables.read import check_table, read_table
from graphrec.errors import InputError


def write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pd.DataFrame):
            content.to_parquet(folder / name)
        else:
            (folder / name).write_text(content)
    return folder


def frame(*items):
    return pd.DataFrame(
        {"user_id": [f"u{item}" for item in items], "item_id": [f"0{item}" for item in items]}
    )


def test_parts_are_rows_of_one_table_and_hidden_files_are_none(tmp_path, capsys):
    files = {"part-0.parquet": frame(1, 2), "part-1.parquet": frame(3), "part-2.parquet": frame()}
    hidden = {
        "_SUCCESS": "",
        ".part-0.parquet.crc": "x",
        "_temporary/0/part-9.parquet": frame(9),
        "README.md": "x",
    }
    found = read_table(write(tmp_path, files | hidden))
    assert found["item_id"].tolist() == ["01", "02", "03"]
    assert "3 files are read as one table" in capsys.readouterr().err


def test_folders_named_by_a_value_are_columns_of_text(tmp_path):
    files = {f"shop=0{shop}/item_id=a%20{shop}/x.parquet": frame(shop)[["user_id"]] for shop in (1, 2)}
    files["shop=__HIVE_DEFAULT_PARTITION__/item_id=b/x.parquet"] = frame(3)[["user_id"]]
    found = read_table(write(tmp_path, files), {"basket_id": "shop"})
    assert found["item_id"].tolist() == ["a 1", "a 2", "b"]
    assert found["basket_id"].tolist()[:2] == ["01", "02"]
    assert found["basket_id"].isna().tolist() == [False, False, True]
    text = {f"item_id=0{place}/part-0.csv": f"user_id,price\nu{place},2\n" for place in (1, 2)}
    assert read_table(write(tmp_path / "text", text))["item_id"].tolist() == ["01", "02"]


def test_types_of_parts_may_differ(tmp_path):
    """One program writes whole numbers, another floating point as soon as one is missing."""
    whole = pd.DataFrame({"user_id": ["a", "b"], "item_id": [2**60 + 1, 7]})
    other = pd.DataFrame({"user_id": ["c", "d"], "item_id": [7.0, None]})
    text = pd.DataFrame({"user_id": ["e"], "item_id": ["7"]})
    found = read_table(write(tmp_path, {"1.parquet": whole, "2.parquet": other, "3.parquet": text}))
    assert found["item_id"].tolist()[:3] == [str(2**60 + 1), "7", "7"]
    assert found["item_id"].tolist()[4] == "7"


def test_a_problem_names_the_part_and_its_row(tmp_path):
    head = "user_id,item_id,price\n"
    files = {"p0.csv": head + "a,x,1\nb,y,2\n", "p1.csv": head + "c,z,-3\n"}
    (problem,) = check_table(write(tmp_path, files))
    assert (problem.file, problem.row, problem.column) == (tmp_path / "p1.csv", 2, "price")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "holds no table; there is nothing in it"),
        ({"notes.md": "x"}, "holds no table; there is notes.md in it"),
        ({"_SUCCESS": ""}, "holds no table"),
        ({"a.parquet": frame()}, "the table has no rows"),
        (
            {"log.csv": "user_id,item_id\na,b\n", "users.csv": "user_id,age\na,3\n"},
            "must be parts of one table",
        ),
        ({"a.csv": "user_id,item_id\na,b\n", "b.csv": "user_id,item_id,price\na,b,1\n"}, "must be parts"),
        ({"a.parquet": frame(1), "b.csv": "user_id,item_id\na,b\n"}, "Parquet and text files"),
        ({"a.parquet": frame(1), "_delta_log/0.json": "{}"}, "a Delta table"),
        ({"a.csv": "user_id,item_id\n", "b.csv": "user_id,item_id\n"}, "the table has no rows"),
        ({"a.csv": "", "b.csv": ""}, "every file is empty: a.csv, b.csv"),
        ({"data/a.parquet": frame(1), "metadata/v1.metadata.json": "{}"}, "an Iceberg table"),
    ],
)
def test_what_is_no_table_is_one_line(tmp_path, files, says):
    with pytest.raises(InputError, match=says) as caught:
        read_table(write(tmp_path, files))
    assert caught.value.hint
