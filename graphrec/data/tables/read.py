"""Read tables that people bring, and say exactly what is wrong with them.

There is one reader for every file that the tool takes: logs, attributes, stock, past offers, lists of users.
`read_table` stops at the first problem; `check_table` lists them all. Both go the same way: find the file or
the files of a folder, find their rows, find their columns, check the values, convert them.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from graphrec.data.cleaning.account import FILE, LINE, CleaningStep
from graphrec.data.interactions import Columns
from graphrec.data.places.frames import FrameFile
from graphrec.data.places.given import Place, place_of
from graphrec.data.tables.checks import header_rows, missing_values, value_problems
from graphrec.data.tables.columns import map_columns
from graphrec.data.tables.decimals import check_decimal, with_points
from graphrec.data.tables.delimited import MISSING
from graphrec.data.tables.ids import as_ids, trimmed_text, warn_of_rounded
from graphrec.data.tables.kinds import IDS, KINDS, NUMBERS, Kind, TableKind
from graphrec.data.tables.sheets import SheetRows, TextFormat, open_sheets, read_sheets, tell_files
from graphrec.data.tables.times import Times, parse_numbers, read_times
from graphrec.errors import InputError

__all__ = ["LINE", "Kind", "Table", "TextFormat", "check_table", "load_table", "read_table"]


@dataclass(frozen=True)
class Cleaned:
    """What cleaning will do with a table once it is read.

    Args:
        columns: Columns that its steps look at, by our names or those of the file.
        mended: Columns in which it mends a price below 0 or a number that occurs twice.
    """

    columns: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()

    def more(self, kind: TableKind) -> list[str]:
        """List the columns that are read for it alone."""
        return [name for name in self.columns if name not in kind.known]


NOT_CLEANED = Cleaned()


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    Args:
        frame: Its rows, in our names and types; see `read_table`.
        rows: Where each of them stands.
        steps: What was changed in the ids, for the cleaning report.
        unread: Columns of the file that were not read, save those left out by name.
        times: How ``timestamp`` was written, where a reader should know.
    """

    frame: pd.DataFrame
    rows: SheetRows
    steps: tuple[CleaningStep, ...] = ()
    unread: tuple[str, ...] = ()
    times: str = ""


def read_table(
    path: str | Path,
    columns: Mapping[str, str | None] | None = None,
    *,
    kind: Kind = "log",
    text: TextFormat | None = None,
    time_format: str | None = None,
) -> pd.DataFrame:
    """Read a CSV, TSV or Parquet table, checked and in our names and types.

    Args:
        path: The file, a frame in its place (`FrameFile`), or a folder whose files are parts of one table,
            as Spark and Hive write them. The suffix says what it is (.csv, .tsv, .txt, .inter, each also
            compressed; .parquet, .pq).
        columns: Our name → the file's name, for those that differ, or nothing for a column to leave out; see
            `graphrec.data.tables.kinds`.
        kind: Tables of users and items keep every column, the others those that are known of their kind.
        text: How to read a text file.
        time_format: How times are written; see `read_times`.

    Returns:
        Ids as text in their common form (`graphrec.data.tables.ids`), numbers as float64, ``timestamp`` as
        datetime, and ``line`` for a log. Values may be missing.

    Raises:
        InputError: For the first problem; it says how many more there are.
    """
    return load_table(path, columns, kind=kind, text=text, time_format=time_format).frame


def load_table(
    path: str | Path,
    columns: Mapping[str, str | None] | None = None,
    *,
    kind: Kind = "log",
    text: TextFormat | None = None,
    time_format: str | None = None,
    cleaned: Cleaned = NOT_CLEANED,
) -> Table:
    """Read a table as `read_table` does, with the place of each row and what was done to the ids.

    Raises:
        InputError: For the first problem; it says how many more there are.
    """
    place = place_of(path)
    tell_files(place)
    table, problems = _read(place, columns or {}, kind, text or TextFormat(), time_format, cleaned)
    if table is None or problems:
        raise _first_of(problems, path, kind)
    for column in (name for name in IDS if name in table.frame):
        warn_of_rounded(table.frame[column], path, column)
    return table


def check_table(
    path: str | Path,
    columns: Mapping[str, str | None] | None = None,
    *,
    kind: Kind = "log",
    text: TextFormat | None = None,
    time_format: str | None = None,
    cleaned: Cleaned = NOT_CLEANED,
) -> list[InputError]:
    """Find all problems of a table at once, in the order of its rows; see `read_table` for the arguments."""
    try:
        return _read(place_of(path), columns or {}, kind, text or TextFormat(), time_format, cleaned)[1]
    except InputError as problem:
        return [problem]


