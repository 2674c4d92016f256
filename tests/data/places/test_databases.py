"""Databases are read and never written, and no password is ever repeated."""

from __future__ import annotations

import os
import sqlite3
import stat
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import postgres_server
import pytest

from graphrec.cli.benchmark.plan import read_data
from graphrec.cli.main import main
from graphrec.data.tables.read import TextFormat, check_table, read_table
from graphrec.data.tables.sheets import check_text_options
from graphrec.errors import InputError
from graphrec.files import sha256_of

SECRET = postgres_server.PASSWORD
QUIET = ["--trainer.logger=false", "--trainer.enable_progress_bar=false"]


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    """The same log as a SQLite and as a DuckDB file."""
    monkeypatch.chdir(tmp_path)
    rows = [(f"0{u}", f"i{(u * 3 + i) % 11}", f"2024-01-{1 + i:02d}") for u in range(30) for i in range(6)]
    log = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    with sqlite3.connect("shop.db") as connection:
        log.to_sql("sales", connection, index=False)
        connection.execute("create view recent as select * from sales where timestamp > '2024-01-03'")
        connection.execute('create table "Käufe 2" as select * from sales limit 3')
    with duckdb.connect("shop.duckdb") as connection:
        connection.execute("create table sales as select * from log")
        connection.execute("create schema old; create view old.recent as from sales limit 2")
    return log


@pytest.mark.parametrize("file", ["sqlite:///shop.db", "duckdb:///shop.duckdb"])
@pytest.mark.parametrize(
    ("what", "rows"),
    [
        ("table=sales", 180),
        ("query=select * from sales where user_id = '01';  ", 6),
        ("query=with few as (select * from sales) select * from few where item_id like 'i_0' -- all", 16),
        ("query=select user_id, item_id, '?a=b&table=x' as c from sales", 180),
    ],
)
def test_a_table_and_a_query_are_read(file, what, rows):
    found = read_table(f"{file}?{what}")
    assert len(found) == rows
    assert found["line"].tolist() == list(range(1, rows + 1))
    assert set(found["user_id"]) <= {f"0{user}" for user in range(30)}


def test_views_schemas_and_odd_names_are_tables():
    assert len(read_table("sqlite:///shop.db?table=recent")) == 90
    assert len(read_table("sqlite:///shop.db?table=Käufe 2")) == 3
    assert len(read_table("duckdb:///shop.duckdb?table=old.recent")) == 2
    assert len(read_table(f"sqlite:///{Path('shop.db').absolute()}?table=sales")) == 180


WRITES = {
    "sqlite:///shop.db": [
        "delete from sales",
        "create table x as select 1",
        "vacuum into 'stolen.db'",
        "attach 'stolen.db' as other",
        "pragma journal_mode = wal",
        "select 1; delete from sales",
        "with x as (select 1) insert into sales select 1, 1, 1 from x",
    ],
    "duckdb:///shop.duckdb": [
        "delete from sales",
        "create table x as select 1",
        "copy sales to 'stolen.csv'",
        "copy (select 1) to 'stolen.csv'",
        "attach 'stolen.db'",
        "select 1; delete from sales",
        "set enable_external_access = true",
        "select * from 'other.csv'",
        "select * from read_text('/etc/passwd')",
        "export database 'stolen'",
    ],
}


@pytest.mark.parametrize(("file", "query"), [(file, one) for file, some in WRITES.items() for one in some])
def test_what_writes_or_reaches_other_files_is_refused(file, query):
    Path("other.csv").write_text("user_id,item_id\n1,2\n")
    before = {path.name: sha256_of(path) for path in Path().iterdir()}
    with pytest.raises(InputError, match=r"this is no query|the query is refused") as caught:
        read_table(f"{file}?query={query}")
    assert caught.value.hint
    assert {path.name: sha256_of(path) for path in Path().iterdir()} == before


