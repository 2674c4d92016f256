"""How far foretold ratings are from those that were given, with intervals over users."""

from __future__ import annotations

import numpy as np

from graphrec.arrays import FloatArray, IntArray

REPLICATES = 1000
"""Resamples of the users behind an interval."""
MEASURES = ("rmse", "mae", "mean_error")


def rating_measures(
    given: FloatArray, foretold: FloatArray, user: IntArray, seed: int = 0
) -> dict[str, float]:
    """Compute ``rmse``, ``mae`` and ``mean_error`` (foretold less given), each with ``_low`` and ``_high``.

    Args:
        given: Ratings. Shape ``[R]``, not empty.
        foretold: The same pairs by a model. Shape ``[R]``.
        user: Who gave them. Shape ``[R]``.
        seed: Of the resamples.

    Returns:
        Name to value. Intervals hold 95 % of what resampled users give (percentile bootstrap).
    """
    error = foretold - given
    _, code = np.unique(user, return_inverse=True)
    users = int(code.max()) + 1
    sums = [np.bincount(code, weights=part, minlength=users) for part in (error**2, np.abs(error), error)]
    table = np.stack([np.bincount(code, minlength=users), *sums], axis=1)
    random = np.random.default_rng(seed)
    drawn = np.stack([table[random.integers(0, users, users)].sum(axis=0) for _ in range(REPLICATES)])
    low, high = np.quantile(_of_sums(drawn), [0.025, 0.975], axis=0)
    found: dict[str, float] = {}
    for place, name in enumerate(MEASURES):
        value = float(_of_sums(table.sum(axis=0)[None])[0, place])
        found |= {name: value, f"{name}_low": float(low[place]), f"{name}_high": float(high[place])}
    return found


def _of_sums(sums: FloatArray) -> FloatArray:
    """Compute the measures from counts, squares, sizes and errors. ``[n, 4]`` to ``[n, 3]``."""
    means = sums[:, 1:] / sums[:, :1]
    return np.stack([np.sqrt(means[:, 0]), means[:, 1], means[:, 2]], axis=1)
