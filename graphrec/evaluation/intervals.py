"""95 % bootstrap intervals over users."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from graphrec.arrays import AnyArray, FloatArray, IntArray


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


def catalogue_interval(
    share: Callable[[AnyArray, int], float],
    items: AnyArray,
    num_items: int,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Bootstrap, centred, a share that all lists have together, such as the coverage of the catalogue.

    A resample holds about 63 % of the users and so covers fewer items than all of them do; the plain
    percentile interval would lie below the value itself. The spread of the replicates is right, their
    centre is not, hence they are shifted to the value.

    Args:
        share: Items ``[n, K]`` and ``I`` to a number from 0 to 1, for example `coverage`.
        items: Recommended items, −1 where there is none. Shape ``[n, K]``.
        num_items: Size of the catalogue ``I``.
        replicates: Number of resamples.
        level: Probability mass between the bounds.
        seed: The same seed gives the same interval.
    """
    drawn = np.array([share(items[users], num_items) for users in resamples(len(items), replicates, seed)])
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(drawn - drawn.mean(), [tail, 100 - tail])
    value = share(items, num_items)
    # near full coverage the replicates pile up at 1 and both percentiles can lie on one side of their mean
    return max(0.0, value + min(float(low), 0.0)), min(1.0, value + max(float(high), 0.0))


def coverage(items: AnyArray, num_items: int) -> float:
    """Compute the share of the catalogue that stands in at least one list; −1 entries are empty places."""
    recommended = np.zeros(num_items + 1, dtype=bool)
    recommended[items] = True  # −1 lands on the extra last place
    return float(recommended[:num_items].sum()) / num_items
