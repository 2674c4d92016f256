"""Weeks and times that cannot be those of a log: numbers that restart, dates that stand for missing ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from graphrec.data.interactions import Columns
from graphrec.errors import InputError

SLIPS = 0.01
"""Share of the rows that may be slips; more of them are of one kind."""
LONGEST_GAP = pd.Timedelta(days=730)
"""A shop without a purchase for longer has dates that are none."""
MOST_WEEKS = 10_000
"""Weeks of a shop have smaller numbers: these are two centuries."""
_GO_ON = "number the weeks 1, 2, 3 ... without a gap"


def check_weeks(week: pd.Series[float], file: str | Path | None) -> None:
    """Raise `InputError` for numbers that are no weeks which go on, in a log or a file beside it."""
    said = f"weeks {week.min():.16g} to {week.max():.16g}"
    if week.between(190_001, 210_053).all() and week.min() // 100 < week.max() // 100:
        what = f"{said} look like year and week, with a gap at each new year"
        raise InputError(what, file=file, column=Columns.WEEK, hint=_GO_ON)
    if week.abs().max() > MOST_WEEKS:
        hint = f"{_GO_ON}, and put times into timestamp"
        raise InputError(f"{said} are no weeks of a shop", file=file, column=Columns.WEEK, hint=hint)


def check_order(log: pd.DataFrame) -> None:
    """Refuse weeks that are not in the order of the times beside them."""
    what = None
    if _restarts(log):
        what = "the same week stands for days of different years, so the weeks restart"
    elif (back := _turns_back(log)) is not None:
        what = f"week {back} lies before a week of a smaller number, as timestamp tells"
    if what is not None:
        hint = f"{_GO_ON}, or leave the column out and let timestamp tell: columns: {{week: null}}"
        raise InputError(what, file=log.attrs.get("file"), column=Columns.WEEK, hint=hint)


def _turns_back(log: pd.DataFrame) -> int | None:
    """Find the first week older than one before it, if over one row of a hundred is of such weeks."""
    weeks = log.groupby(Columns.WEEK)[Columns.TIMESTAMP].agg(["median", "size"])
    older = weeks["median"] < weeks["median"].cummax()
    if not weeks["size"][older].sum() > SLIPS * len(log):
        return None
    return int(weeks.index[older.to_numpy()][0])


def _restarts(log: pd.DataFrame) -> bool:
    """Tell whether over one row of a hundred lies a quarter of a year off the middle of its week."""
    time = log[Columns.TIMESTAMP]
    middle = time.groupby(log[Columns.WEEK]).transform("median")
    return bool(((time - middle).abs() > pd.Timedelta(days=90)).mean() > SLIPS)


def week_of_date(log: pd.DataFrame, date: dt.date, option: str) -> int:
    """Find the number of the week that a day is in, as the log numbers its weeks.

    A week has seven days. On which of them it begins is told by the rows, each of which has a day and a week.

    Args:
        log: With weeks, and timestamps that tell their days.
        date: The day, in the log, before or after it.
        option: Where it was given, for messages.

    Raises:
        InputError: If the log does not tell.
    """
    hint = "name the week with --week, as the log numbers its weeks"
    asked = (pd.Timestamp(date) - pd.Timestamp(0)).days
    found = {number + (asked - first) // 7 for first, number in _beginnings(log, option, hint)}
    if len(found) > 1:
        low, high = min(found), max(found)
        what = f"{date} may be in week {low} or {high}: no row tells on which day a week begins"
        raise InputError(what, column=option, hint=f"name it: --week {low} or --week {high}")
    return found.pop()


def first_day_of_week(log: pd.DataFrame, week: int, option: str) -> dt.date:
    """Find the day on which a week begins, as the log numbers its weeks; see `week_of_date`.

    Args:
        log: With weeks, and timestamps that tell their days.
        week: In the log, before or after it.
        option: What asks, for messages.

    Raises:
        InputError: If the log does not tell.
    """
    hint = "give weeks as the log numbers them in the place of days"
    days = {first + 7 * (week - number) for first, number in _beginnings(log, option, hint)}
    if len(days) > 1:
        what = f"no row tells on which day week {week} begins"
        raise InputError(what, column=option, hint=hint)
    return (pd.Timestamp(0) + pd.Timedelta(days=days.pop())).date()


def _beginnings(log: pd.DataFrame, option: str, hint: str) -> list[tuple[int, int]]:
    """Find on which of the days 0 to 6 since 1970 weeks may begin, and which week begins then.

    Raises:
        InputError: If there is none.
    """
    times = log.get(Columns.TIMESTAMP)
    if times is None or Columns.WEEK not in log or not pd.api.types.is_datetime64_any_dtype(times):
        raise InputError("the log has no dates beside its weeks", column=option, hint=hint)
    days = (times - pd.Timestamp(0)).dt.days
    rows = pd.DataFrame({"day": days, "week": log[Columns.WEEK]}).dropna().value_counts().reset_index()
    found = []
    for first in range(7):
        number = rows["week"] - (rows["day"] - first) // 7
        fits = rows["count"].groupby(number).sum()
        if fits.max() >= (1.0 - SLIPS) * rows["count"].sum():
            found.append((first, int(fits.index.to_numpy()[fits.to_numpy().argmax()])))
    if not found:
        what = "the weeks of the log are not of seven days each, so it does not tell the week of a day"
        raise InputError(what, column=option, hint=hint)
    return found


def odd_times(log: pd.DataFrame) -> Iterator[str]:
    """Tell of times that may be no times of purchases: in the future, or years away from all others.

    One date such as 1970-01-01 that stands for a missing one moves the first week by decades.
    """
    if Columns.TIMESTAMP not in log or log.empty:
        return
    time = log[Columns.TIMESTAMP]
    tomorrow = pd.Timestamp.now() + pd.Timedelta(days=1)
    if future := int((time > tomorrow).sum()):
        yield f"{future:,} rows lie in the future, to {time.max():%Y-%m-%d}: fix them or take them out"
    days = time.dt.normalize().drop_duplicates().sort_values()
    gaps = days.diff()
    if gaps.max() > LONGEST_GAP:
        after = days[gaps.idxmax()]
        before = days[days < after].iloc[-1]
        early = int((time < after).sum())
        rows = f"{early:,} rows lie before and {len(time) - early:,} after it"
        yield (
            f"no row lies between {before:%Y-%m-%d} and {after:%Y-%m-%d}; {rows}:"
            " take out dates that stand for missing ones"
        )
