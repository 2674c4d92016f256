"""Correction of p-values for how many were looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy.stats import false_discovery_control

from graphrec.arrays import FloatArray

Correction = Literal["holm", "fdr", "none"]


def corrected(p: FloatArray, correction: Correction) -> FloatArray:
    """Correct the p-values of a family of comparisons.

    Args:
        p: Each from 0 to 1. Shape ``[P]``.
        correction: ``holm`` (Holm, 1979) bounds the chance of one false claim or more, whatever the
            comparisons have to do with each other. ``fdr`` (Benjamini and Hochberg, 1995) bounds the expected
            share of false claims. ``none`` leaves them alone.
    """
    return _CORRECT[correction](np.asarray(p, dtype=np.float64))


def _holm(p: FloatArray) -> FloatArray:
    """Multiply the smallest by their number, the next by one less, and let none be below one before it."""
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    result = np.empty_like(p)
    result[order] = np.minimum(raised, 1.0)
    return result


def _benjamini_hochberg(p: FloatArray) -> FloatArray:
    """Correct by scipy, which keeps this up for others, too."""
    result: FloatArray = false_discovery_control(p, method="bh")
    return result


_CORRECT: dict[str, Callable[[FloatArray], FloatArray]] = {
    "holm": _holm,
    "fdr": _benjamini_hochberg,
    "none": lambda p: p,
}
