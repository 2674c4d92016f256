"""Cleaning steps: each returns the frame and a row for the cleaning report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CleaningStep:
    """One row of the cleaning report.

    Args:
        step: What was done, in words.
        rows_before: Rows that went in.
        removed: Rows that did not come out.
        filled: Values that were filled or replaced.
    """

    step: str
    rows_before: int
    removed: int = 0
    filled: int = 0
