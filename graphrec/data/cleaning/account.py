"""The account of cleaning: a row of the report per step, and steps in a chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

LINE = "line"
"""Column of a log with the line of the file a row starts on, the first line being 1."""
FILE = "of_file"
"""Column of a log that several files make, with the file of a row."""
POSITION = (LINE, FILE, "order")
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
        rule: The entry of ``cleaning:`` that asked for it, if one did.
        examples: Up to three rows, each with its line and values.
        entry: What of ``cleaning:`` would declare a step that nobody asked for, as YAML.
    """

    step: str
    rows_before: int
    removed: int = 0
    filled: int = 0
    table: str = "log"
    asked: bool = False
    rule: str = ""
    examples: tuple[str, ...] = ()
    entry: str = ""


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