def test_a_file_that_nobody_may_write_is_read():
    os.chmod("shop.db", stat.S_IRUSR)
    assert len(read_table("sqlite:///shop.db?table=sales")) == 180


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("sqlite:///shop.db", "no table is named; write .*; it has Käufe 2, recent, sales"),
        ("sqlite:///shop.db?table=sale", "there is no table 'sale'; did you mean 'sales'"),
        ("duckdb:///shop.duckdb?table=old.sale", "there is no table 'old.sale'; .*it has .*old.recent"),
        ("sqlite:///shop.db?query=select * from sale", "the query is refused: no such table: sale; correct"),
        ("duckdb:///shop.duckdb?query=selec", "the query is refused: Parser Error: syntax error"),
        ("sqlite:///none.db?table=sales", "there is no such file; .*shop.db"),
        ("sqlite://shop.db?table=sales", "put three slashes before its path: sqlite:///shop.db"),
        ("sqlite:///shop.duckdb?table=sales", "this is no sqlite database but DuckDB; write duckdb:///shop"),
        ("duckdb:///shop.db?table=sales", "this is no duckdb database but SQLite"),
        ("duckdb:///log.csv?table=sales", "the database cannot be read"),
        ("sqlite:///log.csv?table=sales", "the database cannot be read: file is not a database"),
        ("sqlite:///shop.db?table=sales&x=1", "'x' is no part of this address"),
        ("sqlite:///shop.db?table=sales&query=select 1", "both a table and a query are named"),
        (
            "sqlite:///shop.db?query=select 1 as user_id",
            "query of shop.db .*this column is missing",
        ),
        ("sqlite:///shop.db?query=select * from sales where 0", "the table has no rows"),
        ("shop.db", r"this is a SQLite database; name a table of it: sqlite:///shop.db\?table=NAME"),
        ("shop.duckdb", r"this is a DuckDB database; name a table of it: duckdb:///shop.duckdb\?table=NAME"),
    ],
)
def test_a_mistake_is_told_in_one_line(address, says):
    Path("log.csv").write_text("user_id,item_id\n1,2\n")
    with pytest.raises(InputError, match=says) as caught:
        read_table(address)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_problem_names_the_table_and_its_row():
    with sqlite3.connect("shop.db") as connection:
        connection.execute("create table odd as select '1' as user_id, 2 as item_id, 3.5 as price")
        connection.execute("insert into odd values (x'c3a9', 'a', 'dear'), (null, 4.5, -1)")
    found = check_table("sqlite:///shop.db?table=odd")
    assert [(str(one.file), one.row, one.column) for one in found] == [
        ("table odd of shop.db (rows from 1)", 2, "price"),
        ("table odd of shop.db (rows from 1)", 3, "price"),
    ]
    whole = read_table("sqlite:///shop.db?query=select user_id, item_id from odd")
    assert whole["user_id"].tolist()[:2] == ["1", "é"]
    assert whole["item_id"].tolist() == ["2", "a", "4.5"]
    with pytest.raises(InputError, match=r"see `graphrec data check 'sqlite:///shop.db\?table=odd'`"):
        read_table("sqlite:///shop.db?table=odd")


def test_options_of_text_hold_for_no_database():
    address = "sqlite:///shop.db?table=sales"
    with pytest.raises(InputError, match="a database has no delimiter"):
        check_text_options(TextFormat(";"), [address])
    with pytest.raises(InputError, match="a database names its columns itself"):
        read_table(address, text=TextFormat(names=("user_id", "item_id")))


def test_large_and_exact_numbers_stay(tmp_path):
    with duckdb.connect("exact.duckdb") as connection:
        connection.execute(
            """create table t as select 170141183460469231731687303715884105727::hugeint as item_id,
            uuid '12345678-1234-1234-1234-123456789abc' as user_id, 318.60::decimal(8, 2) as price,
            date '2024-02-03' as timestamp, 3::hugeint as quantity"""
        )
    found = read_table("duckdb:///exact.duckdb?table=t").iloc[0]
    assert found["user_id"] == "12345678-1234-1234-1234-123456789abc"
    assert found["price"] == float(Decimal("318.60"))
    assert (found["quantity"], found["timestamp"]) == (3.0, pd.Timestamp("2024-02-03"))
    assert found["item_id"] == str(2**127 - 1)


