"""The entries of ``cleaning:`` in a YAML: what a rule is, and rules one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from graphrec.arrays import AnyArray, BoolArray
from graphrec.data.cleaning.account import FILE, LINE, CleaningStep, keep_rows
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import MONEY
from graphrec.errors import InputError

PART = Columns.PART

SHOWN = 3
"""Examples that a step gives."""


class CleaningRule(ABC):
    """One entry of ``cleaning:``; each kind is a frozen class whose fields are its keys."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns without which it cannot run, by our names or those of the file."""
        return ()

    @property
    def mends(self) -> tuple[str, ...]:
        """Columns in which it mends what reading refuses: a price below 0, a number that occurs twice."""
        return ()

    def unread(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Say which of the columns that nothing reads a person should still be told of."""
        return names

    @abstractmethod
    def apply(self, log: pd.DataFrame) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
        """Clean a log that has the columns of `reads`, and count it.

        Raises:
            InputError: If a row is one that it refuses.
        """


def apply_rules(
    log: pd.DataFrame, rules: Sequence[CleaningRule]
) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
    """Apply the rules in their order, and check that they mended what reading left to them.

    Args:
        log: The log as it was read; ``log.attrs`` names its files.
        rules: The entries of ``cleaning:``.

    Raises:
        InputError: If a column is missing, a rule refuses a row, or a value is still wrong afterwards.
    """
    steps: list[CleaningStep] = []
    attrs = log.attrs
    for rule in rules:
        _check_columns(log, rule)
        log, done = rule.apply(log)
        log.attrs = attrs
        steps += [replace(step, rule=type(rule).__name__, asked=True) for step in done]
    _check_mended(log, [column for rule in rules for column in rule.mends])
    return log, tuple(steps)


def drop(
    log: pd.DataFrame, keep: BoolArray, step: str, columns: Sequence[str]
) -> tuple[pd.DataFrame, CleaningStep]:
    """Keep the rows where `keep` is true, with the values of some columns as examples of the others."""
    kept, done = keep_rows(log, keep, step)
    return kept, replace(done, examples=examples(log, ~np.asarray(keep, dtype=bool), columns))


def examples(log: pd.DataFrame, where: BoolArray, columns: Sequence[str]) -> tuple[str, ...]:
    """Show up to three rows with their line and some of their values: ``row 17: quantity -2``."""
    some = log[np.asarray(where, dtype=bool)].head(SHOWN)
    present = [column for column in columns if column in log]
    said = [
        ", ".join(f"{column} {in_words(value)}" for column, value in zip(present, row, strict=True))
        for row in some[present].itertuples(index=False, name=None)
    ]
    return tuple(f"{place}: {text}" for place, text in zip(places(some), said, strict=True))


def changes(log: pd.DataFrame, where: BoolArray, column: str, new: AnyArray) -> tuple[str, ...]:
    """Show up to three values that were replaced: ``row 7: price 99 → 1.9``."""
    some = np.flatnonzero(where)[:SHOWN]
    old = log[column].iloc[some]
    said = zip(places(log.iloc[some]), old, new[some], strict=True)
    return tuple(f"{place}: {column} {in_words(a)} → {in_words(b)}" for place, a, b in said)


def check_own_item(column: str, group: Sequence[str]) -> None:
    """Raise `InputError` if a price would be made of the prices of other products."""
    if column in MONEY and Columns.ITEM not in group:
        what = f"{column} would be made of the prices of other products"
        hint = f"write group: [{Columns.ITEM}], or drop the rows"
        raise InputError(what, column="group", hint=hint)


def places(rows: pd.DataFrame) -> list[str]:
    """Name the rows as a person finds them in their file."""
    if LINE not in rows:
        return [f"row {index} of the log" for index in rows.index]
    parts = rows[PART] if PART in rows else pd.Series("", rows.index)
    names = {part: "" if part in ("", "train") else f"{part} " for part in parts.unique()}
    if FILE not in rows:
        return [f"{names[part]}row {line}" for part, line in zip(parts, rows[LINE], strict=True)]
    files = [f"{file} " if isinstance(file, str) else "" for file in rows[FILE]]
    found = zip(parts, files, rows[LINE], strict=True)
    return [f"{file or names[part]}row {line}" for part, file, line in found]


def in_words(value: object) -> str:
    """Write a value as short as it is: 2.0 as 2, and what is missing as 'missing'."""
    if value is None or value != value or value is pd.NaT:
        return "missing"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def file_of(log: pd.DataFrame, row: int | None = None) -> str | None:
    """Name the file of a row, by its place in the log; that of the first part if no row is given."""
    if row is not None and FILE in log and pd.notna(log[FILE].iloc[row]):
        return str(log[FILE].iloc[row])
    if row is None or PART not in log:
        return log.attrs.get("file")
    return log.attrs.get(str(log[PART].iloc[row]), log.attrs.get("file"))


def problem_at(log: pd.DataFrame, row: int, what: str, column: str, hint: str) -> InputError:
    """Write a mistake in one row of a log, with its file and line.

    Args:
        log: The log.
        row: The row, counted from 0.
        what: What is wrong.
        column: Where.
        hint: What to do.
    """
    line = int(log[LINE].iloc[row]) if LINE in log else None
    return InputError(what, file=file_of(log, row), row=line, column=column, hint=hint)


def _check_columns(log: pd.DataFrame, rule: CleaningRule) -> None:
    for column in rule.reads:
        if column not in log:
            there = [name for name in log.columns if name not in (LINE, FILE)]
            hint = f"map it with columns, or take the entry out; the log has {', '.join(there)}"
            what = f"the cleaning step {type(rule).__name__} needs this column"
            raise InputError(what, file=file_of(log), column=column, hint=hint)


def _check_mended(log: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse what reading would have refused, had no rule been there to mend it."""
    for column in dict.fromkeys(name for name in columns if name in log):
        values = log[column]
        wrong = (values < 0) if column in MONEY else values.duplicated() & values.notna()
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            what = "is still negative" if column in MONEY else "still occurs more than once"
            hint = "none of the cleaning steps mends it: fix the row, or add Returns, Outliers or Duplicates"
            raise problem_at(log, row, f"{in_words(values.iloc[row])} {what}", column, hint)
