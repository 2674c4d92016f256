"""95 % bootstrap intervals over users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import scipy.sparse as sp

from graphrec.arrays import AnyArray, FloatArray, IntArray
from graphrec.evaluation.catalogue import Catalogue, CatalogueMeasure

NORMAL_95 = 1.959964
"""Standard errors that a 95 % interval has on either side."""


def resamples(num_users: int, replicates: int, seed: int) -> Iterator[IntArray]:
    """Draw users with replacement, `replicates` times. Each is ``[num_users]``."""
    rng = np.random.default_rng(seed)
    for _ in range(replicates):
        yield rng.integers(num_users, size=num_users)


def mean_interval(
    values: FloatArray, replicates: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Bootstrap the mean of each column by percentiles.

    Args:
        values: One row per user. Shape ``[n, M]``.
        replicates: Number of resamples.
        level: Probability mass between the bounds.
        seed: The same seed gives the same interval.

    Returns:
        Lower and upper bounds, each ``[M]``.
    """
    count = len(values)
    means = np.stack(
        [np.bincount(drawn, minlength=count) @ values / count for drawn in resamples(count, replicates, seed)]
    )
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(means, [tail, 100 - tail], axis=0)
    return low, high


def catalogue_intervals(
    measures: Sequence[CatalogueMeasure],
    items: AnyArray,
    catalogue: Catalogue,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> list[tuple[float, float]]:
    """Bootstrap, centred, what all lists have together, such as the coverage of the catalogue.

    A resample holds about 63 % of the users and so covers fewer items than all of them do; the plain
    percentile interval would lie below the value itself. The spread of the replicates is right, their
    centre is not, hence they are shifted to the value. All measures share their resamples.

    Args:
        measures: Each to a number from 0 to 1, for example `coverage`.
        items: Recommended items, −1 where there is none. Shape ``[n, K]``.
        catalogue: All items.
        replicates: Number of resamples.
        level: Probability mass between the bounds.
        seed: The same seed gives the same intervals.
    """
    lists = _listed_by(items, len(catalogue))
    drawn = np.empty((replicates, len(measures)))
    for row, users in enumerate(resamples(len(items), replicates, seed)):
        times = np.bincount(users, minlength=len(items)).astype(np.float64)
        counts = lists @ times
        drawn[row] = [measure(counts, catalogue) for measure in measures]
    tail = 100 * (1 - level) / 2
    lows, highs = np.percentile(drawn - drawn.mean(axis=0), [tail, 100 - tail], axis=0)
    counts = listed_times(items, len(catalogue))
    values = [measure(counts, catalogue) for measure in measures]
    # near full coverage the replicates pile up at 1 and both percentiles can lie on one side of their mean
    return [
        (max(0.0, value + min(float(low), 0.0)), min(1.0, value + max(float(high), 0.0)))
        for value, low, high in zip(values, lows, highs, strict=True)
    ]


def listed_times(items: AnyArray, num_items: int) -> FloatArray:
    """Count how often each item is listed. Items ``[n, K]``, −1 where there is none, to ``[I]``."""
    return np.bincount(items[items >= 0], minlength=num_items).astype(np.float64)


def _listed_by(items: AnyArray, num_items: int) -> sp.csc_array:
    """Mark which user's list has which item. Shape ``[I, n]``."""
    listed = items >= 0
    start = np.concatenate([[0], np.cumsum(listed.sum(axis=1))])
    return sp.csc_array((np.ones(int(start[-1])), items[listed], start), shape=(num_items, len(items)))