def _first_of(problems: Sequence[InputError], path: str | Path, kind: Kind) -> InputError:
    first, more = problems[0], sum(problem.places for problem in problems[1:])
    if not more:
        return first
    also = f"and {more:,} more problem{'s' if more > 1 else ''}"
    if isinstance(path, FrameFile):
        also += " in this frame"
    else:
        also += f": see `graphrec data check {shlex.quote(str(path))}`" if kind == "log" else " in this file"
    hint = f"{first.hint} ({also})" if first.hint else also
    return InputError(first.message, file=first.file, row=first.row, column=first.column, hint=hint)


def _read(
    path: Place,
    columns: Mapping[str, str | None],
    kind: Kind,
    text: TextFormat,
    time_format: str | None,
    cleaned: Cleaned,
) -> tuple[Table | None, list[InputError]]:
    check_decimal(text.decimal)
    declared = KINDS[kind]
    sheets = open_sheets(path, text)
    theirs, problems = map_columns(path, sheets, columns, declared, cleaned.more(declared))
    if problems:
        return None, problems
    frame, rows, problems = read_sheets(path, sheets, theirs, [our for our in theirs if our in IDS])
    if again := header_rows(frame, rows, theirs):
        return None, sorted([*problems, *again], key=_place)
    ids = {our: as_ids(frame[our]) for our in frame if our in IDS}
    frame = pd.DataFrame({our: ids[our].values if our in ids else _trimmed(frame[our]) for our in frame})
    if text.decimal == ",":
        frame, pointed = with_points(frame, rows, theirs, [our for our in NUMBERS if our in theirs])
        problems += pointed
    unique = [key for key in declared.unique if key in frame]
    known = [our for our in declared.known if our in frame]
    checked = frame[known] if declared.attributes else frame  # attributes may be anything
    times, unreadable = _times(checked, path, theirs, time_format)
    needed = [our for our in declared.never_missing if our in theirs]
    problems += unreadable + value_problems(checked, rows, theirs, unique, times, needed, cleaned.mended)
    problems += missing_values(frame, rows, {our: theirs[our] for our in needed})
    if problems:
        return None, sorted(problems, key=_place)
    steps = [step for our, found in ids.items() for step in found.steps(our)]
    converted = _converted(frame, declared, times)
    if kind == "log":
        converted = converted.assign(**{LINE: rows.lines})
        converted = converted.assign(**({FILE: rows.of_file()} if len(rows.files) > 1 else {}))
    headers = dict.fromkeys(name for sheet in sheets for name in sheet.header)
    unread = (name for name in headers if name not in theirs.values())
    left = tuple(name for name in unread if name not in columns or columns[name] is not None)
    return Table(converted, rows, tuple(steps), left, times.words if times else ""), []


def _place(problem: InputError) -> tuple[str, int]:
    return str(problem.file), problem.row or 0


def _trimmed(values: pd.Series[Any]) -> pd.Series[Any]:
    """Take off the space around text, which nobody means in dates, numbers and attributes either."""
    if values.dtype != "str":
        return values
    written = pa.chunked_array(pa.array(values, pa.large_string(), from_pandas=True))
    found = trimmed_text(written)
    if found.equals(written):
        return values
    text = pd.Series(found.to_pandas(), dtype="str").set_axis(values.index)
    return text.mask(text.isin(MISSING))


def _times(
    frame: pd.DataFrame, path: str | Path, theirs: Mapping[str, str], time_format: str | None
) -> tuple[Times | None, list[InputError]]:
    """Read the column of times, or tell why it cannot be read as a whole."""
    if Columns.TIMESTAMP not in frame:
        return None, []
    try:
        return read_times(frame[Columns.TIMESTAMP], time_format), []
    except InputError as problem:
        column = problem.column or theirs[Columns.TIMESTAMP]
        return None, [InputError(problem.message, file=path, column=column, hint=problem.hint)]


def _converted(frame: pd.DataFrame, kind: TableKind, times: Times | None) -> pd.DataFrame:
    """Convert text to numbers and dates, after every value was checked; ids are text already."""
    converted: dict[str, Any] = {}
    for column in map(str, frame.columns):
        if column in IDS and (column in kind.known or not kind.attributes):
            converted[column] = frame[column]
        elif column in NUMBERS and (column in kind.known or not kind.attributes):
            converted[column] = parse_numbers(frame[column])
        elif kind.attributes:
            converted[column] = _as_attribute(frame[column])
        elif column == Columns.TIMESTAMP and times is not None:
            converted[column] = times.values
        elif column == Columns.EVENT:  # a code such as 1 is the name of an event too
            converted[column] = frame[column].astype("str").where(frame[column].notna())
        else:
            converted[column] = _as_attribute(frame[column])
    return pd.DataFrame(converted)


def _as_attribute(values: pd.Series[Any]) -> pd.Series[Any]:
    """Convert a column of numbers to numbers; anything else is text."""
    text = values.astype("str").where(values.notna())
    numbers = parse_numbers(values)
    coded = text.str.match(r"0\d", na=False).any()  # post codes and the like: '01234' is a name
    every = values.notna().any() and numbers.notna().equals(values.notna())
    return numbers if every and not coded else text
