"""The week that offers are decided for: the first after the log, or one that the user names."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from graphrec.data.interactions import Columns
from graphrec.errors import InputError
from graphrec.offers.candidates.eligibility import log_weeks


@dataclass(frozen=True)
class Decided:
    """The week that is decided for and what is known by then.

    Args:
        week: It; missing where the log has no weeks and none was named.
        trained: Last week of the training part; missing where the log has no weeks.
        last: Last week of the whole log; missing where it has no weeks.
    """

    week: int | None
    trained: int | None = None
    last: int | None = None

    def __str__(self) -> str:
        """Write a sentence for the user."""
        if self.week is None:
            return "Decided for no week in particular: the log has no weeks, and --week names none."
        if self.last is None:
            return f"Decided for week {self.week}, as --week says: the log has no weeks."
        place = "the first after the log" if self.week == self.last + 1 else f"the log ends with {self.last}"
        return f"Decided for week {self.week} ({place}); the ranker knows the log to week {self.trained}."


def decided_week(log: pd.DataFrame, train: pd.DataFrame, given: int | None = None) -> Decided:
    """Find the week after the last of the log, or take the one that was given.

    Args:
        log: The whole log.
        train: Its training part.
        given: A week that the user names, for a decision at another time.

    Raises:
        InputError: If the given week is one that the ranker was trained on.
    """
    if not {Columns.WEEK, Columns.TIMESTAMP} & set(log):
        return Decided(given)
    last = int(log_weeks(log, "an offer").max())
    trained = int(log_weeks(train, "an offer", log).max())
    if given is not None and given <= trained:
        what = f"the ranker was trained on weeks to {trained}, so week {given} is past"
        hint = f"give {trained + 1} or later; the first week after the log is {last + 1}"
        raise InputError(what, column="--week", hint=hint)
    return Decided(last + 1 if given is None else given, trained, last)
