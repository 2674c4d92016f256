"""Mending the log: rows that leave, values that are filled or clipped.

Bounds and medians come from the training rows where the log names its parts; otherwise from the whole log,
which touches side columns (price, quantity, rating) only, never who bought what.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from graphrec.data.cleaning.account import POSITION, CleaningStep, keep_rows


def drop_missing(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[pd.DataFrame, CleaningStep]:
    """Remove rows without a value in one of these columns; columns the frame lacks are passed over."""
    present = [column for column in columns if column in frame]
    return keep_rows(frame, frame[present].notna().all(axis=1), f"rows without {' or '.join(present)}")


def drop_duplicates(frame: pd.DataFrame) -> tuple[pd.DataFrame, CleaningStep]:
    """Remove rows that repeat an earlier one in every column (but their place in the file)."""
    columns = [column for column in frame.columns if column not in POSITION]
    return keep_rows(frame, ~frame.duplicated(subset=columns), "exact duplicate rows")


def fill_by_group_median(frame: pd.DataFrame, column: str, group: str) -> tuple[pd.DataFrame, CleaningStep]:
    """Fill missing numbers with the median of the row's group; they stay missing where a group has none.

    A median keeps a price typical of its item, and other items say nothing about it; rows are kept because
    the purchase itself is known.

    Args:
        frame: The log.
        column: A number column.
        group: The column that names the group, e.g. ``item_id``.
    """
    missing = frame[column].isna()
    step = CleaningStep(f"missing {column} filled with the median of its {group}", len(frame))
    if not missing.any() or missing.all():
        return frame, step
    known = _reference(frame)
    value = frame.loc[missing, group].map(known.groupby(group)[column].median())
    filled = frame.assign(**{column: frame[column].fillna(value)})
    left = int(filled[column].isna().sum())
    return filled, CleaningStep(step.step, len(frame), filled=int(missing.sum()) - left)


def clip_above_group_median(
    frame: pd.DataFrame, column: str, group: str, factor: float, min_rows: int = 5
) -> tuple[pd.DataFrame, CleaningStep]:
    """Winsorise: lower values above `factor` times the median of their group to that bound.

    The ratio to a median is robust (half of a group may be wrong) and finds what goes wrong in practice:
    cents for units, a weight in grams. An interquartile bound would not do, for most items have one price
    and a range of zero.

    Args:
        frame: The log.
        column: A number column, values ≥ 0.
        group: The column that names the group, e.g. ``item_id``.
        factor: The bound is this many medians, > 1.
        min_rows: Groups with fewer known values are left alone, and so are groups with a median of zero.
    """
    values = _reference(frame).groupby(group)[column].agg(["median", "count"])
    trusted = values["median"][(values["count"] >= min_rows) & (values["median"] > 0)]
    bound = frame[group].map(factor * trusted).astype("float64")  # of no rows pandas would make text
    return _replace(
        frame,
        column,
        frame[column] > bound,
        bound,
        f"{column} above {factor:g} medians of its {group} lowered",
    )


def clip_above(frame: pd.DataFrame, column: str, bound: float) -> tuple[pd.DataFrame, CleaningStep]:
    """Lower the values above one bound for all rows to that bound."""
    return _replace(frame, column, frame[column] > bound, bound, f"{column} above {bound:g} lowered to it")


def clip_below(frame: pd.DataFrame, column: str, bound: float) -> tuple[pd.DataFrame, CleaningStep]:
    """Raise the values below one bound for all rows to that bound."""
    return _replace(frame, column, frame[column] < bound, bound, f"{column} below {bound:g} raised to it")


def _reference(frame: pd.DataFrame) -> pd.DataFrame:
    """Take the rows that medians may look at: the training part where the log names its parts."""
    return frame[frame["part"] == "train"] if "part" in frame else frame


def _replace(
    frame: pd.DataFrame, column: str, where: pd.Series[bool], value: Any, step: str
) -> tuple[pd.DataFrame, CleaningStep]:
    count = int(where.sum())
    replaced = frame.assign(**{column: frame[column].mask(where, value)}) if count else frame
    return replaced, CleaningStep(step, len(frame), filled=count)
