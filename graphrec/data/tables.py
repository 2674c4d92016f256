"""Read tables that people bring, and say exactly what is wrong with them.

`read_table` stops at the first problem; `check_table` lists them all. Both go the same way: find the file,
find its rows, find its columns, check the values, convert them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.data import delimited
from graphrec.data.interactions import Columns
from graphrec.data.table_checks import (
    IDS,
    INTERACTION_ID,
    LOG_COLUMNS,
    NUMBERS,
    parse_numbers,
    parse_timestamps,
    value_problems,
)
from graphrec.data.table_files import closest, must_be_a_file, parquet_header, read_parquet
from graphrec.errors import InputError

LINE = "line"
"""Column with the line of the file a row starts on, the first line being 1."""

Kind = Literal["log", "users", "items"]
_KEYS: dict[str, tuple[str, ...]] = {
    "log": (Columns.USER, Columns.ITEM),
    "users": (Columns.USER,),
    "items": (Columns.ITEM,),
}
_UNIQUE: dict[str, tuple[str, ...]] = {
    "log": (INTERACTION_ID,),
    "users": (Columns.USER,),
    "items": (Columns.ITEM,),
}
_PARQUET = {".parquet", ".pq"}
_TABS = (".tsv", ".txt", ".tab", ".data", ".inter", ".user", ".item")
_DELIMITERS = {".csv": ",", ".dat": "::", **dict.fromkeys(_TABS, "\t")}
_RECBOLE = {".inter", ".user", ".item"}


@dataclass(frozen=True)
class TextFormat:
    """How to read a text file; the defaults suit CSV and TSV files with a header.

    Args:
        delimiter: Between fields; by the suffix if missing: comma for .csv, '::' for .dat, else tab.
        names: Names of the columns of a file that has no header.
        encoding: Of the text.
        quoted: Whether ``"`` may enclose a field.
    """

    delimiter: str | None = None
    names: tuple[str, ...] | None = None
    encoding: str = "utf-8"
    quoted: bool = True


def read_table(
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    *,
    kind: Kind = "log",
    text: TextFormat | None = None,
) -> pd.DataFrame:
    """Read a CSV, TSV or Parquet table, checked and in our names and types.

    Args:
        path: The file; its suffix says what it is (.csv, .tsv, .txt, each also .gz; .parquet; .inter).
        columns: Our name → the file's name, for those that differ; see `Columns` and ``interaction_id``.
        kind: A log keeps only the columns of `LOG_COLUMNS`; a table of users or items keeps them all.
        text: How to read a text file.

    Returns:
        Ids as text, numbers as float64, ``timestamp`` as datetime, and ``line``. Values may be missing.

    Raises:
        InputError: For the first problem; it says how many more there are.
    """
    frame, problems = _read(Path(path), columns or {}, kind, text or TextFormat())
    if problems:
        raise _first_of(problems, path)
    return frame


def check_table(
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    *,
    kind: Kind = "log",
    text: TextFormat | None = None,
) -> list[InputError]:
    """All problems of a table at once, in the order of its rows; see `read_table` for the arguments."""
    try:
        return _read(Path(path), columns or {}, kind, text or TextFormat())[1]
    except InputError as problem:
        return [problem]


def _first_of(problems: Sequence[InputError], path: str | Path) -> InputError:
    first, more = problems[0], len(problems) - 1
    if not more:
        return first
    also = f"and {more} more problem{'s' if more > 1 else ''}: see `graphrec data check {path}`"
    mend = f"{first.mend} ({also})" if first.mend else also
    return InputError(first.message, file=first.file, row=first.row, column=first.column, mend=mend)


def _read(
    path: Path, columns: Mapping[str, str], kind: Kind, text: TextFormat
) -> tuple[pd.DataFrame, list[InputError]]:
    must_be_a_file(path)
    layout = None if path.suffix.lower() in _PARQUET else _layout(path, text)
    header = layout.header if layout else parquet_header(path)
    clean_names = {_without_type(name) if path.suffix in _RECBOLE else name: name for name in header}
    theirs, problems = _mapping(path, list(clean_names), columns, kind)
    if problems:
        return pd.DataFrame(), problems
    if layout:
        frame = delimited.load(layout, [clean_names[name] for name in dict.fromkeys(theirs.values())])
        problems = layout.problems()
    else:
        frame = read_parquet(path, list(dict.fromkeys(theirs.values())))
    lines = _lines(layout, len(frame))
    ours = pd.DataFrame({our: frame[clean_names[their]] for our, their in theirs.items()})
    unique = [key for key in _UNIQUE[kind] if key in ours]
    checked = ours if kind == "log" else ours[unique]  # attributes may be anything
    problems += value_problems(checked, lines, path, theirs, unique)
    problems = sorted(problems, key=lambda problem: problem.row or 0)
    return (pd.DataFrame() if problems else _converted(ours, kind).assign(**{LINE: lines})), problems


def _lines(layout: delimited.Layout | None, rows: int) -> npt.NDArray[np.int64]:
    """Line of each row; Parquet has none, so its rows count on from a header in line 1."""
    if layout and len(layout.lines) == rows:
        return layout.lines
    # In odd text files pandas and csv may disagree on what a blank line is: counting is the best guess then
    return np.arange(rows, dtype=np.int64) + 2


def _layout(path: Path, text: TextFormat) -> delimited.Layout:
    named = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    delimiter = text.delimiter or _DELIMITERS.get(named.suffix.lower())
    if delimiter is None:
        raise InputError(
            f"files of the type {named.suffix or 'without a suffix'!r} are not known",
            file=path,
            mend="save it as .csv, .tsv or .parquet, or say how its fields are delimited: delimiter",
        )
    delimiter = delimiter.replace(r"\t", "\t")  # what YAML makes of an unquoted \t
    return delimited.scan(path, delimiter, text.names, text.encoding, text.quoted)


def _without_type(name: str) -> str:
    """RecBole writes the type behind the name: ``user_id:token``."""
    return name.partition(":")[0]


def _mapping(
    path: Path, header: list[str], columns: Mapping[str, str], kind: Kind
) -> tuple[dict[str, str], list[InputError]]:
    """Our name → the file's name for every column to read, or what is wrong with the mapping."""
    problems = [
        InputError(
            f"{our!r} is not a column of a log",
            column=f"columns.{our}",
            mend=closest(our, LOG_COLUMNS, "known are"),
        )
        for our in columns
        if our not in LOG_COLUMNS
    ]
    relevant = {our: their for our, their in columns.items() if kind == "log" or our in _KEYS[kind]}
    if kind != "log":  # the log and the table of users may name the same id in two ways
        relevant = {our: their for our, their in relevant.items() if their in header}
    known = LOG_COLUMNS if kind == "log" else (*_KEYS[kind], *header)
    taken = set(relevant.values())
    same = {name: name for name in known if name in header and name not in relevant and name not in taken}
    theirs = relevant | same
    for our in dict.fromkeys((*_KEYS[kind], *relevant)):
        their = theirs.get(our, our)
        if their not in header:
            mend = closest(their, header, "the file has")
            mend += "" if our in relevant else f"; say which one it is: columns: {{{our}: ...}}"
            problems.append(InputError("this column is missing", file=path, column=their, mend=mend))
    return theirs, problems


