# ruff: noqa: E501  tables of words are easier to read in long lines
"""A damaged data set per seed for every source, read, checked and split; what may come out and what not."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fuzz_tables import Rows, damaged, packed

from graphrec.data import sources
from graphrec.data.interactions import RawData
from graphrec.data.splits import Given, LeaveLast, Random, Splitter, Temporal
from graphrec.errors import InputError


def log_rows(names: list[str], count: int = 30) -> Rows:
    """Sound purchases of six users and eight items, the named columns as text."""
    draw = np.random.default_rng(0)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(80, size=count), unit="D")
    columns = {
        "user": [f"u{i}" for i in draw.integers(6, size=count)],
        "item": [f"i{i}" for i in draw.integers(8, size=count)],
        "number": [str(i) for i in draw.integers(1, 9, size=count)],
        "seconds": [str(int(day.timestamp())) for day in days],
        "date": [str(day) for day in days],
        "price": [f"{price:.2f}" for price in draw.random(count) * 9],
        "rating": [str(i) for i in draw.integers(1, 6, size=count)],
    }
    return [list(row) for row in zip(*(columns[name] for name in names), strict=True)]


def _split(name: str, header: str, kinds: str, delimiter: str) -> tuple[str, Rows, str, bool]:
    rows = log_rows(kinds.split())
    return name, ([header.split()] if header else []) + rows, delimiter, bool(header)


USERS = [["user_id", "segment", "age"], *([f"u{i}", "ab"[i % 2], str(20 + i)] for i in range(6))]
ITEMS = [["item_id", "title", "cost"], *([f"i{i}", f"Title {i}", f"{i}.5"] for i in range(8))]

SETS: dict[str, list[list[tuple[str, Rows, str, bool]]]] = {
    "table": [
        [_split("log.csv", "user_id item_id timestamp price quantity", "user item date price number", ",")],
        [_split("log.tsv", "user_id item_id timestamp rating", "user item seconds rating", "\t")],
        [_split("log.csv", "user_id item_id week", "user item number", ",")],
        [
            _split("log.csv", "user_id item_id timestamp price", "user item date price", ","),
            ("users.csv", USERS, ",", True),
            ("items.csv", ITEMS, ",", True),
        ],
        [
            _split("log.csv", "user_id item_id timestamp", "user item date", ","),
            _split("test.csv", "user_id item_id timestamp", "user item date", ","),
        ],
    ],
    "movielens": [
        [
            _split("u.data", "", "number number rating seconds", "\t"),
            ("u.item", [[str(i), f"Film {i}", "01-Jan-1995", "", "http://x", *("01" * 10)[:19]] for i in range(1, 9)], "|", False),
            ("u.user", [[str(i), "30", "M", "artist", "1234"] for i in range(1, 9)], "|", False),
        ],
        [
            _split("ratings.dat", "", "number number rating seconds", "::"),
            ("movies.dat", [[str(i), f"Film {i}", "Action|Drama"] for i in range(1, 9)], "::", False),
            ("users.dat", [[str(i), "F", "30", "4", "1234"] for i in range(1, 9)], "::", False),
        ],
        [
            _split("ratings.csv", "userId movieId rating timestamp", "number number rating seconds", ","),
            ("movies.csv", [["movieId", "title", "genres"], *([str(i), f'"Film, {i}"', "Action"] for i in range(1, 9))], ",", True),
        ],
    ],
    "recbole": [
        [
            _split("shop.inter", "user_id:token item_id:token rating:float timestamp:float", "user item rating seconds", "\t"),
            ("shop.user", [["user_id:token", "segment:token", "age:float"], *USERS[1:]], "\t", True),
            ("shop.item", [["item_id:token", "title:token_seq", "cost:float"], *ITEMS[1:]], "\t", True),
        ],
        [_split("shop.inter", "user_id:token item_id:token", "user item", "\t")],
    ],
    "lightgcn_txt": [
        [
            ("train.txt", [[str(u), *map(str, range(u, u + 6))] for u in range(8)], " ", False),
            ("test.txt", [[str(u), str(u + 6), str(u + 7)] for u in range(6)], " ", False),
            ("valid.txt", [[str(u), str(u + 8)] for u in range(4)], " ", False),
        ],
    ],
}  # fmt: skip


def write(source: str, seed: int, folder: Path) -> dict[str, Any]:
    """Write a set with one of its files damaged; returns the arguments of the source."""
    for old in folder.iterdir():
        old.unlink()
    files = SETS[source][seed % len(SETS[source])]
    chosen = (seed // len(SETS[source])) % len(files)
    paths = []
    for place, (name, rows, delimiter, header) in enumerate(files):
        kind, data = "", _plain(rows, delimiter)
        if place == chosen or seed % 11 == 0:
            data = damaged(rows, delimiter, seed + 1000 * place, header)
            kind, data = packed(data, seed + place) if source == "table" else ("", data)
        path = folder / (f"{Path(name).stem}{kind}" if kind == ".parquet" else f"{name}{kind}")
        path.write_bytes(data)
        paths.append(path)
    if source == "recbole":
        return {"path": str(paths[0])}
    if source != "table":
        return {"path": str(folder)}
    keys = {"log": "path", "users": "users", "items": "items", "test": "test_path"}
    return {keys[path.name.partition(".")[0]]: str(path) for path in paths}


def _plain(rows: Rows, delimiter: str) -> bytes:
    return ("\n".join(delimiter.join(row) for row in rows) + "\n").encode()


def outcome(source: str, arguments: dict[str, Any]) -> str:
    """``read``, ``refused`` or the last line and place of an error that nobody should see."""
    try:
        raw = getattr(sources, source)(**arguments)
    except InputError as error:
        return _of_line(str(error))
    except Exception as error:
        return _place(error)
    try:
        wrong = broken(raw, arguments)
        return wrong or _of_splits(raw)
    except Exception as error:
        return _place(error)


def _of_line(line: str) -> str:
    wrong = [word for word in ("np.", "Traceback", "dtype(", "<class") if word in line]
    if wrong:
        return f"WRONG words {wrong} in: {line[:200]}"
    return "refused" if len(line) < 3500 and "\n" not in line else f"WRONG length of the line: {line[:200]}"


def _place(error: Exception) -> str:
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "graphrec" in frame.filename]
    place = f"{Path(ours[-1].filename).name}:{ours[-1].name}" if ours else "?"
    return f"TRACEBACK {type(error).__name__} in {place}: {str(error)[:160]}"


def broken(raw: RawData, arguments: dict[str, Any]) -> str:
    """What of the data set read is not what stands in the files, or nothing."""
    log = raw.log
    for column in ("user_id", "item_id"):
        if log[column].isna().any():
            return f"WRONG a missing {column} was kept"
    if "timestamp" in log and log["timestamp"].isna().any():
        return "WRONG a row without time was kept"
    if "week" in log and len(log) and not (-60_000 < log["week"].min() <= log["week"].max() < 600_000):
        return f"WRONG weeks {log['week'].min()} to {log['week'].max()}"
    for name in ("price", "quantity", "rating"):
        if name in log and np.isinf(log[name].astype(float)).any():
            return f"WRONG an endless {name}"
    for table, key in ((raw.users, "user_id"), (raw.items, "item_id")):
        if table is not None and sorted(table[key].astype(str)) != sorted(log[key].astype(str).unique()):
            return f"WRONG the table by {key} does not cover the log once"
    return _invented(log, arguments)


def _invented(log: pd.DataFrame, arguments: dict[str, Any]) -> str:
    """Ids that stand in no file; only for text that is read as it is."""
    files = [Path(path) for path in arguments.values()]
    files = [file for path in files for file in (path.iterdir() if path.is_dir() else [path])]
    if any(file.suffix in (".gz", ".zip", ".parquet") for file in files):
        return ""
    data = b"\n".join(file.read_bytes() for file in files)
    texts = [data.decode(code, "replace") for code in ("utf-8", "latin-1", "cp1252", "utf-16")]
    for column in ("user_id", "item_id"):
        for value in log[column].astype(str).unique():
            plain = value.replace('"', "").strip()
            if plain and not any(plain in text.replace('"', "") for text in texts):
                return f"WRONG the {column} {value[:40]!r} stands in no file"
    return ""


SPLITS: list[Callable[[RawData], Splitter]] = [
    lambda raw: LeaveLast(),
    lambda raw: Random(),
    lambda raw: Temporal(train_end=int(raw.log["week"].median()), val_end=int(raw.log["week"].max())),
    lambda raw: Temporal(column="timestamp", train_end="2024-02-01", val_end="2024-02-20T18"),
    lambda raw: Given(),
]


def _of_splits(raw: RawData) -> str:
    """Each split parts the rows without loss but what it counts; a refusal is one line."""
    for place, make in enumerate(SPLITS):
        if place == 2 and "week" not in raw.log:
            continue
        try:
            split = make(raw)(raw.log)
        except InputError as error:
            if (said := _of_line(str(error))) != "refused":
                return said
            continue
        counts = [len(part.frame) for part in (split.train, split.val, split.test)]
        if place in (0, 1) and sum(counts) + sum(split.dropped.values()) != len(raw.log):
            return f"WRONG {len(raw.log)} rows became {counts} and {split.dropped}"
        if len(split.users) > raw.log["user_id"].nunique():
            return "WRONG the split has users that the log lacks"
    return "read"
