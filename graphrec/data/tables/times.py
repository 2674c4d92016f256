"""Find out how the times of a table are written, and read them or say how to.

A column is of one kind as a whole. Text is ISO 8601, numbers are seconds since 1970 (or thousandths of them
and so on), compact dates or Excel's days. Numbers that can be none of these, such as years or day numbers,
are refused: a guess would put every purchase into one week.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pyarrow

from graphrec.errors import InputError

FIRST_YEAR, LAST_YEAR = 1900, 2100
"""Dates of other years are slips, or stand for a missing one (0001-01-01, 9999-12-31)."""
_SHOP_FROM, _SHOP_UNTIL = 315_532_800, 4_102_444_800
"""1980 and 2100 in seconds since 1970: where numbers of a shop can lie."""
_EXCEL_FROM, _EXCEL_UNTIL = 30_000, 60_000
"""1982 and 2064 in Excel's days."""
_SAMPLE = 1000
"""Distinct values that patterns are tried on."""


@dataclass(frozen=True)
class Unit:
    """Numbers that count time from an origin.

    Args:
        name: The name in `time_format`.
        words: What the numbers are, for messages.
        per_second: Units in a second.
        origin: Where they count from.
    """

    name: str
    words: str
    per_second: float
    origin: str = "1970-01-01"

    def read(self, numbers: pd.Series[float]) -> pd.Series[pd.Timestamp]:
        """Read times of numbers; NaT where one is missing or lies outside the years of a shop."""
        seconds = numbers / self.per_second
        return pd.to_datetime(
            seconds.where(seconds.abs() < 2 * _SHOP_UNTIL), unit="s", origin=self.origin, errors="coerce"
        )


_DAY = 1 / 86_400
UNITS = {
    unit.name: unit
    for unit in (
        Unit("seconds", "seconds since 1970", 1),
        Unit("milliseconds", "milliseconds since 1970", 1e3),
        Unit("microseconds", "microseconds since 1970", 1e6),
        Unit("nanoseconds", "nanoseconds since 1970", 1e9),
        Unit("days", "day numbers, day 0 being shown as 1970-01-01", _DAY),
        Unit("excel", "Excel's days", _DAY, "1899-12-30"),
    )
}
_SINCE_1970 = [UNITS[name] for name in ("seconds", "milliseconds", "microseconds", "nanoseconds")]
_COMPACT = (  # pattern, and the numbers it makes
    ("%Y%m%d", 19_000_101, 21_001_231),
    ("%Y%m%d%H%M", 190_001_010_000, 210_012_312_359),
    ("%Y%m%d%H%M%S", 19_000_101_000_000, 21_001_231_235_959),
)
_DATES = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d %m %Y"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%y/%m/%d", "%d-%m-%y", "%m-%d-%y", "%Y.%m.%d", "%Y年%m月%d日"),
    *("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%Y-%b-%d"),
    *("%G-W%V-%u", "%Y%m%d"),
)
_HOURS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S")
_WHOLE = ("%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S UTC %Y", "%a, %d %b %Y %H:%M:%S")
HOW = "say how it is written with time_format"
_OPTIONS = f"{', '.join(UNITS)} or a pattern such as '%d/%m/%Y'"


@dataclass(frozen=True)
class Times:
    """What became of a column.

    Args:
        values: One time per row, without a zone (UTC); NaT where a value is missing or cannot be read.
        words: How it was written, if a reader should know: "Excel's days".
        hint: How a value that cannot be read should look.
    """

    values: pd.Series[pd.Timestamp]
    words: str = ""
    hint: str = "write dates as 2017-01-31 or 2017-01-31T18:30:00, or as seconds since 1970"


def parse_numbers(values: pd.Series[Any]) -> pd.Series[float]:
    """Read numbers as float64; NaN where a value is missing or is none."""
    try:  # ten times as fast as pandas, but all or nothing
        written = pyarrow.array(values, from_pandas=True)
        if pyarrow.types.is_decimal(written.type):  # the way over text ends at the nearest number
            written = written.cast(pyarrow.string())
        parsed = written.cast(pyarrow.float64())
        numbers = pd.Series(parsed.to_numpy(zero_copy_only=False), index=values.index, dtype="float64")
    except (pyarrow.ArrowException, TypeError):
        numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    return numbers.where(np.isfinite(numbers))


def check_time_format(time_format: str | None) -> None:
    """Raise `InputError` if there is no such way to write times."""
    if time_format is not None and time_format not in UNITS and "%" not in time_format:
        raise InputError(
            f"{time_format!r} is no way to write times", column="time_format", hint=f"give {_OPTIONS}"
        )


def read_times(values: pd.Series[Any], time_format: str | None = None) -> Times:
    """Read a column of times.

    Args:
        values: Text, numbers or times, as the file has them; values may be missing.
        time_format: A name of `UNITS` or a pattern of ``strptime``; found out if missing.

    Raises:
        InputError: If the column as a whole is of no kind that can be found out; without file and column.
    """
    check_time_format(time_format)
    if pd.api.types.is_datetime64_any_dtype(values):
        zone = values.dt.tz
        words = "" if str(zone) in ("None", "UTC") else f"turned to UTC from {zone}"
        return _of_shop(Times(pd.to_datetime(values, utc=True).dt.tz_localize(None), words))
    if time_format in UNITS:
        return _counted(parse_numbers(values), UNITS[time_format])
    if time_format is not None:
        return _patterned(values, time_format)
    numbers = parse_numbers(values)
    if _mostly(numbers.notna(), values.notna()):
        return _numbered(values, numbers)
    return _written(values, numbers)