def _converted(frame: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    """Text to numbers, dates and ids, after every value was checked."""
    log_numbers = NUMBERS if kind == "log" else ()
    converted: dict[str, Any] = {}
    for column in map(str, frame.columns):
        if column in IDS:
            converted[column] = _as_ids(frame[column])
        elif column in log_numbers:
            converted[column] = parse_numbers(frame[column])
        elif column == Columns.TIMESTAMP and kind == "log":
            converted[column] = parse_timestamps(frame[column])
        else:
            converted[column] = _as_attribute(frame[column])
    return pd.DataFrame(converted)


def _as_ids(values: pd.Series[Any]) -> pd.Series[str]:
    """Ids are names: '001' stays '001', and a whole number that Parquet holds as 7.0 becomes '7'."""
    if pd.api.types.is_float_dtype(values) and bool((values.dropna() % 1 == 0).all()):
        values = values.astype("Int64")
    return values.astype("str").where(values.notna())


def _as_attribute(values: pd.Series[Any]) -> pd.Series[Any]:
    """A column of numbers becomes numbers; anything else is text."""
    text = values.astype("str").where(values.notna())
    numbers = parse_numbers(values)
    coded = text.str.match(r"0\d", na=False).any()  # post codes and the like: '01234' is a name
    every = values.notna().any() and numbers.notna().equals(values.notna())
    return numbers if every and not coded else text
