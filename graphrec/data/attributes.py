"""A table of attributes brought to the users or items of a log."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.data.cleaning.account import CleaningStep, clean
from graphrec.data.cleaning.attributes import cover_ids, fill_attributes
from graphrec.data.cleaning.mending import drop_missing
from graphrec.data.interactions import Columns
from graphrec.data.joins import join
from graphrec.data.tables.read import Kind, Table
from graphrec.data.tables.times import parse_numbers
from graphrec.notices import warn


def attributes_of(
    log: pd.DataFrame, table: Table, kind: Kind, file: str | Path
) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
    """Make one row for each user or item of a log, and tell what was done to the table.

    Args:
        log: The log.
        table: Attributes as they were read.
        kind: ``users`` or ``items``.
        file: Of the table, for messages.

    Raises:
        InputError: If no id joins.
    """
    key = Columns.USER if kind == "users" else Columns.ITEM
    for column in table.frame.columns:
        if column != key:
            _warn_of_numbers(table.frame[column], file)
    ids = join(table.frame[key], log[key], file=file, column=key, whole=True)
    covered, steps = clean(
        table.frame.assign(**{key: ids}),
        [
            partial(drop_missing, columns=[key]),
            partial(fill_attributes, table=kind),
            partial(cover_ids, key=key, ids=log[key], table=kind),
        ],
    )
    return covered, tuple(replace(step, table=kind) for step in (*table.steps, *steps))


_MOST = 0.8
"""Share of the values from which a column is meant to hold numbers."""
_NUMBER = r"[-+]?\d+([.,]\d+)?\s?%?"


def _warn_of_numbers(values: pd.Series[Any], file: str | Path) -> None:
    """Say which value makes names of a column that is mostly of numbers."""
    if pd.api.types.is_numeric_dtype(values):
        return
    known = values.dropna()
    others = known[parse_numbers(known).isna()]
    if len(others) and known.str.fullmatch(_NUMBER).mean() >= _MOST:
        what = (
            f"{len(others):,} of {len(known):,} values are no numbers, as {others.iloc[0]!r}: all are names"
        )
        hint = "write numbers with a decimal point, and nothing where one is missing"
        warn(what, file=file, column=str(values.name), hint=hint)
