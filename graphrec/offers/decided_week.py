"""The weeks that offers are decided for: from the first after the log, or from one that the user names."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from graphrec.data.interactions import Columns
from graphrec.data.week_numbers import week_of_date
from graphrec.errors import InputError
from graphrec.offers.candidates.eligibility import log_weeks


@dataclass(frozen=True)
class Decided:
    """The weeks that are decided for and what is known by then.

    Args:
        week: The first of them; missing where the log has no weeks and none was named.
        trained: Last week of the training part; missing where the log has no weeks.
        last: Last week of the whole log; missing where it has no weeks.
        horizon: How many weeks; missing where the probabilities are not of weeks.
        event: What the scenario's calendar says of them, in a sentence.
    """

    week: int | None
    trained: int | None = None
    last: int | None = None
    horizon: int | None = None
    event: str = ""

    @property
    def weeks(self) -> range | None:
        """The weeks that are decided for; None where it is not known when."""
        return None if self.week is None else range(self.week, self.week + (self.horizon or 1))

    def __str__(self) -> str:
        """Write a sentence for the user, and one more where there is a calendar."""
        return "\n".join(line for line in (self._when(), self.event) if line)

    def _when(self) -> str:
        if self.weeks is None:
            return "Decided for no week in particular: the log has no weeks, and --week names none."
        first, end = self.weeks[0], self.weeks[-1]
        said = f"Decided for week {first}" if first == end else f"Decided for weeks {first} to {end}"
        if self.last is None:
            return f"{said}, as --week says: the log has no weeks."
        place = "the first after the log" if first == self.last + 1 else f"the log ends with {self.last}"
        return f"{said} ({place}); the ranker knows the log to week {self.trained}."


def decided_week(
    log: pd.DataFrame,
    train: pd.DataFrame,
    given: int | None = None,
    date: dt.date | None = None,
    horizon: int | None = None,
) -> Decided:
    """Find the week after the last of the log, or take the one that was given.

    Args:
        log: The whole log.
        train: Its training part.
        given: A week that the user names, for a decision at another time.
        date: A day of that week, in its place or beside it.
        horizon: How many weeks from then on.

    Raises:
        InputError: If the given week is one that the ranker was trained on, or week and date disagree.
    """
    named = "--week" if date is None else "--date"
    if date is not None:
        given = _checked_date(log, given, date)
    if not {Columns.WEEK, Columns.TIMESTAMP} & set(log):
        return Decided(given, horizon=horizon)
    last = int(log_weeks(log, "an offer").max())
    trained = int(log_weeks(train, "an offer", log).max())
    if given is not None and given <= trained:
        what = f"the ranker was trained on weeks to {trained}, so week {given} is past"
        hint = f"give {trained + 1} or later; the first week after the log is {last + 1}"
        if date is not None:
            what, hint = f"{what} ({date} is in it)", hint.replace("give ", "give a day of week ", 1)
        raise InputError(what, column=named, hint=hint)
    return Decided(last + 1 if given is None else given, trained, last, horizon)


def _checked_date(log: pd.DataFrame, given: int | None, date: dt.date) -> int:
    """Find the week of a date, which must be the one that is named beside it."""
    week = week_of_date(log, date, "--date")
    if given is not None and given != week:
        hint = f"leave one of the two out: --week {week} is the week of that day"
        raise InputError(f"{date} is in week {week}, and --week says {given}", column="--date", hint=hint)
    return week
