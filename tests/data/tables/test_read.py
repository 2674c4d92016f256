from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import unicodedata

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.data.tables.read import TextFormat, check_table, read_table
from graphrec.errors import InputError

HEADER = "user_id,item_id,timestamp,price,quantity\n"
GOOD = HEADER + "001,a,2020-01-01,1.5,1\n2,b,2020-01-02,,2\n"


@pytest.fixture
def write(tmp_path):
    def _write(content, name="purchases.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


def problem(path, columns=None, **kwargs):
    with pytest.raises(InputError) as caught:
        read_table(path, columns, **kwargs)
    assert "\n" not in str(caught.value)
    return caught.value


def test_good_table_has_types_and_lines(write):
    frame = read_table(write(GOOD))
    assert frame["user_id"].tolist() == ["001", "2"]
    assert frame["price"].isna().tolist() == [False, True]
    assert frame["timestamp"].tolist() == [pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-02")]
    assert frame["line"].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("content", "row", "column", "says"),
    [
        (GOOD.replace("1.5", "-1"), 2, "price", "-1 is negative; prices must be >= 0"),
        (GOOD.replace("1.5", "cheap"), 2, "price", "'cheap' is not a number"),
        (GOOD.replace("1.5", "inf"), 2, "price", "'inf' is not a number"),
        (GOOD.replace("2020-01-02", "02/01/2020"), 3, "timestamp", "'02/01/2020' is not a date"),
        (GOOD.replace("2020-01-02", "2020-02-30"), 3, "timestamp", "is not a date"),
        (GOOD + "3,c\n", 4, None, "2 fields are too few, 5 are expected"),
        (GOOD + "3,c,2020-01-01,1,2,9\n", 4, None, "6 fields are too many"),
        (GOOD.replace("price", "item_id"), 1, "item_id", "stands in the header twice"),
        (GOOD.replace("item_id", "itemid"), None, "item_id", "did you mean 'itemid'? the file has user_id"),
        (b"", None, None, "the file is empty"),
        (b"\n \n", None, None, "the file is empty"),
        (HEADER, None, None, "no rows"),
        (GOOD.replace(",", ";"), 1, None, "it looks delimited by ';'"),
        (GOOD.replace(",", "\t"), 1, None, r"it looks delimited by '\t' (tab)"),
        (
            GOOD.encode() + "3,é,2020-01-01,1,2\n".encode("latin-1"),
            4,
            None,
            "byte 3 of the row, 0xe9, is not UTF-8",
        ),
        (GOOD.encode("utf-16-le"), 1, None, "the row holds a NUL byte; save the file as text"),
        (GOOD + '3,"c,2020-01-01,1,2\n4,d,2020-01-01,1,2\n', 4, None, "close the quote"),
    ],
)
def test_problem_names_row_column_and_mend(write, content, row, column, says):
    found = problem(write(content))
    assert (found.row, found.column) == (row, column)
    assert "purchases.csv" in str(found)
    assert says in str(found)
    assert found.hint


def test_all_problems_at_once_in_order_of_rows(write):
    path = write(HEADER + "1,a,2020-01-01,-1,x\n1,b\n1,c,soon,2,2\n1,d,2020-01-01,-3,1\n")
    found = check_table(path)
    assert [(p.row, p.column) for p in found] == [
        (2, "price"),
        (2, "quantity"),
        (3, None),
        (4, "timestamp"),
        (5, "price"),
    ]
    assert str(problem(path)).endswith(f"(and 4 more problems: see `graphrec data check {path}`)")
    assert check_table(write(GOOD, "good.csv")) == []


def test_the_message_reads_as_promised(write):
    path = write(GOOD.replace("1.5", "-1"))
    assert str(problem(path)) == (
        f"{path}, row 2, column 'price': -1 is negative; prices must be >= 0, fix the row; if it is a return,"
        " add cleaning: [{class_path: Returns, init_args: {how: net}}] to the source"
    )


def test_many_equal_problems_are_counted(write):
    found = check_table(write(HEADER + "1,a,2020-01-01,-1,1\n" * 250))
    assert len(found) == 101
    assert "150 more rows" in found[-1].message
    assert found[-1].row == 102


def test_files_put_one_below_the_other_name_the_second_header(write):
    text = "user_id,item_id{0}\na,x{1}\nuser_id,item_id{0}\nb,y{1}\n"
    for added, value in (("", ""), (",price", ",2")):
        with pytest.raises(InputError, match="row 3: this row names the columns again and is no data"):
            read_table(write(text.format(added, value)))
    assert len(read_table(write("user_id,item_id\nuser_id,x\na,item_id\n"))) == 2


def test_ids_that_a_spreadsheet_shortened_are_told(write, capsys):
    read_table(write("user_id,item_id\n1.23457E+12,x\n1.23457E+12,y\n12E+1,z\n"))
    said = capsys.readouterr().err
    assert "column 'user_id': 1 ids such as 1.23457E+12 look rounded by a spreadsheet" in said
    assert "item_id" not in said


def test_problems_are_named_in_the_words_of_the_file(write):
    path = write("customer,sku,paid\n1,a,-1\n")
    columns = {"user_id": "customer", "item_id": "sku", "price": "paid"}
    assert problem(path, columns).column == "paid"
    missing = problem(path, columns | {"week": "wek"})
    assert (missing.column, "the file has customer, sku, paid" in str(missing)) == ("wek", True)
    assert len(check_table(path)) == 2
    unknown = problem(path, columns | {"prise": "paid"})
    assert unknown.column == "columns.prise"
    assert "did you mean 'price'?" in str(unknown)


def test_a_mapped_column_is_not_read_again_under_its_own_name(write):
    frame = read_table(write("user_id,item_id,quantity\n1,a,5\n"), {"rating": "quantity"})
    assert "quantity" not in frame
    assert frame["rating"].tolist() == [5.0]


def test_interaction_id_is_unique(write):
    text = "user_id,item_id,order\n1,a,x\n1,b,y\n2,a,x\n2,c,x\n"
    path = write(text)
    found = check_table(path, {"interaction_id": "order"})
    assert [(p.row, p.column) for p in found] == [(4, "order"), (5, "order")]
    assert "it stands in row 2 already" in str(found[0])
    assert len(read_table(path)) == 4


def test_keys_of_attribute_tables_are_unique(write):
    users = write("customer,age,zip\n1,30,01234\n2,,99999\n", "users.csv")
    frame = read_table(users, {"user_id": "customer", "item_id": "sku"}, kind="users")
    assert frame.columns.tolist() == ["user_id", "age", "zip"]
    assert frame["age"].dtype == "float64"
    assert frame["zip"].tolist() == ["01234", "99999"]
    twice = problem(write("item_id,price\na,-1\na,x\n", "items.csv"), kind="items")
    assert (twice.row, twice.column) == (3, "item_id")


def test_directory_missing_file_and_unknown_type(write, tmp_path):
    write(GOOD)
    (tmp_path / "empty").mkdir()
    assert "holds no table; there is nothing in it" in str(problem(tmp_path / "empty"))
    assert "did you mean 'purchases.csv'?" in str(problem(tmp_path / "purchase.csv"))
    assert "does not exist either" in str(problem(tmp_path / "nowhere" / "a.csv"))
    assert "'.xlsx' are not known" in str(problem(write(GOOD, "a.xlsx")))


def test_parquet(write, tmp_path):
    path = tmp_path / "log.parquet"
    log = pd.DataFrame({"user_id": [7.0, None], "item_id": [1, 2], "price": [1.0, -2.0]})
    log.to_parquet(path)
    found = problem(path)
    assert (found.row, found.column) == (3, "price")
    log.assign(price=1.0).to_parquet(path)
    frame = read_table(path)
    assert frame["user_id"].dropna().tolist() == ["7"]
    assert frame["item_id"].tolist() == ["1", "2"]
    log.head(0).to_parquet(path)
    assert "no rows" in str(problem(path))
    assert "not a readable Parquet file" in str(problem(write(GOOD, "text.parquet")))
    log.to_parquet(path)
    whole = path.read_bytes()
    assert "Parquet file" in str(problem(write(whole[:4] + b"\0" * 200 + whole[204:], "damaged.parquet")))


def test_quoted_newlines_keep_line_numbers(write):
    path = write('user_id,item_id,price\n1,"a\nb",1\n\n2,c,-1\n')
    assert problem(path).row == 5
    frame = read_table(write('user_id,item_id,price\n1,"a\nb",1\n\n2,c,1\n', "good.csv"))
    assert frame["line"].tolist() == [2, 5]
    assert frame["item_id"].tolist() == ["a\nb", "c"]


def test_gzip_tabs_bom_and_crlf(write):
    plain = read_table(write(GOOD))
    for name, content in {
        "log.csv.gz": gzip.compress(GOOD.encode()),
        "log.tsv": GOOD.replace(",", "\t"),
        "log.csv.bz2": bz2.compress(GOOD.encode()),
        "log.CSV.XZ": lzma.compress(GOOD.encode()),
        "utf16.csv": GOOD.encode("utf-16"),
        "bom.csv": b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode(),
    }.items():
        pd.testing.assert_frame_equal(read_table(write(content, name)), plain)
    semicolon = write(GOOD.replace(",", ";"), "semicolon.csv")
    pd.testing.assert_frame_equal(read_table(semicolon, text=TextFormat(";")), plain)
    assert "cannot be unpacked" in str(problem(write(gzip.compress(GOOD.encode())[:-12], "cut.csv.gz")))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1577836800", "2020-01-01"),
        ("1577836800.5", "2020-01-01 00:00:00.5"),
        ("20200101", "2020-01-01"),
        ("2020-01-01T02:00:00+02:00", "2020-01-01"),
        ("2020-01-01 10:30", "2020-01-01 10:30"),
    ],
)
def test_forms_of_time(write, written, meant):
    frame = read_table(write(f"user_id,item_id,timestamp\n1,a,{written}\n2,b,\n"))
    assert frame["timestamp"].tolist()[0] == pd.Timestamp(meant)
    assert frame["timestamp"].isna().tolist() == [False, True]


fields = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\0", exclude_categories=["C"]), min_size=1
)


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.tuples(fields, fields.map(lambda text: text + "\n.")), min_size=1, max_size=8))
def test_any_text_comes_back_and_lines_are_true(tmp_path_factory, rows):
    rows = [(f"u{user}", f"i{item}") for user, item in rows]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    starts = []
    for row in [("user_id", "item_id"), *rows]:
        starts.append(buffer.getvalue().count("\n") + 1)
        writer.writerow(row)
    path = tmp_path_factory.mktemp("any") / "log.csv"
    path.write_bytes(buffer.getvalue().encode())
    frame = read_table(path)
    rows = [
        (unicodedata.normalize("NFC", user).strip(), unicodedata.normalize("NFC", item))
        for user, item in rows
    ]
    assert list(zip(frame["user_id"], frame["item_id"], strict=True)) == rows
    assert frame["line"].tolist() == starts[1:]
