"""Frames of three libraries stand where a file may; ids stay as they are."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from front_shop import COLUMNS, purchases

import graphrec as gr
from graphrec.data.places.frames import Frame, FrameFile
from graphrec.data.tables.read import read_table
from graphrec.errors import InputError

LOG = pl.DataFrame(
    {
        "user_id": ["007", None, "NA", "7", "顾客"] * 9,
        "item_id": [2**62 + 1, 2, 3, 4, 5] * 9,
        "price": [1.5, None, 2.0, 3.0, 0.0] * 9,
    }
)


@pytest.mark.parametrize(
    "frame",
    [
        LOG,
        LOG.with_columns(pl.col("user_id").cast(pl.Categorical), pl.col("price").cast(pl.Decimal(8, 2))),
        LOG.with_columns(pl.col("user_id").cast(pl.Enum(["7", "007", "NA", "顾客", "x"]))),
        LOG.to_arrow(),
        LOG.to_arrow().combine_chunks().to_batches()[0],
        LOG.to_pandas(),
        LOG.to_pandas().astype({"user_id": "category", "item_id": "object"}),
        pl.concat([LOG[:5], LOG[5:]], rechunk=False),
    ],
    ids=["polars", "categories", "enum", "arrow", "batch", "pandas", "pandas categories", "chunks"],
)
def test_ids_and_gaps_stay_as_they_are(frame):
    assert isinstance(frame, Frame)
    found = read_table(FrameFile.of(frame, "log"))
    assert found["user_id"].isna().tolist() == [False, True, False, False, False] * 9
    assert found["user_id"].dropna().tolist() == ["007", "NA", "7", "顾客"] * 9
    assert found["item_id"].tolist() == [str(2**62 + 1), "2", "3", "4", "5"] * 9
    assert np.array_equal(found["price"], LOG["price"].to_numpy(), equal_nan=True)
    assert found["line"].tolist() == list(range(45))


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Purchases of forty customers, as a frame of Polars."""
    monkeypatch.chdir(tmp_path)
    return pl.from_pandas(purchases())


def test_a_run_takes_frames_of_any_library_and_is_read_again(shop):
    run = gr.fit(gr.ItemCF(), gr.load(shop, COLUMNS, split=gr.LeaveLast()))
    first, second = map(str, shop["customer"].unique().sort()[:2])
    users = duckdb.sql(f"select '{first}' as user_id union all select '{second}'")
    for given in (
        users,
        pl.DataFrame({"user_id": [first, second]}),
        pl.Series([first, second]),
        [first, second],
    ):
        found = run.recommend(given, k=2, items="all")
        assert set(map(str, found["user_id"])) == {first, second}
    again = gr.Run.of(run.folders[0])
    assert again.config["data"]["init_args"]["source"]["init_args"]["path"].endswith("log.parquet")
    assert again.metrics().equals(run.metrics())


def test_a_list_of_files_is_given_as_it_is(shop, tmp_path):
    files = [tmp_path / f"{place}.parquet" for place in range(2)]
    for file, part in zip(files, (shop[:500], shop[500:]), strict=True):
        part.write_parquet(file)
    data = gr.load(files, COLUMNS, split=gr.LeaveLast())
    assert data.as_config()["init_args"]["source"]["init_args"]["path"] == list(map(str, files))
    assert data.split.sha256() == gr.load(shop, COLUMNS, split=gr.LeaveLast()).split.sha256()
    run = gr.fit(gr.ItemCF(), data)
    assert gr.Run.of(run.folders[0]).metrics().equals(run.metrics())


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (LOG.lazy(), r"a LazyFrame is no table; .*frame.collect\(\)"),
        (LOG["user_id"], "a Series is no table; give the path of a file, a list of paths, or a frame"),
        (
            pa.table({"user_id": ["a"], "d": pa.nulls(1, pa.month_day_nano_interval())}),
            "column 'd'.*cannot be kept",
        ),
        ([], "the list of files is empty"),
        (pd.DataFrame({"user_id": ["a"]}), "this column is missing"),
        (pl.DataFrame({"user_id": ["a"], "item_id": [["x", "y"]]}), "each value is a .*list, not one id"),
    ],
)
def test_what_is_no_table_is_told_in_one_line(given, says):
    with pytest.raises(InputError, match=says) as caught:
        gr.load(given, split=gr.Random())
    assert caught.value.hint
