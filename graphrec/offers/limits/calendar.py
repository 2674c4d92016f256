"""The shop's calendar: events such as 双十一 with deeper rates and a budget of their own.

An event lasts from a first to a last day, or from a first to a last week as the log numbers them. It holds
where the week that is decided for has a day of it; of several, the one with the most days in that week.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from graphrec.errors import InputError
from graphrec.offers.economics import percent
from graphrec.offers.levels import LEVELS

STEP = 0.05
"""Levels go on in such steps where an event is deeper than the deepest of them."""
DAYS = 7


@dataclass(frozen=True)
class Event:
    """A time in which other limits hold.

    Args:
        name: What people call it.
        first: Its first day, or its first week as the log numbers them.
        last: Its last day or week; of the same kind.
        max_rate: Highest rate, in (0, 1); the deepest level if missing, and the scenario's without levels.
        levels: Rates that policies of levels choose from; the scenario's, on to `max_rate`, if missing.
        per_day: Most that may be spent on discounts on each of its days, in money.
        per_week: The same for a week, whole or not.
    """

    name: str
    first: date | int
    last: date | int
    max_rate: float | None = None
    levels: tuple[float, ...] | None = None
    per_day: float | None = None
    per_week: float | None = None

    def days(self, week: int, starts: date | None) -> int:
        """Count its days in a week.

        Args:
            week: The week, as the log numbers it.
            starts: Its first day; missing where the log has no times.
        """
        if isinstance(self.first, int) and isinstance(self.last, int):
            return DAYS if self.first <= week <= self.last else 0
        if starts is None or isinstance(self.first, int) or isinstance(self.last, int):
            return 0
        ends = starts + timedelta(days=DAYS - 1)
        return max(0, (min(self.last, ends) - max(self.first, starts)).days + 1)

    def budget(self, days: Sequence[int]) -> float | None:
        """Find what may be spent in some weeks, with so many of its days in each; None without a bound."""
        if self.per_day is not None:
            return self.per_day * sum(days)
        return None if self.per_week is None else self.per_week * len(days)

    def rates(self, levels: tuple[float, ...] | None) -> tuple[float | None, tuple[float, ...] | None]:
        """Find the highest rate and the levels while it lasts; None for those of the policy.

        Args:
            levels: Of the scenario.
        """
        if self.levels is not None:
            return self.max_rate or self.levels[-1], self.levels
        known = levels or LEVELS
        if self.max_rate is None or self.max_rate <= known[-1]:
            return self.max_rate, levels
        steps = range(math.floor(known[-1] / STEP + 1e-9) + 1, math.floor(self.max_rate / STEP + 1e-9) + 1)
        return self.max_rate, (*known, *sorted({*(round(one * STEP, 4) for one in steps), self.max_rate}))

    def told(self, days: Sequence[int]) -> str:
        """Say what it does in some weeks, of each of which so many days are its."""
        in_days = isinstance(self.first, date)
        number = sum(days)
        said = [f"{number} day{'s' if number > 1 else ''} of it"] if in_days else []
        if (rate := self.rates(None)[0]) is not None:
            said.append(f"rates up to {percent(rate)}")
        if (money := self.budget(days)) is not None:
            each = f"{self.per_week:g} a week" if self.per_day is None else f"{self.per_day:g} a day"
            said.append(f"a budget of {money:g}, {each}")
        span = f"{self.first} to {self.last}" if in_days else f"weeks {self.first} to {self.last}"
        return f"the event {self.name} ({span})" + (f": {', '.join(said)}" if said else "")


@dataclass(frozen=True)
class InEvent:
    """The event of the weeks that are decided for.

    Args:
        event: It; None where there is none.
        money: Its budget in these weeks; None without one.
        said: A sentence for the user.
    """

    event: Event | None
    money: float | None
    said: str


def event_in(events: Sequence[Event], weeks: range | None, starts: date | None) -> InEvent:
    """Find the event of some weeks: of each the one with most days in it, which must be the same in all.

    Args:
        events: The calendar; the first stands for others that have as many days in a week.
        weeks: The weeks that are decided for; missing where the log has no weeks and none was named.
        starts: The first day of the first; missing where the log has no times.

    Raises:
        InputError: If it cannot be known which day or week it is, or the weeks have different events.
    """
    if weeks is None:
        what, hint = "the log has no weeks, so no event can be looked up", "name the week with --week"
        raise InputError(what, column="calendar", hint=hint)
    if starts is None and any(isinstance(event.first, date) for event in events):
        what, hint = "the log has weeks and no days", "give first and last as weeks of the log"
        raise InputError(what, column="calendar", hint=hint)
    found = [_most(events, week, starts, place) for place, week in enumerate(weeks)]
    names = [event.name if event is not None else "no event" for event, _, _ in found]
    if len(set(names)) > 1:
        each = ", ".join(f"{week}: {name}" for week, name in zip(weeks, names, strict=True))
        what = f"these weeks have different events ({each})"
        raise InputError(what, column="calendar", hint="decide them one by one, with --week and --weeks 1")
    event = found[0][0]
    when = f"Week {weeks[0]}" if len(weeks) == 1 else f"Weeks {weeks[0]} to {weeks[-1]}"
    when += f", from {starts}," if starts is not None else ""
    verb = "has" if len(weeks) == 1 else "have"
    if event is None:
        return InEvent(None, None, f"{when} {verb} no event of the calendar.")
    days = [number for _, number, _ in found]
    others = dict.fromkeys(name for _, _, names in found for name in names)
    rest = f" {', '.join(others)} is in it, too, and gives way." if others else ""
    return InEvent(event, event.budget(days), f"{when} {verb} {event.told(days)}.{rest}")


def _most(
    events: Sequence[Event], week: int, starts: date | None, place: int
) -> tuple[Event | None, int, list[str]]:
    """Find the event with most days in a week, how many they are, and the names of others in it."""
    begins = None if starts is None else starts + timedelta(days=DAYS * place)
    days = [event.days(week, begins) for event in events]
    most = max(days)
    if not most:
        return None, 0, []
    event = events[days.index(most)]
    others = [one.name for one, number in zip(events, days, strict=True) if number and one is not event]
    return event, most, others
