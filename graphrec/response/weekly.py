"""Sums over the weeks before a week: what a shop knows when the week begins.

Arrays have one column per week, ``[n, W]``; no result at a column depends on that column or a later one.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from graphrec.arrays import AnyArray, FloatArray

Table = AnyArray


def before(values: Table, weeks: int | None = None) -> FloatArray:
    """Add up all earlier weeks, or the last `weeks` of them. ``[n, W]`` to ``[n, W]``."""
    total = np.zeros(values.shape)
    np.cumsum(values[:, :-1], axis=1, out=total[:, 1:])
    if weeks is None or weeks >= values.shape[1]:
        return total
    total[:, weeks:] -= total[:, :-weeks].copy()
    return total


def faded(values: Table, half_life: float) -> FloatArray:
    """Add up earlier weeks, each counting half as much as the one `half_life` weeks after it."""
    keep, total = 0.5 ** (1.0 / half_life), np.zeros(values.shape)
    for week in range(1, values.shape[1]):
        total[:, week] = keep * (total[:, week - 1] + values[:, week - 1])
    return total


def highest(values: Table, weeks: int) -> FloatArray:
    """Find the highest value of the last `weeks` earlier weeks, minus infinity where there is none."""
    padded = np.pad(np.asarray(values, dtype=np.float64), ((0, 0), (weeks, 0)), constant_values=-np.inf)
    return np.asarray(sliding_window_view(padded, weeks, axis=1)[:, :-1].max(axis=2))


def weeks_since(happened: Table, never: float) -> FloatArray:
    """Count weeks since it last happened, at least 1; `never` where it has not, and at most that."""
    at = np.where(happened, np.arange(happened.shape[1]), -np.inf)
    last = np.full(happened.shape, -np.inf)
    last[:, 1:] = np.maximum.accumulate(at, axis=1)[:, :-1]
    return np.asarray(np.minimum(np.arange(happened.shape[1]) - last, never))


def last_value(values: Table, happened: Table, never: float) -> FloatArray:
    """Find the value when it last happened before the week, `never` where it has not."""
    at = np.where(happened, np.arange(happened.shape[1]), -1)
    last = np.full(happened.shape, -1)
    last[:, 1:] = np.maximum.accumulate(at, axis=1)[:, :-1]
    found = np.take_along_axis(np.asarray(values, dtype=np.float64), np.maximum(last, 0), axis=1)
    return np.where(last >= 0, found, never)


def log_rate(events: Table, trials: Table, typical: Table | float, strength: float = 2.0) -> FloatArray:
    """Compute the logarithm of events per trial, drawn to `typical` as by `strength` more trials."""
    return np.asarray(np.log((events + strength * typical) / (trials + strength)), dtype=np.float64)
