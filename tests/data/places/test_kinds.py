"""Whatever a log lies in, what comes out of the source is what its plain CSV file gives."""

from __future__ import annotations

import gzip
import sqlite3
import zipfile

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import postgres_server
import pyarrow as pa
import pytest

import graphrec as gr
from graphrec.data import sources
from graphrec.data.cleaning.rules import Duplicates, Guests, Returns, ZeroQuantities
from graphrec.data.interactions import Interactions

COLUMNS = {"user_id": "Kunde", "item_id": "Ware", "timestamp": "Tag", "quantity": "Menge", "price": "Preis"}
CLEANING = [Guests(ids=["0"]), Duplicates(), ZeroQuantities(), Returns(how="net")]
USERS = ["007", "7", "NA", "Größl & Söhne", " 42", "1e5", "0", None, "9007199254740993", "null"]


def dirty(seed: int, rows: int = 90) -> pd.DataFrame:
    """A log with guests, repeats, returns, zero quantities, gaps and ids that programs like to change."""
    draw = np.random.default_rng(seed)
    log = pd.DataFrame(
        {
            "Kunde": pd.Series(draw.choice(np.array(USERS, dtype=object), rows), dtype="str"),
            "Ware": draw.choice([3, 40, 2**60 + 1, 17850], rows),
            "Tag": pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 60, rows), "D"),
            "Menge": pd.array(draw.choice([1, 2, 3, -1, 0], rows, p=[0.5, 0.2, 0.1, 0.1, 0.1]), "Int64"),
            "Preis": np.round(draw.uniform(0.5, 1500, rows), 2),
        }
    )
    log.loc[draw.choice(rows, 5), "Preis"] = np.nan
    log.loc[draw.choice(rows, 5), "Menge"] = pd.NA
    repeated = log.iloc[draw.choice(rows, 6)]
    return pd.concat([log, repeated, log[:1].assign(Preis=1e6)], ignore_index=True)


def text(log: pd.DataFrame) -> str:
    return log.to_csv(index=False)


def parts(log: pd.DataFrame) -> list[pd.DataFrame]:
    return [log[:30], log[30:31], log[31:31], log[31:]]


def one_file(name, pack):
    def write(log, folder):
        (folder / name).write_bytes(pack(text(log).encode()))
        return str(folder / name), {}

    return write


def zipped(content):
    from io import BytesIO

    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export/log.csv", content)
    return buffer.getvalue()


def pattern(log, folder):
    for place, part in enumerate(parts(log)):
        (folder / f"{place}.csv").write_text(text(part))
    return str(folder / "*.csv"), {}


def listed(log, folder):
    pattern(log, folder)
    return [str(folder / "0.csv"), str(folder / "[123].csv")], {}


def spark(log, folder):
    for place, part in enumerate(parts(log)):
        part.to_parquet(folder / f"part-{place}.snappy.parquet", index=False)
    (folder / "_SUCCESS").touch()
    (folder / "_metadata").write_text("x")
    (folder / ".part-0.crc").write_text("x")
    return str(folder), {}


def spark_text(log, folder):
    for place, part in enumerate(parts(log)):
        (folder / f"part-{place}.csv.gz").write_bytes(gzip.compress(text(part).encode()))
    (folder / "part-9.csv").touch()
    (folder / "_SUCCESS").touch()
    return str(folder), {}


def hive(log, folder):
    for place, part in enumerate(parts(log)):
        below = folder / f"log.parquet/year=2024/chunk={place}"
        below.mkdir(parents=True)
        part.to_parquet(below / "part-0.parquet", index=False)
    return str(folder / "log.parquet"), {}


def partitioned_by_user(log, folder):
    """The user is a folder's name. It keeps the order of the rows where they are sorted so."""
    for user, part in log.groupby("Kunde", dropna=False):
        name = "__HIVE_DEFAULT_PARTITION__" if pd.isna(user) else user.replace(" ", "%20")
        below = folder / f"Kunde={name}"
        below.mkdir()
        (below / "part-0.csv").write_text(text(part.drop(columns="Kunde")))
    return str(folder), {}


def german(log, folder):
    shown = log.assign(
        Tag=log["Tag"].dt.strftime("%d.%m.%Y"),
        Preis=log["Preis"].map(lambda price: "" if pd.isna(price) else f"{price:_.2f}".translate(_GERMAN)),
    )
    for place, part in enumerate(parts(shown)):
        content = part.to_csv(index=False, sep=";").encode("latin-1")
        (folder / f"{place}.csv.gz").write_bytes(gzip.compress(content))
    how = {"delimiter": ";", "decimal": ",", "encoding": "latin-1", "time_format": "%d.%m.%Y"}
    return str(folder / "*.gz"), how


_GERMAN = str.maketrans({"_": ".", ".": ","})


def sqlite(log, folder):
    with sqlite3.connect(folder / "shop.db") as connection:
        log.assign(Tag=log["Tag"].dt.strftime("%Y-%m-%d")).to_sql("sales", connection, index=False)
    return f"sqlite:///{folder / 'shop.db'}?table=sales", {}


def duck(log, folder):
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.execute("create table sales as select * from log")
    return f"duckdb:///{folder / 'shop.duckdb'}?table=sales", {}


def polars(log, folder):
    frame = pl.from_pandas(log)
    assert frame.schema["Kunde"] == pl.String
    return frame, {}


def polars_categories(log, folder):
    return pl.from_pandas(log).with_columns(pl.col("Kunde").cast(pl.Categorical)), {}


