"""Cleaning steps: each returns the frame and a row for the cleaning report.

Bounds and medians come from the training rows where the log names its parts; otherwise from the whole log,
which touches side columns (price, quantity, rating) only, never who bought what.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

UNKNOWN = "unknown"
"""Stands for a missing attribute, so that a model can tell it from every real value."""

POSITION = ("line", "order")
"""Columns that say where a row stood, not what it says: two rows that differ only here are the same."""


@dataclass(frozen=True)
class CleaningStep:
    """One row of the cleaning report.

    Args:
        step: What was done, in words.
        rows_before: Rows that went in.
        removed: Rows that did not come out.
        filled: Values that were filled or replaced.
        table: What it was done to: the ``log``, or the table of ``users`` or ``items``.
        asked: Whether an option asked for it, so that it is no loss; see `graphrec.data.ledger`.
    """

    step: str
    rows_before: int
    removed: int = 0
    filled: int = 0
    table: str = "log"
    asked: bool = False


Cleaner = Callable[[pd.DataFrame], tuple[pd.DataFrame, CleaningStep]]
"""A cleaning step with its arguments already given."""


def clean(frame: pd.DataFrame, cleaners: Sequence[Cleaner]) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
    """Apply steps in order and collect their rows of the report."""
    steps = []
    for cleaner in cleaners:
        frame, step = cleaner(frame)
        steps.append(step)
    return frame, tuple(steps)


def keep_rows(
    frame: pd.DataFrame, keep: pd.Series[bool] | np.ndarray[Any, Any], step: str, asked: bool = False
) -> tuple[pd.DataFrame, CleaningStep]:
    """Keep the rows where `keep` is true; `step` says in words what leaves: "rows without week"."""
    mask = np.asarray(keep, dtype=bool)
    removed = int((~mask).sum())
    kept = frame if removed == 0 else frame[mask].reset_index(drop=True)
    return kept, CleaningStep(step, len(frame), removed=removed, asked=asked)


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


def _reference(frame: pd.DataFrame) -> pd.DataFrame:
    """Take the rows that medians may look at: the training part where the log names its parts."""
    return frame[frame["part"] == "train"] if "part" in frame else frame


def _fillers(attributes: pd.DataFrame) -> dict[Any, Any]:
    numeric = attributes.select_dtypes("number").columns
    return {
        name: attributes[name].median() if name in numeric else UNKNOWN
        for name in attributes.columns
        if not (name in numeric and attributes[name].isna().all())
    }


def _replace(
    frame: pd.DataFrame, column: str, where: pd.Series[bool], value: Any, step: str
) -> tuple[pd.DataFrame, CleaningStep]:
    count = int(where.sum())
    replaced = frame.assign(**{column: frame[column].mask(where, value)}) if count else frame
    return replaced, CleaningStep(step, len(frame), filled=count)