def _mostly(found: pd.Series[bool], of: pd.Series[bool]) -> bool:
    known = int(of.sum())
    return known > 0 and int((found & of).sum()) * 2 > known


def _of_shop(times: Times) -> Times:
    """Leave out dates that no shop has."""
    year = times.values.dt.year
    return Times(times.values.where(year.between(FIRST_YEAR, LAST_YEAR)), times.words, times.hint)


def _counted(numbers: pd.Series[float], unit: Unit) -> Times:
    words = "" if unit.name == "seconds" else unit.words
    return _of_shop(Times(unit.read(numbers), words, f"the others are {unit.words}"))


def _patterned(values: pd.Series[Any], pattern: str) -> Times:
    text = values.astype("str").where(values.notna())
    if pd.api.types.is_float_dtype(values):
        text = (
            values.map(lambda value: f"{value:.0f}", na_action="ignore").astype("str").where(values.notna())
        )
    try:
        read = pd.to_datetime(text, format=pattern, errors="coerce", utc=True).dt.tz_localize(None)
    except ValueError as error:
        raise InputError(
            f"{pattern!r} is no pattern: {error}", column="time_format", hint=f"give {_OPTIONS}"
        ) from error
    return _of_shop(Times(read, f"written as {pattern}", f"the pattern is {pattern}"))


def _numbered(values: pd.Series[Any], numbers: pd.Series[float]) -> Times:
    """Read numbers by the unit or compact form that most of them fit."""
    known = numbers.notna()
    for pattern, first, last in _COMPACT:
        if _mostly(numbers.between(first, last), known):
            return _patterned(numbers, pattern)
    if _is_hourly(numbers.dropna()):
        raise _unknown("look like year, month, day and hour", numbers, "'%Y%m%d%H'")
    for unit in _SINCE_1970:
        low, high = _SHOP_FROM * unit.per_second, _SHOP_UNTIL * unit.per_second
        if _mostly(numbers.between(low, high), known):
            return _counted(numbers.where(numbers.between(low, high)), unit)
    if _mostly(numbers.between(_EXCEL_FROM, _EXCEL_UNTIL), known):
        return _counted(numbers.where(numbers.between(_EXCEL_FROM, _EXCEL_UNTIL)), UNITS["excel"])
    raise _refusal(numbers.dropna())


def _is_hourly(numbers: pd.Series[float]) -> bool:
    """Tell whether numbers are 2023013118 and so on, which in seconds since 1970 would be in 2030."""
    if not numbers.between(1_900_010_100, 2_100_123_123).all():
        return False
    return bool(
        pd.to_datetime(numbers.map("{:.0f}".format), format="%Y%m%d%H", errors="coerce").notna().all()
    )


def _refusal(numbers: pd.Series[float]) -> InputError:
    """Say what numbers that are no time of a shop may be."""
    whole = bool((numbers % 1 == 0).all())
    if whole and numbers.between(FIRST_YEAR, LAST_YEAR).all():
        return _unknown("look like years", numbers, "'%Y'")
    if whole and numbers.between(190_001, 210_012).all() and (numbers % 100).between(1, 12).all():
        return _unknown("look like year and month", numbers, "'%Y%m'")
    if numbers.between(7_000, 29_999).all():
        return _unknown("look like days since 1970", numbers, "days")
    if numbers.between(-100_000, 100_000).all():
        return _unknown("look like day numbers, or like an order", numbers, "days")
    return _unknown("are no times in a form that is known", numbers, "seconds")


def _unknown(what: str, numbers: pd.Series[float], answer: str) -> InputError:
    span = f"{numbers.min():.16g} to {numbers.max():.16g}"
    hint = f"say what they are: time_format: {answer} (others: {_OPTIONS}); weeks belong in the column week"
    return InputError(f"the numbers {span} {what}; as seconds since 1970 they are of no shop", hint=hint)


def _written(values: pd.Series[Any], numbers: pd.Series[float]) -> Times:
    """Read text: ISO 8601, where a lone number is none, or the patterns it may have."""
    dates = numbers.isna() | numbers.between(*_COMPACT[0][1:])
    text = values.astype("str").where(values.notna() & dates).str.replace(r" (UTC|GMT)$", "Z", regex=True)
    read = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)
    times = _of_shop(Times(read, _zones(text)))
    lost = values.notna() & times.values.isna()
    if not lost.any():
        return times
    patterns = patterns_of(values[lost])
    if not patterns:
        return times
    listed = " or ".join(f"'{pattern}'" for pattern in patterns)
    return Times(times.values, times.words, f"{HOW}: {listed}")


_ZONE = r"[T ]\d\d.*(?:Z|[+-]\d\d(?::?\d\d)?)$"


def _zones(text: pd.Series[Any]) -> str:
    """Say what was done about zones, where a reader should know."""
    known = text.dropna()
    zoned = known.str.contains(_ZONE)
    if not zoned.any():
        return ""
    if not zoned.all():
        return f"turned to UTC, which {int((~zoned).sum()):,} without a zone are taken for"
    return "" if known.str.contains(r"(?:Z|[+-]00(?::?00)?)$").all() else "turned to UTC"


def patterns_of(values: pd.Series[Any]) -> list[str]:
    """Find the usual patterns that fit all of some values; several where day and month may be swapped."""
    sample = values.astype("str").drop_duplicates().head(_SAMPLE)
    tried = [*("".join(pair) for pair in product(_DATES, _HOURS)), *_WHOLE]
    first = sample.head(1)
    likely = [one for one in tried if pd.to_datetime(first, format=one, errors="coerce").notna().all()]
    return [one for one in likely if pd.to_datetime(sample, format=one, errors="coerce").notna().all()]
