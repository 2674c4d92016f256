"""What may stand in the columns of a table, and how to say that something else does."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graphrec.data.interactions import Columns
from graphrec.data.splitting import PARTS
from graphrec.data.tables.kinds import (
    COST,
    DISCOUNT,
    DISCOUNT_PCT,
    FUNDED_SHARE,
    HORIZON,
    INTERACTION_ID,
    MAX_RATE,
    MONEY,
    NUMBERS,
    PROPENSITY,
    RATE,
    REDEEMED,
    SHARES,
    STOCK,
)
from graphrec.data.tables.sheets import SheetRows
from graphrec.data.tables.times import Times, parse_numbers
from graphrec.errors import InputError

_LISTED = 100
"""Problems of one kind in one column that are listed one by one; the rest is counted."""


@dataclass(frozen=True)
class Rule:
    """A rule for the values of a column.

    Args:
        name: What is wrong where it fails, said of the value: "is negative".
        hint: What to do about it.
        passes: Values (text or numbers, none missing) → whether each is right.
    """

    name: str
    hint: str
    passes: Callable[[pd.Series[Any]], pd.Series[bool]]


def _not_negative(values: pd.Series[Any]) -> pd.Series[bool]:
    return ~(parse_numbers(values) < 0)


def _whole(values: pd.Series[Any]) -> pd.Series[bool]:
    numbers = parse_numbers(values)
    return numbers.isna() | (numbers % 1 == 0)


def _between_0_and_1(values: pd.Series[Any]) -> pd.Series[bool]:
    numbers = parse_numbers(values)
    return numbers.isna() | numbers.between(0, 1)


def _between_0_and_100(values: pd.Series[Any]) -> pd.Series[bool]:
    numbers = parse_numbers(values)
    return numbers.isna() | numbers.between(0, 100)


_NUMBER = Rule(
    "is not a number",
    "write it with digits and a decimal point (a comma is read with decimal: ','), leave it empty, "
    "or leave the column out: null in columns",
    lambda values: parse_numbers(values).notna(),
)
_NEEDED_NUMBER = Rule("is not a number", "write it with digits and a decimal point", _NUMBER.passes)
_OF_RETURNS = "if it is a return, add cleaning: [{class_path: Returns, init_args: {how: net}}] to the source"
_MONEY = Rule("is negative", f"prices must be >= 0, fix the row; {_OF_RETURNS}", _not_negative)
_DISCOUNT = Rule("is negative", f"write what is taken off, as 2 and not -2; {_OF_RETURNS}", _not_negative)
_COST = Rule("is negative", "give money, 0 or more", _not_negative)
_PERCENT = Rule("is not between 0 and 100", "give per cent, as 20", _between_0_and_100)
_WEEK = Rule("is not a whole number", "number the weeks 1, 2, 3 ...", _whole)
_HORIZON = Rule(
    "is no whole number of weeks above 0",
    "give the weeks that the offer was for, as 4, or leave it empty for one",
    lambda values: parse_numbers(values).isna() | (_whole(values) & (parse_numbers(values) >= 1)),
)
_STOCK = Rule("is negative", "give the units on hand, 0 or more", _not_negative)
_SHARE = Rule("is not between 0 and 1", "give a share, as 0.2", _between_0_and_1)
_CHANCE = Rule(
    "is not above 0 and at most 1",
    "give the probability with which this arm was drawn",
    lambda values: parse_numbers(values).isna() | parse_numbers(values).between(0, 1, inclusive="right"),
)
_PART = Rule(
    "is not the name of a part",
    f"use {', '.join(PARTS)}, or leave the column out: part: null in columns, part= after --columns",
    lambda values: values.isin(list(PARTS)),
)
_UNIQUE = Rule("occurs more than once", "keep one of the rows", lambda values: ~values.duplicated())
_UNIQUE_ROW = Rule(
    _UNIQUE.name,
    f"keep one of the rows: cleaning: [{{class_path: Duplicates, init_args: {{by: [{INTERACTION_ID}]}}}}]",
    _UNIQUE.passes,
)
_MENDED = (_MONEY, _DISCOUNT, _UNIQUE_ROW)
"""Rules that steps of cleaning stand in for."""


def _date(times: Times) -> Rule:
    return Rule("is not a date", times.hint, lambda values: times.values.loc[values.index].notna())


def rules(
    column: str, unique: Sequence[str], times: Times | None = None, needed: Sequence[str] = ()
) -> list[Rule]:
    """Collect the rules of a column, by our name for it; a value of one that is needed cannot be left out."""
    found = [_NEEDED_NUMBER if column in needed else _NUMBER] if column in NUMBERS else []
    found += [_DISCOUNT if column == DISCOUNT else _MONEY] if column in MONEY else []
    found += [_STOCK] if column == STOCK else []
    found += [_SHARE] if column in (RATE, REDEEMED, FUNDED_SHARE, MAX_RATE, *SHARES) else []
    found += [_COST] if column == COST else []
    found += [_CHANCE] if column == PROPENSITY else []
    found += [_WEEK] if column == Columns.WEEK else []
    found += [_HORIZON] if column == HORIZON else []
    found += [_date(times)] if column == Columns.TIMESTAMP and times else []
    found += [_PART] if column == Columns.PART else []
    found += [_PERCENT] if column == DISCOUNT_PCT else []
    repeated = _UNIQUE_ROW if column == INTERACTION_ID else _UNIQUE
    return found + ([repeated] if column in unique else [])


def header_rows(frame: pd.DataFrame, rows: SheetRows, theirs: Mapping[str, str]) -> list[InputError]:
    """Find rows that name the columns again, as where files were put one below the other.

    Args:
        frame: The table as read, columns in our names, index 0..n-1.
        rows: Where each row stands.
        theirs: Our name → the file's name.
    """
    again = pd.Series(True, frame.index)
    for our, their in theirs.items():
        if frame[our].dtype != "str":
            return []
        name = frame[our].str.strip()  # RecBole's names have a type behind them
        again &= (name == their) | name.str.startswith(f"{their}:", na=False)
        if not again.any():
            return []
    places = [rows.place(int(index)) for index in np.flatnonzero(again)]
    what = "this row names the columns again and is no data"
    return [InputError(what, file=file, row=row, hint="take it out") for file, row in places[:_LISTED]]


def missing_values(frame: pd.DataFrame, rows: SheetRows, theirs: dict[str, str]) -> list[InputError]:
    """Find the first missing value of each column that must be complete.

    Args:
        frame: The table, columns in our names, index 0..n-1.
        rows: Where each row stands.
        theirs: Our name → the file's name for those columns.
    """
    problems = []
    for our, their in theirs.items():
        missing = np.flatnonzero(frame[our].isna())
        if len(missing):
            file, row = rows.place(int(missing[0]))
            more = f", and in {len(missing) - 1:,} more rows" if len(missing) > 1 else ""
            hint = "complete the row or take it out"
            what = f"the value is missing{more}"
            problems.append(InputError(what, file=file, row=row, column=their, hint=hint))
    return problems


def value_problems(
    frame: pd.DataFrame,
    rows: SheetRows,
    theirs: dict[str, str],
    unique: Sequence[str],
    times: Times | None = None,
    needed: Sequence[str] = (),
    mended: Sequence[str] = (),
) -> list[InputError]:
    """Find every value that breaks a rule of its column, in the order of the rows.

    Args:
        frame: The table as read, columns in our names, index 0..n-1; values still as the file has them.
        rows: Where each row stands.
        theirs: Our name → the file's name.
        unique: Columns (ours) in which no value may occur twice.
        times: What was read of the column ``timestamp``.
        needed: Columns (ours) in which no value may be missing.
        mended: Columns (ours) in which a negative or a repeated value is left to cleaning.
    """
    pa = _pandera()
    found = {str(column): rules(str(column), unique, times, needed) for column in frame.columns}
    by_column = {
        column: [one for one in checks if column not in mended or one not in _MENDED]
        for column, checks in found.items()
    }
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
            first = _first_places(frame[column], rows, cases) if rule.name == _UNIQUE.name else None
            problems += _listed(cases, rule, rows, theirs[column], first)
        return sorted(problems, key=lambda problem: problem.row or 0)
    return []


def _pandera() -> Any:
    """Import pandera without PySpark's frames, which it loads and warns of wherever PySpark is installed."""
    hidden = [name for name in ("pyspark", "pyspark.pandas") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        return importlib.import_module("pandera.pandas")
    finally:
        for name in hidden:
            del sys.modules[name]


def _first_places(
    values: pd.Series[Any], rows: SheetRows, cases: pd.DataFrame
) -> dict[Any, tuple[Path, int]]:
    """Find where the values that occur again stood first."""
    again = values[values.isin(cases["failure_case"])].drop_duplicates()
    return {value: rows.place(int(index)) for value, index in zip(again, again.index, strict=True)}


def _stood(first: tuple[Path, int], file: Path) -> str:
    """Say in which row a value stood first, and in which file if that is another one."""
    other = "" if first[0] == file else f" of {first[0]}"
    return f", it stands in row {first[1]}{other} already"


def _listed(
    cases: pd.DataFrame, rule: Rule, rows: SheetRows, column: str, first: dict[Any, tuple[Path, int]] | None
) -> list[InputError]:
    cases = cases.sort_values("index")
    problems = []
    for value, index in zip(cases["failure_case"].head(_LISTED), cases["index"].head(_LISTED), strict=True):
        said = repr(value) if rule not in (_MONEY, _DISCOUNT, _WEEK, _STOCK, _SHARE, _PERCENT) else str(value)
        file, row = rows.place(int(index))
        what = f"{said} {rule.name}" + (_stood(first[value], file) if first else "")
        problems.append(InputError(what, file=file, row=row, column=column, hint=rule.hint))
    if len(cases) > _LISTED:
        places = len(cases) - _LISTED
        rest = f"the same in {places:,} more row{'s' if places > 1 else ''}"
        file, row = rows.place(int(cases["index"].iloc[_LISTED]))
        problems.append(InputError(rest, file=file, row=row, column=column, hint=rule.hint, places=places))
    return problems
