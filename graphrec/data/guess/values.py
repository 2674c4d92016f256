"""What the values of a column are: numbers with a comma, dates of some pattern, ids, a few words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.data.tables.delimited import MISSING
from graphrec.data.tables.times import parse_numbers, patterns_of, read_times
from graphrec.errors import InputError

_COMMA = r"[-+]?(?:\d{1,3}(?:\.\d{3})+|\d+),\d+"
_POINT = r"[-+]?\d+\.\d+"
_MOSTLY = 0.8
_SORTED = 0.98
_DAY_MONTH = re.compile(r"%d.%m|%m.%d")


def known(values: pd.Series[Any]) -> pd.Series[Any]:
    """Take the values that are there, without the space around them."""
    text = values.astype("str").str.strip().where(values.notna())
    return text[~text.isin(MISSING)].dropna()


def has_decimal_commas(values: pd.Series[Any]) -> bool:
    """Tell whether a column holds numbers as 1.234,50, of which some have a comma."""
    text = known(values)
    if not len(text):
        return False
    comma = text.str.fullmatch(_COMMA)
    whole = text.str.fullmatch(r"[-+]?\d+")
    return bool(comma.any() and (comma | whole).mean() >= _MOSTLY)


def has_decimal_points(values: pd.Series[Any]) -> bool:
    """Tell whether a column holds numbers with a decimal point."""
    text = known(values)
    return bool(len(text) and text.str.fullmatch(_POINT).mean() > 1 - _MOSTLY)


def may_be_thousands(values: pd.Series[Any]) -> bool:
    """Tell whether each comma could part thousands as well: three digits follow all of them."""
    text = known(values)
    with_comma = text[text.str.contains(",", regex=False)]
    return bool(len(with_comma) and with_comma.str.fullmatch(r"[-+]?\d{1,3}(,\d{3})+").all())


def as_numbers(values: pd.Series[Any], decimal: str | None) -> pd.Series[float]:
    """Read numbers, NaN where a value is none."""
    text = values.astype("str").str.strip().where(values.notna())
    if decimal == ",":
        fits = text.str.fullmatch(_COMMA).fillna(False).astype(bool)
        text = text.mask(fits, text.str.replace(".", "").str.replace(",", "."))
    return parse_numbers(text)


def is_number(values: pd.Series[Any], decimal: str | None) -> bool:
    """Tell whether nearly all values are numbers."""
    text = known(values)
    return bool(len(text) and as_numbers(text, decimal).notna().mean() >= 0.98)


@dataclass(frozen=True)
class Dates:
    """How a column of times is written.

    Args:
        pattern: For ``time_format``; None where it is found out while reading.
        why: The reason.
        doubt: What could not be decided; empty for nothing.
    """

    pattern: str | None
    why: str
    doubt: str = ""


def dates_in(values: pd.Series[Any]) -> Dates | None:
    """Find out whether a column holds times and how they are written; None if it holds none."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return Dates(None, "times of the file's own type")
    text = known(values)
    distinct = text.drop_duplicates()
    if not len(distinct):
        return None
    try:
        found = read_times(distinct)
    except InputError:
        return None
    if found.values.notna().mean() >= 0.98:
        return Dates(None, f"read as {found.words or 'dates in ISO 8601, or seconds'}")
    fitting = [one for one in patterns_of(distinct) if _fits(distinct, one)]
    if not fitting:
        return None
    if len(fitting) == 1:
        return Dates(fitting[0], _why(fitting[0]))
    return _undecided(text, fitting)


def _fits(distinct: pd.Series[Any], pattern: str) -> bool:
    read = pd.to_datetime(distinct, format=pattern, errors="coerce")
    return bool(read.notna().mean() >= 0.98)


def _why(pattern: str) -> str:
    if _DAY_MONTH.search(pattern):
        first = "day" if pattern.index("%d") < pattern.index("%m") else "month"
        return f"the {first} stands first: read otherwise some dates would not exist"
    return "no other pattern fits all values"


def _undecided(text: pd.Series[Any], fitting: list[str]) -> Dates:
    """Choose among patterns that all fit: by the order of the rows, else the day first, which is said."""
    sample = text.iloc[:: max(1, len(text) // 20_000)]
    order = {one: _in_order(pd.to_datetime(sample, format=one, errors="coerce")) for one in fitting}
    best = max(fitting, key=lambda one: order[one])
    others = [share for one, share in order.items() if one != best]
    if order[best] >= _SORTED and max(others) < order[best] - 0.005:
        rest = " or ".join(one for one in fitting if one != best)
        return Dates(best, f"with {best} the rows are in the order of time, with {rest} they are not")
    day_first = [one for one in fitting if one.startswith("%d")]
    chosen = (day_first or fitting)[0]
    told = " or ".join(f"'{one}'" for one in fitting)
    doubt = f"{told} fit all values, as {text.iloc[0]!r}, and nothing decides; '{chosen}' was taken"
    why = "undecided: look at a date that you know"
    return Dates(chosen, why, f"time_format: {doubt}: look at a date that you know")


def _in_order(times: pd.Series[Any]) -> float:
    """Compute the share of rows that do not lie before the row above; 0 if all are one time."""
    steps = np.diff(times.dropna().to_numpy().astype("int64"))
    return float((steps >= 0).mean()) if len(steps) and (steps != 0).any() else 0.0
