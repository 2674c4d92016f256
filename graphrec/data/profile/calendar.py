"""When a shop sells: weeks, weekdays, hours, months, and what arrives new in each week."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphrec.arrays import IntArray
from graphrec.data.interactions import Columns
from graphrec.data.profile.coded import CodedLog

MOST_BARS = 130
"""Weeks that are shown one by one; of a longer log several are one bar."""
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def weeks(log: CodedLog) -> pd.DataFrame:
    """Count what happens in each week, also in those without a row.

    Returns:
        ``week`` (the first of a bar), ``rows``, ``users``, ``items``, ``new_users`` and ``new_items`` (seen
        for the first time); empty for a log without times. A bar is one week, or several of a long log.
    """
    names = ["week", "rows", "users", "items", "new_users", "new_items"]
    if Columns.WEEK not in log.frame:
        return pd.DataFrame(columns=names)
    number = log.frame[Columns.WEEK].to_numpy(dtype=np.int64)
    first, last = int(number.min()), int(number.max())
    width = weeks_in_a_bar(log)
    bar = (number - first) // width
    count = (last - first) // width + 1
    return pd.DataFrame(
        {
            "week": first + width * np.arange(count),
            "rows": np.bincount(bar, minlength=count),
            "users": _distinct(bar, log.user, count),
            "items": _distinct(bar, log.item, count),
            "new_users": _first_seen(bar, log.user, count),
            "new_items": _first_seen(bar, log.item, count),
        }
    )


def weeks_in_a_bar(log: CodedLog) -> int:
    """Choose how many weeks are one bar of `weeks`."""
    number = log.frame[Columns.WEEK]
    return -(-(int(number.max()) - int(number.min()) + 1) // MOST_BARS)


def weekdays(log: CodedLog) -> pd.DataFrame:
    """Count rows by the day of the week: ``day``, ``rows``, ``share``; empty without dates."""
    return _counted(log, "day", DAYS, lambda time: time.dt.day_of_week)


def hours(log: CodedLog) -> pd.DataFrame:
    """Count rows by the hour: ``hour``, ``rows``, ``share``; empty where all times are midnight."""
    if not has_hours(log):
        return _counted(log, "hour", (), None)
    return _counted(log, "hour", [f"{hour:02d}" for hour in range(24)], lambda time: time.dt.hour)


def months(log: CodedLog) -> pd.DataFrame:
    """Count rows by the month of the year: ``month``, ``rows``, ``share``; empty without dates."""
    return _counted(log, "month", MONTHS, lambda time: time.dt.month - 1)


def has_hours(log: CodedLog) -> bool:
    """Tell whether times say more than the day."""
    if Columns.TIMESTAMP not in log.frame:
        return False
    time = log.frame[Columns.TIMESTAMP]
    return bool((time != time.dt.normalize()).any())


def _counted(log: CodedLog, what: str, names: object, place: object) -> pd.DataFrame:
    """Count rows by a part of their date."""
    words = list(names) if isinstance(names, list | tuple) else []
    if Columns.TIMESTAMP not in log.frame or not callable(place):
        return pd.DataFrame(columns=[what, "rows", "share"])
    counts = np.bincount(place(log.frame[Columns.TIMESTAMP]), minlength=len(words))
    return pd.DataFrame({what: words, "rows": counts, "share": counts / len(log)})


def _distinct(bar: IntArray, codes: IntArray, count: int) -> IntArray:
    """Count the distinct codes in each bar."""
    width = int(codes.max()) + 1
    return np.bincount(np.unique(bar * width + codes) // width, minlength=count)


def _first_seen(bar: IntArray, codes: IntArray, count: int) -> IntArray:
    """Count the codes whose first bar each is."""
    first = pd.Series(bar).groupby(codes).min()
    return np.bincount(first.to_numpy(), minlength=count)
