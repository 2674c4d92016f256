"""Odd text files: read as they are meant, or one line with the row and the fix."""

from __future__ import annotations

import pytest

from graphrec.data import sources
from graphrec.data.tables.read import TextFormat, read_table
from graphrec.errors import InputError

TITLES = ["Weird Al", '"Weird Al', '7" single', 'say "hi"', '""', '"', 'a"', "'"]


def read(tmp_path, content, name="t.csv", columns=None, kind="log", **text):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, columns, kind=kind, text=TextFormat(**text))


def pairs(frame):
    return list(zip(frame["user_id"], frame["item_id"], strict=True))


@pytest.mark.parametrize("first", TITLES)
@pytest.mark.parametrize("second", TITLES)
def test_a_stray_quote_between_tabs_is_a_character(tmp_path, first, second):
    """Wherever quotes stand, every line is a row."""
    rows = [("u1", first, "i1"), ("u2", "x", "i2"), ("u3", second, "i3"), ("u4", first, "i4")]
    text = "user_id\ttitle\titem_id\n" + "".join("\t".join(row) + "\n" for row in rows)
    frame = read(tmp_path, text, "t.tsv")
    assert pairs(frame) == [(user, item) for user, _, item in rows]
    assert frame["line"].tolist() == [2, 3, 4, 5]
    last = "item_id\tuser_id\n" + "".join(f"{item}\t{user}{title}\n" for user, title, item in rows)
    assert pairs(read(tmp_path, last, "t.tsv")) == [(user + title, item) for user, title, item in rows]


@pytest.mark.parametrize(
    ("content", "name", "text", "meant"),
    [
        ('user_id\titem_id\tt\nu1\ti1\t"a\nb"\nu2\ti2\tc\n', "t.tsv", {}, [("u1", "i1"), ("u2", "i2")]),
        ('user_id\titem_id\nu1\t"i\t1"\nu2\ti2\n', "t.tsv", {}, [("u1", "i\t1"), ("u2", "i2")]),
        ('"user_id"\t"item_id"\n"u1"\t"a ""b"""\n', "t.txt", {}, [("u1", 'a "b"')]),
        ('t,user_id,item_id\n"a\nb",u1,i1\nc,u2,i2\n', "t.csv", {}, [("u1", "i1"), ("u2", "i2")]),
        ('user_id,item_id,t\nu1,i1,"a\nb"\nu2,i2,c\n', "t.csv", {}, [("u1", "i1"), ("u2", "i2")]),
        ("user_id, item_id\nu1, i1\n", "t.csv", {}, [("u1", "i1")]),
        ("user_id,item_id,,\nu1,i1,,\n", "t.csv", {}, [("u1", "i1")]),
        ("user_id,item_id,x,x\nu1,i1,1,2\n", "t.csv", {}, [("u1", "i1")]),
        ("u1,i1\nu2,i2\n", "t.csv", {"names": ("user_id", "item_id")}, [("u1", "i1"), ("u2", "i2")]),
        ("user_id||item_id\nu1||i|1\n", "t.csv", {"delimiter": "||"}, [("u1", "i|1")]),
        ("user_id,item_id\nu1,Café\n".encode("latin-1"), "t.csv", {"encoding": "latin-1"}, [("u1", "Café")]),
        (
            "user_id,item_id\nu1,日本\n".encode("shift-jis"),
            "t.csv",
            {"encoding": "shift-jis"},
            [("u1", "日本")],
        ),
        (f"user_id,item_id,t\nu1,i1,{'x' * 200_000}\n", "t.csv", {}, [("u1", "i1")]),
        ("user_id,item_id\nu1,i1\n   \n\nu2,i2\n", "t.csv", {}, [("u1", "i1"), ("u2", "i2")]),
    ],
)
def test_what_can_be_read_is_read(tmp_path, content, name, text, meant):
    assert pairs(read(tmp_path, content, name, **text)) == meant


