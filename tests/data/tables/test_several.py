"""Patterns, lists and packed files: one log whose rows still have their files."""

from __future__ import annotations

import gzip
import zipfile

import pandas as pd
import pyarrow as pa
import pytest

from graphrec.cli.main import main
from graphrec.data import sources
from graphrec.data.cleaning.rules import Duplicates, Guests, Returns
from graphrec.data.places.given import name_of
from graphrec.data.tables.read import TextFormat, check_table, read_table
from graphrec.errors import InputError

HEAD = "user_id,item_id,price\n"


@pytest.fixture
def shop(tmp_path):
    """Three years of a log in three files of different kinds, beside files that are none of it."""
    (tmp_path / "sales").mkdir()
    (tmp_path / "sales/2023.csv").write_text(HEAD + "007,a,1\n8,b,2\n")
    (tmp_path / "sales/2025.csv.gz").write_bytes(gzip.compress((HEAD + "9,c,3\n").encode()))
    (tmp_path / "sales/2024.tsv").write_text("item_id\tuser_id\tprice\nd\t007\t4\n")
    (tmp_path / "sales/2026.csv").write_text(HEAD)
    (tmp_path / "sales/empty.csv").touch()
    (tmp_path / "sales/_SUCCESS").touch()
    (tmp_path / "sales/notes.md").write_text("x")
    return tmp_path


def pairs(frame):
    return list(zip(frame["user_id"], frame["item_id"], strict=True))


def test_a_pattern_is_one_log_in_the_order_of_the_names(shop, capsys):
    found = read_table(shop / "sales/*")
    assert pairs(found) == [("007", "a"), ("8", "b"), ("007", "d"), ("9", "c")]
    said = capsys.readouterr().err
    assert "sales/*: 4 files are read as one table; empty and so without a row: empty.csv;" in said
    assert "no table and not read: notes.md" in said
    assert pairs(read_table(shop / "sales/202[34].*")) == [("007", "a"), ("8", "b"), ("007", "d")]
    assert pairs(read_table(shop / "**/202?.tsv")) == [("007", "d")]


def test_a_list_is_one_log_in_its_own_order(shop):
    files = [str(shop / "sales/2025.csv.gz"), str(shop / "sales/202[34].*")]
    raw = sources.table(files)
    assert pairs(raw.log) == [("9", "c"), ("007", "a"), ("8", "b"), ("007", "d")]
    assert raw.file == f"{files[0]} and 1 more"
    assert raw.log["of_file"].tolist()[-1] == str(shop / "sales/2024.tsv")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "the list of files is empty"),
        (["sales/2023.csv", 7], "7 is no path of a file"),
        (["sales/2023.csv", "sales/none.csv"], "there is no such file; that folder has"),
        (["sales/2023.csv", "sales/empty.csv"], "empty.csv: the file is empty"),
        (["sales/2023.csv", "./sales/2023.csv"], "this file is in the list twice; name it once"),
        (["sales/*.csv", "sales/2023.csv"], "this file is in the list twice"),
        (["sales/2023.csv", "sqlite:///shop.db?table=sales"], "a list holds files, and this is a database"),
        ("sales/*.parquet", "no file matches this pattern; the folder sales has 2023.csv, 2024.tsv"),
        ("sale/*.csv", "no file matches this pattern; there is no folder sale"),
        ("sales/e*.csv", "every file is empty: empty.csv"),
        ("sales/*6.csv", "2026.csv: the file has a header but no rows"),
    ],
)
def test_what_is_no_list_of_files_is_one_line(shop, monkeypatch, given, says):
    monkeypatch.chdir(shop)
    with pytest.raises(InputError, match=says.replace("*", r"\*")) as caught:
        sources.table(given)
    assert caught.value.hint


def test_files_of_two_parts_may_not_overlap(shop):
    sales = shop / "sales"
    with pytest.raises(InputError, match="two parts of the split are this file") as caught:
        sources.table(str(sales / "*.csv"), test_path=str(sales / "2023.csv"))
    assert caught.value.file == str(sales / "2023.csv")


def test_columns_must_agree_and_the_file_that_differs_is_named(shop):
    (shop / "sales/2027.csv").write_text("user_id,item_id\n1,x\n")
    with pytest.raises(InputError, match=r"missing here and stands in .*2023.csv") as caught:
        read_table(shop / "sales/*.csv")
    assert (caught.value.file, caught.value.column) == (shop / "sales/2027.csv", "price")
    (shop / "sales/2027.csv").write_text("user_id;item_id;price\n1;x;2\n")
    with pytest.raises(InputError, match="it looks delimited by ';'") as caught:
        read_table(shop / "sales/*.csv")
    assert caught.value.file == shop / "sales/2027.csv"


