"""What a table is likely to be, all of it: form, columns, dates and cleaning, with reasons and doubts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from graphrec.data.guess.cleaning import Step, guess_cleaning
from graphrec.data.guess.columns import Found, Guessed, events_in, guess_columns
from graphrec.data.guess.form import form_of
from graphrec.data.guess.money import settle_money
from graphrec.data.guess.values import dates_in, has_decimal_commas, has_decimal_points, may_be_thousands
from graphrec.data.guess.words import EVENT_WEIGHTS, PURCHASE
from graphrec.data.interactions import Columns
from graphrec.data.tables.delimited import TextFormat
from graphrec.data.tables.header import header_of
from graphrec.data.tables.sheets import open_sheets
from graphrec.errors import InputError

_WITHOUT_HEADER = (Columns.USER, Columns.ITEM, Columns.RATING, Columns.TIMESTAMP)
"""What the columns of a file without a header are taken for, as ``--data`` of a fit takes them."""


@dataclass
class Guess:
    """What a log is taken for.

    Args:
        text: How its text is written.
        columns: Our name → the column of the file, with its reason.
        options: Argument of the source → value and reason, for those that are needed.
        cleaning: Steps of cleaning with their reasons.
        events: Event → its weight, where there are events.
        doubts: What could not be decided, to be told.
    """

    text: TextFormat
    columns: dict[str, Found]
    options: dict[str, tuple[object, str]] = field(default_factory=dict)
    cleaning: list[Step] = field(default_factory=list)
    events: dict[str, float] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    @property
    def targets(self) -> list[str]:
        """Events that are purchases."""
        return [name for name, weight in self.events.items() if weight == EVENT_WEIGHTS[PURCHASE]]


def guess_table(path: Path) -> Guess:
    """Look at a log and say what it is.

    Args:
        path: A file, or a folder of parts.

    Raises:
        InputError: If it cannot be read, or nothing in it can be a user or an item.
    """
    form = form_of(path)
    header = header_of(path, form.text)
    text, options = form.text, {name: (getattr(form.text, name), why) for name, why in form.reasons.items()}
    if header.is_data:
        names = _WITHOUT_HEADER[: len(header.fields)]
        text = replace(text, names=names, delimiter=header.delimiter)
        options["names"] = (list(names), "the first row holds numbers alone and names no column")
        options["delimiter"] = (header.delimiter, "between the numbers of the first row")
    frame = all_columns(path, text)
    decimal, why, doubts = _decimal(frame, text)
    if decimal is not None:
        options["decimal"] = (decimal, why)
        text = replace(text, decimal=decimal)
    guessed = _named(frame) if header.is_data else guess_columns(frame, decimal)
    money = settle_money(frame, guessed, decimal)
    _need_user_and_item(guessed, frame, path)
    guess = Guess(text, guessed.found, options)
    guess.doubts = [*form.doubts, *doubts]
    _times(frame, guess)
    _events(frame, guess)
    guess.cleaning = guess_cleaning(frame, guessed, money, decimal)
    guess.doubts += guessed.doubts
    return guess


def all_columns(path: Path, text: TextFormat) -> pd.DataFrame:
    """Read every column of a table as text, or in the types of a Parquet file."""
    sheets = open_sheets(path, text)
    names = list(dict.fromkeys(name for name in sheets[0].header if name))
    return pd.concat([sheet.load(names, names) for sheet in sheets], ignore_index=True)


def _named(frame: pd.DataFrame) -> Guessed:
    """Take the columns of a file without a header by their place."""
    guessed = Guessed()
    guessed.found = {str(name): Found(str(name), str(name), "by its place") for name in frame}
    guessed.doubts.append("names: the file names no column; they were taken by their place")
    return guessed


def _decimal(frame: pd.DataFrame, text: TextFormat) -> tuple[str | None, str, list[str]]:
    """Find the decimal sign, its reason, and doubts; nothing for a point."""
    written = [str(name) for name in frame if frame[name].dtype == "str"]
    commas = [name for name in written if has_decimal_commas(frame[name])]
    if not commas:
        return None, "", []
    points = [name for name in written if has_decimal_points(frame[name])]
    if points:
        doubt = f"decimal: '{commas[0]}' has commas and '{points[0]}' points; a comma was taken for neither"
        return None, "", [doubt]
    why = (
        f"numbers as {frame[commas[0]].dropna().loc[lambda v: v.str.contains(',')].iloc[0]} in '{commas[0]}'"
    )
    if all(may_be_thousands(frame[name]) for name in commas):
        doubt = (
            f"decimal: three digits follow every comma in '{commas[0]}'; if they part thousands, leave it out"
        )
        return ",", why, [doubt]
    return ",", why, []


def _need_user_and_item(guessed: Guessed, frame: pd.DataFrame, path: Path) -> None:
    """Raise `InputError` if nothing can be a user or an item."""
    for ours in (Columns.USER, Columns.ITEM):
        if ours not in guessed.found:
            listed = ", ".join(map(str, frame.columns))
            what = f"no column looks like it; the file has {listed}"
            hint = f"rename the column to {ours}, or write the YAML by hand (docs/how-to/table.md)"
            raise InputError(what, file=path, column=ours, hint=hint)


def _times(frame: pd.DataFrame, guess: Guess) -> None:
    """Say how times are written; a column of weeks is left out where there are times."""
    if Columns.TIMESTAMP not in guess.columns:
        return
    column = guess.columns[Columns.TIMESTAMP]
    if (dates := dates_in(frame[column.theirs])) is None:
        return
    if dates.pattern is not None:
        guess.options["time_format"] = (dates.pattern, dates.why)
    if dates.doubt:
        guess.doubts.append(dates.doubt)
    if week := guess.columns.pop(Columns.WEEK, None):
        guess.doubts.append(f"columns: '{week.theirs}' is not read: weeks are counted from the times")


def _events(frame: pd.DataFrame, guess: Guess) -> None:
    """Give each event a weight; one that no word tells weighs 0, which is said."""
    if Columns.EVENT not in guess.columns:
        return
    kinds = events_in(frame[guess.columns[Columns.EVENT].theirs])
    guess.events = {name: 0.0 if kind is None else EVENT_WEIGHTS[kind] for name, kind in kinds.items()}
    unknown = [name for name, kind in kinds.items() if kind is None]
    if unknown:
        guess.doubts.append(f"weights: no word tells what the events {', '.join(unknown)} are; they weigh 0")