@pytest.mark.parametrize(
    ("content", "text", "row", "says"),
    [
        ('user_id,item_id\nu1,"i1\nu2,i2\nu3,"i3\n', {}, 2, "makes one row of lines 2 to 4"),
        ('user_id,item_id\nu1,i1\nu2,"i2\nu3,i3\n', {}, 3, "makes one row of lines 3 to 4"),
        ("u1,i1,2020-01-01\nu2,i2,2020-01-02\n", {}, 1, r"looks like data.*names: \[user_id, item_id"),
        ("u1,i1\nu2,i2\n", {}, None, r"names: \[\.\.\.\] if the first row is data"),
        ("user_id,item_id\nu1,i1\n", {"names": ("user_id", "item_id")}, 1, "leave names out"),
        ("u1,i1,x\nu2,i2,x\n", {"names": ("user_id", "item_id")}, 1, "3 fields, and 2 columns are named"),
        ("user_id,item_id\n1,u1,i1\n2,u2,i2\n", {}, 2, "in R: write.csv"),
        ("user_id,item_id\nu1,i\x001\n", {}, 2, "a NUL byte"),
        ("user_id,item_id\ru1,i1\r", {}, None, "at the end of each line"),
        ("user_id,item_id\nu1,i1\n", {"encoding": "utf-9"}, None, "no encoding 'utf-9'"),
        ("user_id,item_id\nu1,i1\n", {"encoding": "base64"}, None, "no encoding 'base64'"),
        ("user_id,item_id\nu1,i1\n", {"encoding": "utf-16"}, None, "not UTF-16"),
        ("user_id,item_id\nu1,i1\n", {"delimiter": ""}, None, "cannot delimit"),
        ("user_id,item_id,t\nu1,i1,x\nu2\n" * 1, {}, 3, "1 fields are too few"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, content, text, row, says):
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path, content, **text)
    assert caught.value.row == row
    assert caught.value.hint


def test_a_list_without_a_name_is_one_line(tmp_path):
    with pytest.raises(InputError, match="names no column; write a first row with the names user_id"):
        read(tmp_path, "u1\nu2\n", kind="user_list")
    assert read(tmp_path, "user_id\nu1\n\nu2\n", "t.txt", kind="user_list")["user_id"].tolist() == [
        "u1",
        "u2",
    ]


def test_columns_are_left_out_by_name_and_never_one_for_two_ids(tmp_path):
    text = "user_id,item_id,part,week\nu1,i1,bolt,Monday\n"
    assert list(read(tmp_path, text, columns={"part": None, "week": None})) == ["user_id", "item_id", "line"]
    with pytest.raises(InputError, match=r"part: null in columns, part= after --columns"):
        read(tmp_path, text, columns={"week": None})
    with pytest.raises(InputError, match="a log needs this column"):
        read(tmp_path, text, columns={"item_id": None})
    with pytest.raises(InputError, match="both ids are mapped to 'part'"):
        read(tmp_path, text, columns={"user_id": "part", "item_id": "part"})


def test_many_ragged_rows_are_counted(tmp_path):
    with pytest.raises(InputError, match="and 399 more problems"):
        read(tmp_path, "user_id,item_id\nu,i\n" + "x\n" * 400)


@pytest.mark.parametrize(
    ("kind", "content", "row", "column"),
    [
        ("stock", "item_id,stock\na,1\n,2\nb,\n", 3, "item_id"),
        ("stock", "item_id,stock\na,1\nb,\nc,\n", 3, "stock"),
        ("exposure", "user_id,item_id,week,rate\nu,a,NA,\n", 2, "week"),
        ("promotions", "item_id,week,display,mailer\na,1,0.5,\n", 2, "mailer"),
        ("user_list", "user_id,age\nu,3\n,4\n", 3, "user_id"),
    ],
)
def test_files_that_must_be_complete_lose_no_row_without_a_word(tmp_path, kind, content, row, column):
    with pytest.raises(InputError, match="the value is missing") as caught:
        read(tmp_path, content, kind=kind)
    assert (caught.value.row, caught.value.column) == (row, column)


@pytest.mark.parametrize(
    ("kind", "content", "says"),
    [
        ("stock", "item_id,stock\na,-1\n", "-1 is negative; give the units on hand"),
        ("stock", "item_id,stock\na,many\n", "'many' is not a number"),
        ("exposure", "user_id,item_id,week\nu,a,1.5\n", "is not a whole number"),
        ("exposure", "user_id,item_id,week,rate\nu,a,1,20\n", "is not between 0 and 1"),
        ("promotions", "item_id,week,display,mailer\na,1,3,0\n", "is not between 0 and 1"),
    ],
)
def test_values_of_every_kind_of_file_are_checked(tmp_path, kind, content, says):
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path, content, kind=kind)
    assert caught.value.row == 2


def test_what_editors_and_spreadsheets_put_before_a_file(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("sep=;\nuser_id;item_id\na;x\n")
    with pytest.raises(InputError, match=r"row 1: this line tells Excel the delimiter; .* the delimiter ';'"):
        sources.table(str(log))
    (tmp_path / "train.txt").write_text("\ufeff0 1 2\n")
    (tmp_path / "test.txt").write_text("0 3\n")
    assert len(sources.lightgcn_txt(str(tmp_path)).log) == 3
    inter = tmp_path / "x.inter"
    inter.write_text("user_id:token\titem_id:token\n1\t2\nuser_id:token\titem_id:token\n1\t3\n")
    with pytest.raises(InputError, match="row 3: this row names the columns again"):
        sources.recbole(str(inter))
