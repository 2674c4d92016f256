"""A table of attributes brought to the users or items of a log."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from graphrec.data.cleaning import CleaningStep, clean, cover_ids, drop_missing, fill_attributes
from graphrec.data.interactions import Columns
from graphrec.data.joins import join
from graphrec.data.tables import Kind, Table


def attributes_of(
    log: pd.DataFrame, table: Table, kind: Kind, file: str | Path
) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
    """One row for each user or item of a log, with what was done to the table.

    Args:
        log: The log.
        table: Attributes as they were read.
        kind: ``users`` or ``items``.
        file: Of the table, for messages.

    Raises:
        InputError: If no id joins.
    """
    key = Columns.USER if kind == "users" else Columns.ITEM
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
