# ruff: noqa: E501  a case is easier to read in one line
"""Exports of shops that nobody here has seen: each is read as its rows say, or refused with the way out."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cases.shop import log, pairs

from graphrec.data.sources import table
from graphrec.errors import InputError

LOG = log()
GERMAN = {
    "user_id": "Kundennr",
    "item_id": "Artikel",
    "timestamp": "Datum",
    "price": "Preis",
    "quantity": "Menge",
}
CHINESE = {"user_id": "用户", "item_id": "商品", "timestamp": "时间", "price": "价格"}


def csv(frame: pd.DataFrame, **how: Any) -> None:
    frame.to_csv("log.csv", index=False, **how)


def times(pattern: str) -> pd.DataFrame:
    return LOG.assign(timestamp=LOG["timestamp"].dt.strftime(pattern))


def prices(write: Callable[[float], str]) -> pd.DataFrame:
    return LOG.assign(price=LOG["price"].map(write))


def german() -> None:
    frame = LOG.assign(timestamp=LOG["timestamp"].dt.strftime("%d.%m.%Y %H:%M")).rename(columns=GERMAN)
    csv(frame.drop(columns="Preis"), sep=";", encoding="cp1252")


READ: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "German headers and days": (
        german,
        {
            "columns": {ours: name for ours, name in GERMAN.items() if ours != "price"},
            "delimiter": ";",
            "encoding": "cp1252",
            "time_format": "%d.%m.%Y %H:%M",
        },
    ),
    "Chinese headers": (
        lambda: csv(LOG.rename(columns=CHINESE), encoding="gb18030"),
        {"columns": CHINESE, "encoding": "gb18030"},
    ),
    "milliseconds": (
        lambda: csv(LOG.assign(timestamp=LOG["timestamp"].astype("datetime64[ms]").astype("int64"))),
        {},
    ),
    "days first": (lambda: csv(times("%d/%m/%Y %H:%M")), {"time_format": "%d/%m/%Y %H:%M"}),
    "Windows ends and blank lines": (
        lambda: Path("log.csv").write_bytes(
            b"\xef\xbb\xbf" + LOG.to_csv(index=False).replace("\n", "\r\n").encode() + b"\r\n\r\n"
        ),
        {},
    ),
    "a gz file": (lambda: Path("log.csv.gz").write_bytes(gzip.compress(LOG.to_csv(index=False).encode())), {}),
    "UTF-16 of Excel": (
        lambda: Path("log.txt").write_text(LOG.to_csv(index=False, sep="\t"), encoding="utf-16"),
        {},
    ),
    "line breaks in a note": (lambda: csv(LOG.assign(note="a\nb")), {}),
    "spaces around the names": (lambda: csv(LOG.rename(columns={"user_id": " user_id "})), {}),
    "no-break spaces around ids": (lambda: csv(LOG.assign(user_id="\u00a0" + LOG["user_id"])), {}),
    "exact repeats": (lambda: csv(pd.concat([LOG, LOG.head(100)])), {}),
    "a row of totals": (
        lambda: csv(pd.concat([LOG, pd.DataFrame([{"user_id": "Total", "price": LOG["price"].sum()}])])),
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_a_file_is_read_row_by_row(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write, arguments = READ[name]
    write()
    (file,) = Path().iterdir()

    read = table(str(file), **arguments).log

    assert pairs(read) == pairs(LOG)
    assert len(read) == len(LOG)
    minutes = LOG["timestamp"].dt.floor("min").tolist()
    assert sorted(pd.to_datetime(read["timestamp"]).dt.floor("min")) == minutes
    if "price" in read:
        assert np.isclose(read["price"].sum(), LOG["price"].sum())


IDS: dict[str, Callable[[str], str]] = {
    "signs and pictures": lambda user: f"a/b\\{user}🛒é",
    "four hundred letters": lambda user: user + "x" * 400,
    "as powers of ten": lambda user: f"1E{user[1:]}",
    "above 2^53": lambda user: str(2**60 + int(user[1:])),
    "words for nothing": lambda user: {"u000": "NA", "u001": "null", "u002": "nan"}.get(user, user),
}


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_ids_stay_what_they_are(name, suffix, tmp_path):
    frame = LOG.assign(user_id=LOG["user_id"].map(IDS[name]))
    file = tmp_path / f"log{suffix}"
    frame.to_csv(file, index=False) if suffix == ".csv" else frame.to_parquet(file, index=False)
    assert pairs(table(str(file)).log) == pairs(frame)


def test_whole_numbers_with_gaps_in_parquet_keep_every_digit(tmp_path):
    frame = LOG.assign(user_id=pd.array(2**60 + LOG["user_id"].str[1:].astype(int), dtype="Int64"))
    frame.loc[::50, "user_id"] = pd.NA
    frame.to_parquet(tmp_path / "log.parquet")
    kept = frame.dropna(subset="user_id")
    assert pairs(table(str(tmp_path / "log.parquet")).log) == pairs(kept)


REFUSED: dict[str, tuple[Callable[[], Any], dict[str, Any], str]] = {
    "decimal commas": (lambda: csv(prices(lambda p: f"{p:.2f}".replace(".", ",")), sep=";"), {"delimiter": ";"}, "decimal point"),
    "signs of currencies": (lambda: csv(prices(lambda p: f"${p:.2f}")), {}, "is not a number"),
    "thousands": (lambda: csv(prices(lambda p: f"1,{p:06.2f}")), {}, "is not a number"),
    "two orders of days": (
        lambda: csv(LOG.assign(timestamp=times("%Y-%m-%d")["timestamp"].where(LOG.index % 2 == 0, times("%d/%m/%Y")["timestamp"]))),
        {},
        "time_format",
    ),
    "years": (lambda: csv(times("%Y")), {}, "look like years"),
    "months": (lambda: csv(times("%Y%m")), {}, "year and month"),
    "weeks in words": (lambda: csv(LOG.assign(week="2024-W05")), {}, "week"),
    "half weeks": (lambda: csv(LOG.assign(week=1.5)), {}, "whole number"),
    "a header twice": (lambda: csv(LOG.set_axis([*LOG.columns[:4], "user_id"], axis=1)), {}, "twice"),
    "no header": (lambda: csv(LOG, header=False), {}, "names: ["),
    "one column for both ids": (lambda: csv(LOG), {"columns": {"item_id": "user_id"}}, "user_id"),
    "a word that is none of ours": (lambda: csv(LOG), {"columns": {"userid": "user_id"}}, "did you mean 'user_id'"),
    "stars": (lambda: csv(LOG.assign(rating="5 stars")), {}, "rating"),
    "NUL bytes": (lambda: Path("log.csv").write_bytes(LOG.to_csv(index=False).encode().replace(b"u013", b"u0\x0013", 1)), {}, "NUL"),
    "negative prices": (lambda: csv(LOG.assign(price=-1.0)), {}, "negative"),
    "old Macintosh ends": (lambda: Path("log.csv").write_bytes(LOG.to_csv(index=False).replace("\n", "\r").encode()), {}, "end of each line"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_with_certainty_is_refused_with_the_way_out(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write, arguments, words = REFUSED[name]
    write()
    with pytest.raises(InputError) as caught:
        table("log.csv", **arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