def arrow(log, folder):
    table = pa.Table.from_pandas(log, preserve_index=False)
    whole = table["Kunde"].cast(pa.string_view())
    return table.set_column(0, "Kunde", whole), {}


KINDS = {
    "gzip": one_file("t.csv.gz", gzip.compress),
    "zip": one_file("t.zip", zipped),
    "zstd": one_file("t.csv.zst", lambda content: pa.Codec("zstd").compress(content, asbytes=True)),
    "pattern": pattern,
    "list": listed,
    "spark": spark,
    "spark text": spark_text,
    "hive": hive,
    "semicolons, commas, day first, latin-1": german,
    "sqlite": sqlite,
    "duckdb": duck,
    "pandas": lambda log, folder: (log, {}),
    "pandas categories": lambda log, folder: (log.astype({"Kunde": "category", "Ware": "category"}), {}),
    "polars": polars,
    "polars categories": polars_categories,
    "arrow": arrow,
}


def read(given, how):
    """Read by the front door, which takes all of them, and hand out what models see."""
    split = gr.LeaveLast(whole_catalogue=True)
    found = gr.load(given, COLUMNS, split=split, name="x", cleaning=CLEANING, **how)
    log = found.log.drop(columns=["line", "of_file"], errors="ignore")
    steps = [(one.step, one.rows_before, one.removed, one.filled) for one in found.raw.steps]
    return log, steps, found.split


def assert_same(found, plain):
    (log, steps, split), (as_log, as_steps, as_split) = found, plain
    pd.testing.assert_frame_equal(log, as_log, check_exact=True)
    assert steps == as_steps
    names = ("train", "val", "test")
    for one, other in ((getattr(split, name), getattr(as_split, name)) for name in names):
        assert isinstance(one, Interactions)
        assert one.sha256() == other.sha256()
        assert one.rows_sha256(log.columns) == other.rows_sha256(log.columns)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_kind_is_what_its_plain_file_is(tmp_path, kind, seed):
    log = dirty(seed)
    (tmp_path / "plain").mkdir()
    (tmp_path / "kind").mkdir()
    given, how = KINDS[kind](log, tmp_path / "kind")
    plain, _ = one_file("t.csv", bytes)(log, tmp_path / "plain")
    assert_same(read(given, how), read(plain, {}))


def test_a_folder_of_users_is_what_its_plain_file_is(tmp_path):
    """Without space around a user, which a folder's name does not keep apart from its percent sign."""
    log = dirty(2).replace({"Kunde": {" 42": "42", "Größl & Söhne": "Größl"}})
    log = log.sort_values("Kunde", kind="stable", na_position="first").reset_index(drop=True)
    names = (
        log["Kunde"]
        .map(lambda user: f"Kunde={user}", na_action="ignore")
        .fillna("Kunde=__HIVE_DEFAULT_PARTITION__")
    )
    log = log.loc[names.sort_values(kind="stable").index].reset_index(drop=True)
    (tmp_path / "kind").mkdir()
    given, how = partitioned_by_user(log, tmp_path / "kind")
    assert_same(read(given, how), read(one_file("t.csv", bytes)(log, tmp_path)[0], {}))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with postgres_server.running(tmp_path_factory.mktemp("postgres")) as found:
        yield found


def test_a_table_of_postgres_is_what_its_plain_file_is(server, tmp_path, monkeypatch):
    import psycopg

    log = dirty(3)
    with psycopg.connect(server.address, password=postgres_server.PASSWORD) as connection:
        connection.execute(
            'create table "Käufe" ("Kunde" text, "Ware" bigint, "Tag" date, "Menge" int, "Preis" numeric)'
        )
        with connection.cursor().copy('copy "Käufe" from stdin (format csv, header)') as copy:
            copy.write(text(log))
    monkeypatch.setenv("PGPASSWORD", postgres_server.PASSWORD)
    plain = read(one_file("t.csv", bytes)(log, tmp_path)[0], {})
    assert_same(read(f"{server.address}?table=Käufe", {}), plain)
    query = 'select "Kunde", "Ware", "Tag"::timestamptz, "Menge"::bigint, "Preis"::float8 from "Käufe"'
    assert_same(read(f"{server.address}?query={query}", {}), plain)


@pytest.mark.parametrize("kind", ["pattern", "spark", "hive", "sqlite", "duckdb"])
def test_a_change_in_any_part_is_another_data_set(tmp_path, kind):
    log = dirty(4)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    changed = log.assign(Ware=log["Ware"].where(log.index != 30, 77))
    before = read(*KINDS[kind](log, tmp_path / "a"))[2]
    after = read(*KINDS[kind](changed, tmp_path / "b"))[2]
    assert before.sha256() != after.sha256()


def test_one_row_and_strange_names_survive_every_kind(tmp_path):
    log = pd.DataFrame({"Kunde": ["顾客 1"], "Ware": ["啤酒"], "Tag": pd.to_datetime(["2024-01-01"])})
    for kind in KINDS.keys() - {"semicolons, commas, day first, latin-1"}:
        folder = tmp_path / kind
        folder.mkdir()
        given, _ = KINDS[kind](log, folder)
        if isinstance(given, str | list):
            found = sources.table(given, {"user_id": "Kunde", "item_id": "Ware", "timestamp": "Tag"}).log
        else:
            found = gr.load(
                given, {"user_id": "Kunde", "item_id": "Ware", "timestamp": "Tag"}, split=gr.Random()
            ).log
        assert (found["user_id"].tolist(), found["item_id"].tolist()) == (["顾客 1"], ["啤酒"]), kind
