"""What people said of a visit: answers of a survey by user and week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.data.interactions import Columns
from graphrec.data.joins import join
from graphrec.data.tables.kinds import SATISFACTION
from graphrec.data.tables.read import TextFormat, load_table
from graphrec.data.week_numbers import check_weeks
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.offpolicy.return_visits import SATISFIED


@dataclass(frozen=True)
class SurveyTable:
    """A table of answers: ``user_id``, ``week`` of the visit, ``satisfaction``; each user once a week.

    Args:
        path: The file.
        satisfied_from: Answers from this number on mean that somebody is satisfied.
        columns: Our name → the file's name, for those that differ.
        delimiter: Of a text file; by its suffix if missing.
        encoding: Of a text file, for example ``latin-1``; UTF-8 if missing.
    """

    path: str
    satisfied_from: float
    columns: dict[str, str | None] | None = None
    delimiter: str | None = None
    encoding: str | None = None


def answered(visits: pd.DataFrame, survey: SurveyTable) -> pd.DataFrame:
    """Keep the visits that somebody gave an answer for, and say whether they were satisfied.

    Args:
        visits: As from `graphrec.offpolicy.return_visits.weekly_visits`.
        survey: The table.

    Returns:
        The visits with the column ``satisfied``.

    Raises:
        InputError: If the file cannot be used, a user answers twice for a week, or no answer is of a visit.
    """
    text = TextFormat(survey.delimiter, encoding=survey.encoding)
    table = load_table(survey.path, survey.columns, kind="survey", text=text)
    check_weeks(table.frame[Columns.WEEK], survey.path)
    known = visits[Columns.USER]
    ids = join(table.frame[Columns.USER], known.unique(), file=survey.path, column=Columns.USER)
    answers = table.frame.assign(**{Columns.USER: ids})
    again = np.flatnonzero(answers.duplicated([Columns.USER, Columns.WEEK]))
    if len(again):
        file, row = table.rows.place(int(again[0]))
        user, week = answers.loc[int(again[0]), [Columns.USER, Columns.WEEK]]
        what = f"{user} has two answers for week {week:g}"
        raise InputError(what, file=file, row=row, hint="keep one, or their mean")
    key = [Columns.USER, Columns.WEEK]
    found = visits.assign(**{Columns.USER: known.astype("str")}).merge(answers, on=key)
    if found.empty:
        hint = "number the weeks as the log does"
        raise InputError("no answer is of a week with a purchase", file=survey.path, hint=hint)
    lost = len(answers) - len(found)
    if lost:
        said = f"{lost:,} of {len(answers):,} answers are of no visit in the log, and are left out"
        note(f"{survey.path}: {said}")
    return found.assign(**{SATISFIED: found[SATISFACTION] >= survey.satisfied_from})