def test_every_problem_has_its_file_and_the_row_in_it(shop):
    (shop / "sales/2027.csv").write_text("interaction_id," + HEAD + "1,1,x,-2\n2,2\n3,3,y,z\n")
    (shop / "sales/2028.csv").write_text("interaction_id," + HEAD + "1,1,x,2\n9,9,x,-1\n")
    found = {(one.file.name, one.row, one.column) for one in check_table(shop / "sales/202[78].csv")}
    assert found == {
        ("2027.csv", 2, "price"),
        ("2027.csv", 3, None),
        ("2027.csv", 4, "price"),
        ("2028.csv", 2, "interaction_id"),
        ("2028.csv", 3, "price"),
    }
    twice = next(one for one in check_table(shop / "sales/202[78].csv") if one.column == "interaction_id")
    assert f"it stands in row 2 of {shop / 'sales/2027.csv'} already" in twice.message


def test_examples_of_cleaning_and_refusals_name_the_file(shop):
    (shop / "sales/2027.csv").write_text("user_id,item_id,quantity\n1,x,2\n,x,2\n")
    (shop / "sales/2028.csv").write_text("user_id,item_id,quantity\n1,x,-1\n2,x,3\n2,x,3\n")
    files = str(shop / "sales/202[78].csv")
    raw = sources.table(files, cleaning=[Guests(), Duplicates(repeats="drop"), Returns(how="net")])
    examples = {step.rule: step.examples for step in raw.steps if step.examples}
    assert examples["Guests"][0].startswith(f"{shop / 'sales/2027.csv'} row 3: ")
    assert examples["Duplicates"][0].startswith(f"{shop / 'sales/2028.csv'} row 4 repeats ")
    assert examples["Returns"][0] == f"{shop / 'sales/2027.csv'} row 2: quantity 2 → 1"
    with pytest.raises(InputError) as caught:
        sources.table(files, cleaning=[Returns(how="refuse")])
    assert (caught.value.file, caught.value.row) == (str(shop / "sales/2028.csv"), 2)


def test_rows_that_repeat_in_another_file_are_repeats(shop):
    (shop / "sales/2027.csv").write_text("user_id,item_id,timestamp\n1,x,2024-01-01\n")
    (shop / "sales/2028.csv").write_text("user_id,item_id,timestamp\n1,x,2024-01-01\n2,x,2024-01-01\n")
    raw = sources.table(str(shop / "sales/202[78].csv"))
    assert pairs(raw.log) == [("1", "x"), ("2", "x")]


def test_a_column_of_one_file_alone_is_still_told(shop):
    (shop / "sales/2027.csv").write_text("user_id,item_id\n1,x\n")
    (shop / "sales/2028.csv").write_text("user_id,item_id,menge\n1,x,3\n")
    raw = sources.table(str(shop / "sales/202[78].csv"))
    assert any("column 'menge' is not read" in hint for hint in raw.hints)


def test_folders_that_a_pattern_leaves_open_are_columns(tmp_path):
    for year, month in ((2023, 12), (2024, 1), (2024, 2)):
        folder = tmp_path / f"sales.parquet/year={year}/month={month}"
        folder.mkdir(parents=True)
        frame = pd.DataFrame({"user_id": ["u"], "item_id": [f"i{month}"]})
        frame.to_parquet(folder / "part-0.parquet")
        (folder / "_metadata").write_text("x")
    columns = {"week": "month"}
    assert read_table(tmp_path / "sales.parquet", columns)["week"].tolist() == [12, 1, 2]
    assert read_table(tmp_path / "sales.parquet/year=2024", columns)["week"].tolist() == [1, 2]
    assert read_table(tmp_path / "sales.parquet/year=*/*/*.parquet", columns)["week"].tolist() == [12, 1, 2]
    assert read_table(tmp_path / "sales.parquet/*=2024", columns)["item_id"].tolist() == ["i1", "i2"]
    assert read_table(tmp_path / "**/*.parquet", columns)["week"].tolist() == [12, 1, 2]


