"""A log in Parquet as a table of expressions: columns in our names, what is no purchase, the last week."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from graphrec.data.engine.backends import Engine
from graphrec.data.engine.rows import number, seconds
from graphrec.data.interactions import Columns
from graphrec.data.tables.files import closest, parts_of
from graphrec.data.time_bounds import bounds
from graphrec.errors import InputError

if TYPE_CHECKING:
    import ibis.expr.types as ir

IDS = (Columns.USER, Columns.ITEM)
_NUMBERS = (
    *(Columns.WEEK, Columns.QUANTITY, Columns.RATING),
    *(Columns.PRICE, Columns.REGULAR_PRICE, Columns.SHELF_PRICE),
)
READ = (*IDS, Columns.TIMESTAMP, Columns.BASKET, Columns.EVENT, *_NUMBERS)
"""Columns that are read, in our names."""
_LATEST = 4_102_444_800
"""The year 2100, in seconds since 1970."""
ROWS, LATER = "rows", "after the training part"


def opened(path: str | Path, columns: Mapping[str, str | None], engine: Engine) -> ir.Table:
    """Open the Parquet files of a log, and give its columns our names.

    Args:
        path: A file, a folder, or a pattern as ``sales/*.parquet``.
        columns: Our name → the file's name, for those that differ; nothing for a column to leave out.
        engine: Where the expressions run.

    Raises:
        InputError: If there is no such file, one is no Parquet file, or a column is missing or of a wrong
            type.
    """
    parts = parts_of(Path(path))
    for part in parts:
        if not part.is_parquet:
            hint = "write it as Parquet, or read it with the source table"
            raise InputError("this is not a Parquet file", file=part.path, hint=hint)
    root = (
        Path(path) if Path(path).is_dir() else Path(os.path.commonpath([part.path.parent for part in parts]))
    )
    raw = engine.parquet([str(part.path) for part in parts], str(root))
    return _named(raw, columns, str(path))


def _named(raw: ir.Table, columns: Mapping[str, str | None], file: str) -> ir.Table:
    there = raw.columns
    wrong = [our for our in columns if our not in READ]
    if wrong:
        what = f"{wrong[0]!r} is not a column of a log"
        raise InputError(what, column=f"columns.{wrong[0]}", hint=closest(wrong[0], READ, "known are"))
    given = {our: their for our, their in columns.items() if their is not None}
    theirs = {our: our for our in READ if our in there and our not in columns} | given
    for our in dict.fromkeys((*IDS, *given)):
        their = theirs.get(our, our)
        if their not in there:
            hint = f"{closest(their, there, 'the file has')}; say which one it is: columns={{{our!r}: ...}}"
            raise InputError("this column is missing", file=file, column=their, hint=hint)
    for our, their in theirs.items():
        _check_type(our, their, raw[their].type(), file)
    return raw.select(**{our: _filled(raw[their]) for our, their in theirs.items()})


def _filled(column: ir.Value) -> ir.Value:
    """Take an empty text for a missing value."""
    return column.nullif("") if column.type().is_string() else column


def _check_type(our: str, their: str, kind: Any, file: str) -> None:
    """Refuse a column whose values would have to be guessed at, row by row."""
    if our in IDS:
        fits, needs = kind.is_integer() or kind.is_string(), "text or whole numbers"
    elif our in _NUMBERS:
        fits, needs = kind.is_numeric(), "numbers"
    elif our == Columns.TIMESTAMP:
        fits = kind.is_timestamp() or kind.is_date() or kind.is_numeric()
        needs = "timestamps, dates or seconds since 1970"
    else:
        fits, needs = not kind.is_nested(), "single values"
    if not fits:
        hint = "write the file again with that type, or read it with the source table"
        raise InputError(f"values are {kind}, not {needs}", file=file, column=their, hint=hint)


def purchases(log: ir.Table) -> ir.Table:
    """Add a column ``why`` that says why a row is none of the log; missing for the rows that stay.

    The rules are those of the source ``table``, save that equal rows are not looked for and nothing is
    filled or lowered.
    """
    import ibis

    there = log.columns
    rules = [(log[name].isnull(), f"rows without {name}") for name in IDS]
    rules += [(number(log, Columns.WEEK).isnull(), "rows without week")] if Columns.WEEK in there else []
    if Columns.TIMESTAMP in there:
        rules.append((seconds(log).isnull(), "rows without timestamp"))
    if Columns.QUANTITY in there:
        quantity = number(log, Columns.QUANTITY).fill_null(1.0)
        rules += [(quantity < 0, "returns (quantity below 0)"), (quantity == 0, "rows of quantity 0")]
    if Columns.RATING in there:
        rules.append((number(log, Columns.RATING).fill_null(0.0) < 0, "ratings below 0"))
    return log.mutate(why=ibis.cases(*rules, else_=ibis.null("string")))


def last_of(log: ir.Table, train_end: int | str | None, engine: Engine, file: str) -> float | None:
    """Find the last week, or the last second where there are no weeks, of the training part.

    Args:
        log: As `opened`.
        train_end: Its last week, date or moment, as in the split ``Temporal``; nothing for the whole log.
        engine: Where the expressions run.
        file: For messages.

    Raises:
        InputError: If the log has no times, they are none, or the bound is none or before them.
    """
    there = log.columns
    if Columns.TIMESTAMP in there:
        _check_times(log, engine, file)
    if train_end is None:
        return None
    if Columns.WEEK not in there and Columns.TIMESTAMP not in there:
        hint = "map a column to week or timestamp, or leave train_end out"
        raise InputError("there are no times", file=file, column="train_end", hint=hint)
    time = number(log, Columns.WEEK) if Columns.WEEK in there else seconds(log)
    said = engine.fetched(log.aggregate(first=time.min(), last=time.max())).to_pylist()[0]
    ends = pd.Series([said["first"], said["last"]])
    if Columns.WEEK in there:
        return float(bounds({"train": train_end}, ends, file)["train"])
    end: pd.Timestamp = bounds({"train": train_end}, pd.to_datetime(ends, unit="s"), file)["train"]
    return end.timestamp()


def _check_times(log: ir.Table, engine: Engine, file: str) -> None:
    time = seconds(log)
    last = engine.fetched(log.aggregate(last=time.max())).column("last")[0].as_py()
    if last is not None and last > _LATEST:
        what = f"the last time is {last:.0f} seconds after 1970, which is beyond the year 2100"
        hint = "write the column as timestamps, or as seconds"
        raise InputError(what, file=file, column=Columns.TIMESTAMP, hint=hint)
