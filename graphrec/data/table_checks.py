"""What may stand in the columns of a table, and how to say that something else does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.pandas as pa
import pyarrow

from graphrec.data.interactions import Columns
from graphrec.data.sheets import Rows
from graphrec.data.splits import PARTS
from graphrec.data.table_kinds import MONEY, NUMBERS, RATE, SHARES, STOCK
from graphrec.errors import InputError

_LISTED = 100
"""Problems of one kind in one column that are listed one by one; the rest is counted."""
_EPOCH_LIMIT = 1e11
"""Seconds since 1970 end in the year 5138 here; larger numbers are milliseconds."""


@dataclass(frozen=True)
class Rule:
    """A rule for the values of a column.

    Args:
        name: What is wrong where it fails, said of the value: "is negative".
        mend: What to do about it.
        passes: Values (text or numbers, none missing) → whether each is right.
    """

    name: str
    mend: str
    passes: Callable[[pd.Series[Any]], pd.Series[bool]]


def parse_numbers(values: pd.Series[Any]) -> pd.Series[float]:
    """Numbers as float64; NaN where a value is missing or is none."""
    try:  # ten times as fast as pandas, but all or nothing
        parsed = pyarrow.array(values, from_pandas=True).cast(pyarrow.float64())
        numbers = pd.Series(parsed.to_numpy(zero_copy_only=False), index=values.index, dtype="float64")
    except (pyarrow.ArrowException, TypeError):
        numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    return numbers.where(np.isfinite(numbers))


def parse_timestamps(values: pd.Series[Any]) -> pd.Series[pd.Timestamp]:
    """ISO 8601 dates (20170131 too) or seconds since 1970; NaT where a value is missing or is neither.

    Which of the two is decided for the column as a whole. Times with an offset are turned to UTC.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        return pd.to_datetime(values, utc=True).dt.tz_localize(None)
    if _is_epoch(values):
        seconds = parse_numbers(values)
        return pd.to_datetime(seconds.where(seconds.abs() < _EPOCH_LIMIT), unit="s", errors="coerce")
    text = values.astype("str")
    return pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)


def _is_epoch(values: pd.Series[Any]) -> bool:
    known = values.dropna()
    numbers = parse_numbers(known)
    compact_dates = numbers.between(19_000_101, 21_001_231)
    return bool(len(known)) and bool((numbers.notna() & ~compact_dates).mean() > 0.5)


def _not_negative(values: pd.Series[Any]) -> pd.Series[bool]:
    return ~(parse_numbers(values) < 0)


def _whole(values: pd.Series[Any]) -> pd.Series[bool]:
    numbers = parse_numbers(values)
    return numbers.isna() | (numbers % 1 == 0)


def _between_0_and_1(values: pd.Series[Any]) -> pd.Series[bool]:
    numbers = parse_numbers(values)
    return numbers.isna() | numbers.between(0, 1)


_NUMBER = Rule(
    "is not a number",
    "write it with digits and a decimal point, or leave it empty",
    lambda values: parse_numbers(values).notna(),
)
_MONEY = Rule("is negative", "prices must be >= 0, mend the row or drop it", _not_negative)
_QUANTITY = Rule("is negative", "quantities must be >= 0, take returns out of the log", _not_negative)
_WEEK = Rule("is not a whole number", "number the weeks 1, 2, 3 ...", _whole)
_DATE = Rule(
    "is not a date",
    "write dates as 2017-01-31 or 2017-01-31T18:30:00, or as seconds since 1970",
    lambda values: parse_timestamps(values).notna(),
)
_STOCK = Rule("is negative", "give the units on hand, 0 or more", _not_negative)
_SHARE = Rule("is not between 0 and 1", "give a share, as 0.2", _between_0_and_1)
_PART = Rule(
    "is not the name of a part",
    f"use {', '.join(PARTS)}, or leave the column out: part: null in columns, part= after --columns",
    lambda values: values.isin(list(PARTS)),
)
_UNIQUE = Rule("occurs more than once", "keep one of the rows", lambda values: ~values.duplicated())


def rules(column: str, unique: Sequence[str]) -> list[Rule]:
    """The rules of a column, by our name for it."""
    found = [_NUMBER] if column in NUMBERS else []
    found += [_MONEY] if column in MONEY else []
    found += [_QUANTITY] if column == Columns.QUANTITY else []
    found += [_STOCK] if column == STOCK else []
    found += [_SHARE] if column in (RATE, *SHARES) else []
    found += [_WEEK] if column == Columns.WEEK else []
    found += [_DATE] if column == Columns.TIMESTAMP else []
    found += [_PART] if column == Columns.PART else []
    return found + ([_UNIQUE] if column in unique else [])


def value_problems(
    frame: pd.DataFrame,
    rows: Rows,
    theirs: dict[str, str],
    unique: Sequence[str],
) -> list[InputError]:
    """Every value that breaks a rule of its column, in the order of the rows.

    Args:
        frame: The table as read, columns in our names, index 0..n-1; values still as the file has them.
        rows: Where each row stands.
        theirs: Our name → the file's name.
        unique: Columns (ours) in which no value may occur twice.
    """
    by_column = {str(column): rules(str(column), unique) for column in frame.columns}
    columns = {
        column: pa.Column(checks=[pa.Check(rule.passes, error=rule.name) for rule in found], nullable=True)
        for column, found in by_column.items()
    }
    try:
        pa.DataFrameSchema(columns).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        problems: list[InputError] = []
        for (column, name), cases in errors.failure_cases.groupby(["column", "check"], sort=False):
            rule = next(rule for rule in by_column[column] if rule.name == name)
            first = _first_lines(frame[column], rows.lines, cases) if rule is _UNIQUE else None
            problems += _listed(cases, rule, rows, theirs[column], first)
        return sorted(problems, key=lambda problem: problem.row or 0)
    return []


def _first_lines(values: pd.Series[Any], lines: npt.NDArray[np.int64], cases: pd.DataFrame) -> dict[Any, int]:
    """Where the values that occur again stood first."""
    again = values[values.isin(cases["failure_case"])].drop_duplicates()
    return dict(zip(again, lines[again.index.to_numpy()].tolist(), strict=True))


def _listed(
    cases: pd.DataFrame, rule: Rule, rows: Rows, column: str, first: dict[Any, int] | None
) -> list[InputError]:
    cases = cases.sort_values("index")
    problems = []
    for value, index in zip(cases["failure_case"].head(_LISTED), cases["index"].head(_LISTED), strict=True):
        said = repr(value) if rule in (_NUMBER, _DATE, _PART, _UNIQUE) else str(value)
        what = f"{said} {rule.name}" + (f", it stands in row {first[value]} already" if first else "")
        file, row = rows.place(int(index))
        problems.append(InputError(what, file=file, row=row, column=column, mend=rule.mend))
    if len(cases) > _LISTED:
        rest = f"the same in {len(cases) - _LISTED:,} more rows"
        file, row = rows.place(int(cases["index"].iloc[_LISTED]))
        problems.append(InputError(rest, file=file, row=row, column=column, mend=rule.mend))
    return problems