_SHOP = """
    create table sales as select '0' || u as user_id, (u * 3 + i) % 11 as item_id,
    date '2024-01-01' + i as timestamp from generate_series(0, 29) u, generate_series(0, 5) i;
    create table odd (user_id uuid, item_id int[], price numeric, timestamp timestamptz);
    insert into odd values (gen_random_uuid(), null, 'NaN', 'infinity');
    create function sneak() returns text language sql as
    $$ insert into sales values ('x', 1, null) returning 'x' $$
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with postgres_server.running(tmp_path_factory.mktemp("postgres")) as found:
        import psycopg

        with psycopg.connect(found.address, password=SECRET) as connection:
            for statement in _SHOP.split(";"):
                connection.execute(statement)
        yield found


def test_postgres_takes_its_password_from_where_its_own_tools_do(server, monkeypatch, tmp_path):
    address = f"{server.address}?table=sales"
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    with pytest.raises(InputError, match="no password supplied; give the password with PGPASSWORD or"):
        read_table(address)
    Path("pgpass").write_text(f"127.0.0.1:{server.port}:*:shop:{SECRET}\n")
    os.chmod("pgpass", 0o600)
    assert len(read_table(address)) == 180
    monkeypatch.setenv("PGPASSWORD", "falsch-0815")
    with pytest.raises(InputError, match="password authentication failed") as caught:
        read_table(address)
    assert "falsch-0815" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "delete from sales",
        "with gone as (delete from sales returning *) select * from gone",
        "select 1; drop table sales",
        "select 1; commit; drop table sales",
        "select sneak() as user_id, 1 as item_id",
        "select set_config('transaction_read_only', 'off', false) as user_id, sneak() as item_id",
        "copy sales to '/tmp/stolen.csv'",
        "select nextval('n')",
    ],
)
def test_postgres_writes_nothing(server, monkeypatch, query):
    import psycopg

    monkeypatch.setenv("PGPASSWORD", SECRET)
    with pytest.raises(InputError, match="the query is refused") as caught:
        read_table(f"{server.address}?query={query}")
    assert "DECLARE" not in str(caught.value).partition("DECLARE CURSOR must")[0]
    with psycopg.connect(server.address, password=SECRET) as connection:
        assert connection.execute("select count(*) from sales").fetchone() == (180,)


def test_what_postgres_cannot_give_is_one_line(server, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", SECRET)
    with pytest.raises(InputError, match="there is no table 'sale'; did you mean 'sales'"):
        read_table(f"{server.address}?table=sale")
    with pytest.raises(InputError, match="infinity"):
        read_table(f"{server.address}?table=odd")
    assert (
        read_table(f"{server.address}?query=select user_id, 1 as item_id, price from odd")["price"]
        .isna()
        .all()
    )
    with pytest.raises(InputError, match=r"the database cannot be read: .*(refused|failed)"):
        read_table("postgresql://shop@127.0.0.1:1/postgres?table=sales")


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://shop:{SECRET}@127.0.0.1/shop?table=sales",
        f"postgres://shop:a?b{SECRET}@127.0.0.1/shop?table=sales",
        f"postgresql://shop:a/b{SECRET}@127.0.0.1/shop?table=sales",
        f"postgresql://shop@127.0.0.1/shop?password={SECRET}&table=sales",
        f"postgresql://shop@127.0.0.1/shop?table=sales&password={SECRET}",
    ],
)
def test_an_address_with_a_password_is_refused_and_never_repeated(address, capfd):
    Path("my.yaml").write_text(
        "model: {class_path: ClosedFormTask, init_args: {recommender: ItemCF}}\n"
        "data:\n  class_path: RecommenderData\n  init_args:\n    split: LeaveLast\n    source:\n"
        f"      class_path: graphrec.data.sources.table\n      init_args: {{path: '{address}'}}\n"
    )
    commands = [
        ["data", "check", address],
        ["fit", "-m", "item_cf", "--data", address, *QUIET],
        ["fit", "-c", "my.yaml", *QUIET],
        ["benchmark", "--models", "item_cf", "--data", address],
        ["evaluate", "--recommendations", address, "--test", address],
    ]
    for command in commands:
        with pytest.raises((InputError, SystemExit)) as caught:
            main(command)
        said = capfd.readouterr()
        assert SECRET not in f"{caught.value}{said.out}{said.err}", command
    kept = [path for path in Path().rglob("*") if path.is_file() and path.name != "my.yaml"]
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]


def test_every_command_reads_a_database(server, monkeypatch, capfd):
    """From the log to lists for strangers, out of three databases."""
    monkeypatch.setenv("PGPASSWORD", SECRET)
    address = f"{server.address}?table=sales"
    main(["data", "check", address])
    main(["data", "describe", "duckdb:///shop.duckdb?table=sales"])
    cli = main(["fit", "-m", "item_cf", "--data", address, *QUIET])
    assert cli.folder.path.parent.name == "sales-item_cf"
    checkpoint = str(cli.folder.checkpoints / "best.ckpt")
    history = f"{server.address}?query=select 'new' as user_id, item_id from sales limit 3"
    main(["recommend", "--ckpt_path", checkpoint, "--history", history, "--out", "new.csv", "-k", "3"])
    assert set(pd.read_csv("new.csv")["basis"]) == {"history"}
    some = "sqlite:///shop.db?query=select user_id from sales where user_id < '03'"
    main(["recommend", "--ckpt_path", checkpoint, "--users", some, "--out", "some.csv"])
    assert pd.read_csv("some.csv", dtype="str")["user_id"].nunique() == 23
    kept = [path for path in Path().rglob("*") if path.is_file()]
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]


def test_a_cell_of_a_benchmark_depends_on_the_rows_of_its_table():
    address = "sqlite:///shop.db?table=sales"
    (before,) = read_data([address], {}, {})
    assert (before.name, before.config["init_args"]["split"]["class_path"]) == ("sales", "LeaveLast")
    with sqlite3.connect("shop.db") as connection:
        connection.execute("create table other as select 1")
    assert read_data([address], {}, {})[0].sha256 == before.sha256
    with sqlite3.connect("shop.db") as connection:
        connection.execute("update sales set item_id = 'i99' where user_id = '01'")
    assert read_data([address], {}, {})[0].sha256 != before.sha256


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("mysql://root@host/shop?table=sales", "a database of mysql cannot be read here"),
        ("mysql+pymysql://root@host/shop?table=sales", "a database of mysql cannot be read here"),
        ("snowflake://host/shop?query=select 1", "a database of snowflake cannot be read here"),
        ("postgresql+psycopg://host/shop?table=sales", "names a driver of another library"),
    ],
)
def test_a_database_of_another_kind_is_no_pattern_of_files(address, told):
    for words in (["data", "describe", address], ["fit", "-m", "ease", "--data", address]):
        with pytest.raises(InputError, match=told.replace("+", r"\+")) as raised:
            main(words)
        assert "SQLite (sqlite:///shop.db?table=sales), DuckDB" in str(raised.value)
