"""Calendars as people write them: a list in a scenario's YAML, or a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.data.tables.kinds import BUDGET_PER_DAY, BUDGET_PER_WEEK, KINDS, MAX_RATE
from graphrec.data.tables.read import TextFormat, load_table
from graphrec.data.week_numbers import MOST_WEEKS
from graphrec.errors import InputError
from graphrec.offers.levels import check_levels
from graphrec.offers.limits.calendar import Event

LEVELS = "levels"
_EXAMPLE = "{name: sale, first: 2026-11-01, last: 2026-11-11, max_rate: 0.5}"


def read_calendar(
    given: Any, file: Path, columns: Mapping[str, str | None], text: TextFormat
) -> tuple[Event, ...]:
    """Read a calendar.

    Args:
        given: A list of events, or the path of a table of them.
        file: The scenario that names it, for messages.
        columns: Our name → that of the table.
        text: How to read a text file.

    Raises:
        InputError: If it is neither, or an event is wrong.
    """
    if isinstance(given, Path | str):
        table = load_table(given, columns, kind="calendar", text=text)
        rows = [_present(row) for row in table.frame.to_dict("records")]
        events = tuple(_Row(row, *table.rows.place(place)).event() for place, row in enumerate(rows))
        if not events:
            raise InputError("holds no event", file=Path(given), hint="write a row for each event")
        return events
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        hint = f"list events, as - {_EXAMPLE}, or name a table"
        raise InputError("this is no calendar", file=file, column="calendar", hint=hint)
    return tuple(_Row(_known(one, file), file, None).event() for one in given)


def _present(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in row.items() if pd.notna(value)}


def _known(event: Mapping[Any, Any], file: Path) -> dict[str, Any]:
    known = KINDS["calendar"].known
    unknown = [str(key) for key in event if key not in known]
    if unknown:
        hint = f"known are {', '.join(known)}"
        raise InputError(f"an event has no {unknown[0]!r}", file=file, column="calendar", hint=hint)
    return {str(key): value for key, value in event.items() if value is not None}


@dataclass(frozen=True)
class _Row:
    """An event as it was written, and where."""

    given: Mapping[str, Any]
    file: Path
    row: int | None

    def event(self) -> Event:
        """Check every value."""
        lacking = [key for key in KINDS["calendar"].required if key not in self.given]
        if lacking:
            what = f"an event has no {lacking[0]}"
            raise self._refuse(what, "calendar", f"write each as {_EXAMPLE}")
        name, first, last = _written(self.given["name"]), self._time("first"), self._time("last")
        if isinstance(first, int) != isinstance(last, int):
            raise self._refuse(f"{name} has a day and a week", "last", "give two days or two weeks")
        if first > last:  # type: ignore[operator]  # of one kind by now
            raise self._refuse(f"{name} ends with {last}, before {first}", "last", "give first and last")
        rate = self._number(MAX_RATE)
        if rate is not None and not 0 < rate < 1:
            raise self._refuse(f"{rate:g} is no rate", MAX_RATE, "give a share, as 0.5 for 50 %")
        per_day, per_week = self._number(BUDGET_PER_DAY), self._number(BUDGET_PER_WEEK)
        if per_day is not None and per_week is not None:
            what = f"{name} has a budget per day and one per week"
            raise self._refuse(what, BUDGET_PER_WEEK, "give one of them")
        return Event(name, first, last, rate, self._levels(), per_day, per_week)

    def _refuse(self, what: str, column: str, hint: str) -> InputError:
        return InputError(what, file=self.file, row=self.row, column=column, hint=hint)

    def _time(self, key: str) -> date | int:
        """Read a day such as 2026-11-11, or the number of a week."""
        value = self.given[key]
        if isinstance(value, date):
            return value.date() if isinstance(value, datetime) else value
        text = str(value).strip()
        try:
            return date.fromisoformat(text[:10]) if "-" in text[1:] else _week(text)
        except ValueError as error:
            hint = "write a day as 2026-11-11, a week as the log numbers it"
            raise self._refuse(f"{text!r} is no day and no week", key, hint) from error

    def _number(self, key: str) -> float | None:
        value = self.given.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise self._refuse(f"{value!r} is no number of 0 or more", key, "give a number")
        return float(value)

    def _levels(self) -> tuple[float, ...] | None:
        """Read a list of rates, or the text of one, as '0 0.1 0.2'."""
        value = self.given.get(LEVELS)
        if value is None:
            return None
        given = value if isinstance(value, list) else str(value).replace(",", " ").replace(";", " ").split()
        try:
            levels = tuple(float(one) for one in given)
            check_levels(levels)
            if len(levels) > 1:
                return levels
        except (TypeError, ValueError, InputError):
            pass
        hint = "list increasing rates that start with 0, as 0 0.1 0.2"
        raise self._refuse(f"{value!r} is no list of rates", LEVELS, hint)


def _written(name: Any) -> str:
    """Write a name as it stands in the table, where 618 was read as a number."""
    return f"{name:g}" if isinstance(name, float) else str(name)


def _week(text: str) -> int:
    """Read the number of a week.

    Raises:
        ValueError: If it is none.
    """
    number = float(text)
    if number % 1 or abs(number) > MOST_WEEKS:
        raise ValueError(text)
    return int(number)