def test_options_of_text_hold_for_every_file(tmp_path):
    """Semicolons, decimal commas, Latin-1 and day-first dates, in a pattern, packed and in folders."""
    for name, row in (("a", "Gößl;1.204,50;31.12.2023"), ("b", "Ärger;0,5;01.02.2024")):
        text = f"user_id;price;date\n{row}\n".encode("latin-1")
        folder = tmp_path / f"parts/item_id=0{name}"
        folder.mkdir(parents=True)
        (folder / "part-0.csv").write_bytes(text)
        packed = f"user_id;price;date;item_id\n{row};0{name}\n".encode("latin-1")
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(packed))
        (tmp_path / f"{name}.csv.zst").write_bytes(pa.Codec("zstd").compress(packed, asbytes=True))
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr("inner/log.csv", packed)
    how = {"delimiter": ";", "decimal": ",", "encoding": "latin-1", "time_format": "%d.%m.%Y"}
    for given in ("parts", "*.csv.gz", "*.csv.zst", "*.zip"):
        log = sources.table(str(tmp_path / given), columns={"timestamp": "date"}, **how).log
        assert log["user_id"].tolist() == ["Gößl", "Ärger"]
        assert log["item_id"].tolist() == ["0a", "0b"]
        assert log["price"].tolist() == [1204.5, 0.5]
        assert log["timestamp"].dt.strftime("%Y-%m-%d").tolist() == ["2023-12-31", "2024-02-01"]
    (tmp_path / "c.csv.gz").write_bytes(
        gzip.compress(b"user_id;price;date;item_id\nx;2.5;1.1.2024;1\ny;2;1/1/2024;1\n")
    )
    problems = check_table(
        tmp_path / "*.csv.gz",
        {"timestamp": "date"},
        text=TextFormat(";", encoding="latin-1", decimal=","),
        time_format="%d.%m.%Y",
    )
    assert {(one.file.name, one.row, one.column) for one in problems} == {
        ("c.csv.gz", 2, "price"),
        ("c.csv.gz", 3, "date"),
    }


@pytest.mark.parametrize(
    ("name", "members", "says"),
    [
        ("log.zip", {"a.csv": HEAD + "u,i,1\n", "b.csv": HEAD}, r"holds 2 files: a.csv, b.csv; unpack it"),
        ("log.zip", {}, "holds 0 files"),
        ("log.zip", {"a.pdf": "x"}, "files of the type '.pdf' are not known"),
        ("log.zip", {"a.parquet": "x"}, "this is a packed Parquet file; unpack it"),
        ("log.csv.zip", {"[Content_Types].xml": "x", "b": "y"}, "an Excel workbook"),
    ],
)
def test_archives_that_are_no_table_are_one_line(tmp_path, name, members, says):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    with pytest.raises(InputError, match=says):
        read_table(tmp_path / name)


def test_a_packed_file_that_is_cut_off_or_locked_is_one_line(tmp_path):
    packed = gzip.compress((HEAD + "u,i,1\n" * 999).encode())
    zstd = pa.Codec("zstd").compress((HEAD + "u,i,1\n" * 999).encode(), asbytes=True)
    for name, content in (("t.csv.gz", packed), ("t.csv.zst", zstd)):
        (tmp_path / name).write_bytes(content[:-9])
        with pytest.raises(InputError, match="cannot be unpacked") as caught:
            read_table(tmp_path / name)
        assert caught.value.hint == "copy or pack the file again"
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("t.csv", HEAD + "u,i,1\n")
    whole = bytearray((tmp_path / "t.zip").read_bytes())
    locked = bytes(whole).replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01")
    locked = locked.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")
    assert locked != whole
    (tmp_path / "t.zip").write_bytes(locked)
    with pytest.raises(
        InputError, match="this archive cannot be opened; unpack it, or pack it again without"
    ):
        read_table(tmp_path / "t.zip")
    (tmp_path / "t.zip").write_bytes(whole[:-20])
    with pytest.raises(InputError, match="cannot be unpacked"):
        read_table(tmp_path / "t.zip")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("a/sales.csv.gz", "sales"),
        ("a/sales/*.csv", "sales"),
        ("a/sales-*.csv", "sales"),
        ("a/*/year=*/x*", "x"),
        ("a/**/*.csv", "a"),
        (["b/2023.csv", "b/2024.csv"], "2023"),
    ],
)
def test_a_data_set_is_named_after_its_files(given, name):
    from graphrec.data.places.given import str_of

    assert name_of(str_of(given)) == name


def test_what_is_read_of_a_folder_is_told_once(shop, capsys, monkeypatch):
    monkeypatch.chdir(shop)
    main(["data", "check", "sales/202[345].*"])
    assert capsys.readouterr().err.count("files are read as one table") == 1
    main(["data", "check", "sales/*"])
    assert capsys.readouterr().err.count("empty and so without a row: empty.csv") == 1
