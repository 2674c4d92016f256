"""Attributes of users and items: filled where a value is missing, one row per id of the log."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from graphrec.data.cleaning.account import CleaningStep

UNKNOWN = "unknown"
"""Stands for a missing attribute, so that a model can tell it from every real value."""


def fill_attributes(attributes: pd.DataFrame, table: str) -> tuple[pd.DataFrame, CleaningStep]:
    """Fill missing attributes: text with 'unknown', numbers with the median of their column.

    Args:
        attributes: One row per user or item.
        table: Its name in the report, e.g. ``users``.
    """
    missing = int(attributes.isna().sum().sum())
    filled = attributes.fillna(_fillers(attributes)) if missing else attributes
    return filled, CleaningStep(
        f"missing attributes of {table} filled", len(attributes), filled=missing, table=table
    )


def cover_ids(
    attributes: pd.DataFrame, key: str, ids: pd.Series[Any], table: str
) -> tuple[pd.DataFrame, CleaningStep]:
    """Bring an attribute table to exactly one row per id of the log, sorted by id.

    Ids that the table does not know get the fillers of `fill_attributes`; rows of ids that the log does not
    have are removed.

    Args:
        attributes: One row per id, no value missing.
        key: Name of the id column.
        ids: The id column of the log.
        table: Its name in the report, e.g. ``users``.
    """
    wanted = pd.Index(np.sort(ids.unique()), name=key)
    known = wanted.isin(attributes[key])
    covered = attributes.set_index(key).reindex(wanted).reset_index().fillna(_fillers(attributes))
    step = f"{table} of the log absent from their table given as '{UNKNOWN}'"
    extra = len(attributes) - int(known.sum())
    return covered, CleaningStep(step, len(attributes), extra, int((~known).sum()), table)


def _fillers(attributes: pd.DataFrame) -> dict[Any, Any]:
    numeric = attributes.select_dtypes("number").columns
    return {
        name: attributes[name].median() if name in numeric else UNKNOWN
        for name in attributes.columns
        if not (name in numeric and attributes[name].isna().all())
    }
