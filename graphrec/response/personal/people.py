"""Who a user is and how ratings went: attributes and ratings among the features of a response."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.interactions import Columns, IdMap
from graphrec.errors import InputError
from graphrec.response.visit_features import Feature
from graphrec.response.visits import Visits
from graphrec.response.weekly import before

MOST_LEVELS = 20
"""Levels of an attribute that each get a feature."""
UNKNOWN = "unknown"
_STRENGTH = 3.0
"""Ratings that a user's or an item's mean is drawn to the mean of all by."""


def attribute_features(visits: Visits, users: pd.DataFrame | None, names: Sequence[str]) -> Iterator[Feature]:
    """Lay out attributes of the users: a number as it is, a level as 0 or 1. Tables ``[U, W]``.

    A missing number is the median, with a feature that says so; a missing level is one of its own.

    Args:
        visits: The pairs.
        users: Table of attributes.
        names: Which of its columns.

    Raises:
        InputError: If there is no such column, or it has too many levels.
    """
    for name in names:
        if users is None or name not in users or name == Columns.USER:
            known = [] if users is None else [str(column) for column in users if column != Columns.USER]
            hint = f"choose among {', '.join(known)}" if known else "give a table of users with this column"
            raise InputError("users have no such attribute", column=name, hint=hint)
        values = users.set_index(Columns.USER)[name]
        for label, column in _columns(name, values):
            mine = column.reindex(visits.users.ids).fillna(column.attrs["missing"]).to_numpy(dtype=np.float64)
            yield label, np.broadcast_to(mine[:, None], visits.visited.shape)


def _columns(name: str, values: pd.Series[Any]) -> Iterator[tuple[str, pd.Series[Any]]]:
    """Make numbers of an attribute, each with what stands for a user who is not in the table."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        middle = float(values.median()) if values.notna().any() else 0.0
        yield f"user_is_{name}", _with_missing(values.astype("float64").fillna(middle), middle)
        if values.isna().any():
            yield f"user_is_{name}_{UNKNOWN}", _with_missing(values.isna().astype("float64"), 1.0)
        return
    text = values.astype("str").where(values.notna(), UNKNOWN)
    levels = sorted({*text, UNKNOWN})
    if len(levels) > MOST_LEVELS:
        hint = f"at most {MOST_LEVELS} are told apart: group them, or give numbers"
        raise InputError(f"this attribute has {len(levels):,} levels", column=name, hint=hint)
    for level in levels:
        yield (
            f"user_is_{name}_{level}",
            _with_missing((text == level).astype("float64"), float(level == UNKNOWN)),
        )


def _with_missing(column: pd.Series[Any], missing: float) -> pd.Series[Any]:
    column.attrs["missing"] = missing
    return column


def rating_features(visits: Visits, log: pd.DataFrame) -> tuple[list[Feature], list[Feature]]:
    """Average the ratings of earlier weeks, where a log has several; those that cleaning filled do not count.

    Args:
        visits: The pairs.
        log: All rows.

    Returns:
        Features of users ``[U, W]`` and of items ``[I, W]``.
    """
    if Columns.RATING not in log or log[Columns.RATING].nunique() < 2:
        return [], []
    rows = log[log[Columns.WEEK].between(1, visits.weeks) & log[Columns.RATING].notna()]
    if Columns.RATING_MISSING in rows:
        rows = rows[rows[Columns.RATING_MISSING] == 0]
    week, rating = rows[Columns.WEEK].to_numpy() - 1, rows[Columns.RATING].to_numpy(dtype=np.float64)
    everything = np.zeros(len(rows), dtype=np.int64)
    centre = _mean(rating, everything, week, (1, visits.weeks), 0.0)

    def of(ids: IdMap, column: str) -> FloatArray:
        return _mean(rating, ids.codes(rows[column]), week, (len(ids), visits.weeks), centre)

    users, items = of(visits.users, Columns.USER), of(visits.items, Columns.ITEM)
    return [("user_rating", users)], [("item_rating", items)]


def _mean(
    rating: FloatArray, code: IntArray, week: IntArray, shape: tuple[int, int], centre: FloatArray | float
) -> FloatArray:
    """Average the ratings before each week, drawn to `centre`."""
    known = code >= 0
    place = code[known] * shape[1] + week[known]
    total = np.bincount(place, weights=rating[known], minlength=shape[0] * shape[1]).reshape(shape)
    count = np.bincount(place, minlength=shape[0] * shape[1]).reshape(shape)
    return np.asarray((before(total) + _STRENGTH * centre) / (before(count) + _STRENGTH), dtype=np.float64)
