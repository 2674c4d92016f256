# ruff: noqa: E501  tables of words are easier to read in long lines
"""Damaged tables, one per seed: what files look like after exports, editors, disks and strangers."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from collections.abc import Callable

import pandas as pd

WORDS = [
    "", " ", "NA", "null", "None", "nan", "-1", "0", "1e400", "-1e400", "inf", "-inf", "1e18", "99999999999999999999",
    "9007199254740993", "17850.0", "007", "1.5", "1,5", "€ 3.20", "$1,200.50", "(3)", "-", "--", "TRUE", "yes",
    "2024-02-30", "0000-00-00", "9999-12-31", "1677-01-01", "2262-04-12", "2024-01-03T18", "31.12.2024",
    "12/31/2024 5 PM", "2024-01-03T10:00:00+02:00", "2024-W05", "45292", "1704067200", "1704067200000", "20240103",
    "a/b", "../x", "ü", "日本", "🛒", "x" * 3000, "\x00", "\x07", "\u2028", "\ufeff", "\u200b", "'", '"', '""', 'a"b',
    "a\\", "a;b", "a\tb", "a,b", "a|b", "=1+1", "#N/A", "#", "::", ":", "user_id", "[1, 2]", "{}", "1_000", "٣", "½",
]  # fmt: skip
HEADERS = ["", " ", "user_id", "USER_ID", "User ID", "week", "part", "line", "order", "timestamp:float", "\ufeffuser_id",
           "quantity", "rating", "interaction_id", "price", "x" * 300, "index", "0", "é", "value"]  # fmt: skip
Rows = list[list[str]]


def damaged(rows: Rows, delimiter: str, seed: int, header: bool = True) -> bytes:
    """A text file made of rows of fields, damaged in one to four ways that the seed chooses."""
    draw = random.Random(seed)
    rows = [list(row) for row in rows]
    for _ in range(draw.choice([0, 1, 1, 1, 2])):
        draw.choice(_ROWS if header else _ROWS[:-_HEADER_ONLY])(rows, draw)
    lines = [delimiter.join(row) for row in rows]
    for _ in range(draw.choice([0, 0, 0, 1])):
        draw.choice(_LINES)(lines, delimiter, draw)
    content = "\n".join(lines) + ("\n" if draw.random() < 0.9 else "")
    data = content.encode("utf-8", "surrogatepass")
    for _ in range(draw.choice([0, 0, 0, 0, 1])):
        data = draw.choice(_BYTES)(data, draw)
    return data


def _field(rows: Rows, draw: random.Random) -> None:
    row = draw.choice(rows) if rows else None
    if row:
        row[draw.randrange(len(row))] = draw.choice(WORDS)


def _column_of_words(rows: Rows, draw: random.Random) -> None:
    place, word = draw.randrange(max(map(len, rows), default=1) or 1), draw.choice(WORDS)
    for row in rows[1:]:
        if place < len(row) and draw.random() < 0.9:
            row[place] = word


def _repeat_row(rows: Rows, draw: random.Random) -> None:
    if rows:
        rows.insert(draw.randrange(len(rows)), list(draw.choice(rows)))


def _drop_rows(rows: Rows, draw: random.Random) -> None:
    del rows[draw.randrange(len(rows) + 1) :]


def _ragged(rows: Rows, draw: random.Random) -> None:
    row = draw.choice(rows) if rows else None
    if row:
        row.pop() if draw.random() < 0.5 else row.insert(draw.randrange(len(row)), draw.choice(WORDS))


def _drop_column(rows: Rows, draw: random.Random) -> None:
    place = draw.randrange(max(map(len, rows), default=1) or 1)
    for row in rows:
        del row[place : place + 1]


def _repeat_column(rows: Rows, draw: random.Random) -> None:
    place = draw.randrange(max(map(len, rows), default=1) or 1)
    for row in rows:
        row.insert(0, row[place] if place < len(row) else "")


def _name(rows: Rows, draw: random.Random) -> None:
    if rows and rows[0]:
        rows[0][draw.randrange(len(rows[0]))] = draw.choice(HEADERS)


def _no_header(rows: Rows, draw: random.Random) -> None:
    del rows[:1]


def _second_header(rows: Rows, draw: random.Random) -> None:
    if rows:
        rows.insert(draw.randrange(len(rows)), list(rows[0]))


_ROWS: list[Callable[[Rows, random.Random], None]] = [
    _field, _field, _field, _column_of_words, _repeat_row, _drop_rows, _ragged, _drop_column, _repeat_column,
    _name, _no_header, _second_header,
]  # fmt: skip
_HEADER_ONLY = 3


def _blank_line(lines: list[str], delimiter: str, draw: random.Random) -> None:
    lines.insert(draw.randrange(len(lines) + 1), draw.choice(["", " ", "# a note", delimiter * 3, "\t", '"']))


def _another_delimiter(lines: list[str], delimiter: str, draw: random.Random) -> None:
    new = draw.choice([";", ",", "\t", "|", "::", " "])
    lines[:] = [line.replace(delimiter, new) for line in lines]


def _lost_delimiter(lines: list[str], delimiter: str, draw: random.Random) -> None:
    if lines:
        place = draw.randrange(len(lines))
        lines[place] = lines[place].replace(delimiter, draw.choice(["", delimiter * 2, " "]), 1)


def _quoted(lines: list[str], delimiter: str, draw: random.Random) -> None:
    if lines:
        place = draw.randrange(len(lines))
        lines[place] = '"' + lines[place] + draw.choice(['"', "", '""'])


_LINES = [_blank_line, _another_delimiter, _lost_delimiter, _quoted]


def _flip(data: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(data) + 1)
    return data[:place] + bytes([draw.randrange(256)]) + data[place + 1 :]


def _insert(data: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(data) + 1)
    return data[:place] + bytes(draw.randrange(256) for _ in range(draw.randrange(1, 5))) + data[place:]


def _cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def _hole(data: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(data) + 1)
    return data[:start] + data[start + draw.randrange(1, 40) :]


def _ends(data: bytes, draw: random.Random) -> bytes:
    return data.replace(b"\n", draw.choice([b"\r\n", b"\r", b"\n\n", b"\x00\n", b"\x0b"]))


def _encoding(data: bytes, draw: random.Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(draw.choice(["utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252"]), "replace")


def _nothing(data: bytes, draw: random.Random) -> bytes:
    return draw.choice([b"", b"\n", b"\x00" * 50, b"\xef\xbb\xbf", b"PAR1", b"\x1f\x8b", b"PK\x03\x04"])


_BYTES = [_flip, _flip, _insert, _cut, _hole, _ends, _encoding, _nothing]


def packed(data: bytes, seed: int) -> tuple[str, bytes]:
    """The suffixes and the content of the same file in a container, whole or cut short."""
    draw = random.Random(seed)
    kind = draw.choice(["", "", "", "", ".gz", ".zip", ".parquet"])
    if kind == ".gz":
        data = gzip.compress(data)
    elif kind == ".zip":
        box = io.BytesIO()
        with zipfile.ZipFile(box, "w") as archive:
            archive.writestr("log.csv", data)
        data = box.getvalue()
    elif kind == ".parquet":
        data = _parquet(data, draw)
    if kind and draw.random() < 0.3:
        data = _cut(data, draw) if draw.random() < 0.5 else _flip(data, draw)
    return kind, data


def _parquet(data: bytes, draw: random.Random) -> bytes:
    """The table with one column in a type that CSV does not know."""
    try:
        frame = pd.read_csv(io.BytesIO(data))
    except Exception:
        return data
    box = io.BytesIO()
    for _ in range(draw.choice([0, 1, 2])):
        if len(frame.columns):
            column = draw.choice(list(frame.columns))
            try:
                frame[column] = _TYPES[draw.choice(list(_TYPES))](frame[column])
            except Exception:
                continue
    try:
        if draw.random() < 0.2 and len(frame.columns):
            frame = frame.set_index(draw.choice(list(frame.columns)))
        frame.to_parquet(box)
    except Exception:
        return data
    return box.getvalue()


_TYPES: dict[str, Callable[[pd.Series], pd.Series]] = {
    "category": lambda column: column.astype("category"),
    "lists": lambda column: column.map(lambda value: [value]),
    "structs": lambda column: column.map(lambda value: {"a": value}),
    "bytes": lambda column: column.map(lambda value: str(value).encode()),
    "flags": lambda column: pd.Series(range(len(column))) % 2 == 0,
    "Int64": lambda column: pd.Series(range(len(column)), dtype="Int64").where(lambda x: x % 7 > 0),
    "float": lambda column: pd.Series(range(len(column)), dtype=float).where(lambda x: x % 7 > 0),
    "zoned": lambda column: pd.Series(pd.date_range("2024-01-01", periods=len(column), tz="Asia/Tokyo")),
    "date": lambda column: pd.Series(pd.date_range("2024-01-01", periods=len(column))).dt.date,
    "duration": lambda column: pd.Series(pd.to_timedelta(range(len(column)), unit="D")),
    "nothing": lambda column: pd.Series([None] * len(column)),
    "big": lambda column: pd.Series(range(len(column)), dtype="uint64") + 2**63,
}
