"""Are groups of users served alike? The widest difference between them, with an interval that knows that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graphrec.arrays import FloatArray

FEWEST = 30
"""Users below which a group is left out: the mean of a handful says nothing of a group."""


@dataclass(frozen=True)
class Gap:
    """The difference between the best and the worst served group.

    Args:
        best: Group with the highest mean.
        worst: Group with the lowest.
        difference: Their means' difference; `low` and `high` are the bounds of its interval.
        best_users: Users of the first.
        worst_users: Users of the second.
        left_out: Users of groups with fewer than `FEWEST`.
    """

    best: str
    worst: str
    difference: float
    low: float
    high: float
    best_users: int
    worst_users: int
    left_out: int


def widest_gap(
    groups: Mapping[str, FloatArray], replicates: int = 2000, level: float = 0.95, seed: int = 0
) -> Gap | None:
    """Find the two groups whose means differ most, and bootstrap the difference within each.

    The two were chosen because they differ. So the bounds are those of as many pairs as could have been
    chosen (Bonferroni): with g groups the interval is one of ``1 - (1 - level) / (g (g - 1) / 2)``.

    Args:
        groups: Value of each user by group.
        replicates: Number of resamples.
        level: Probability mass between the bounds, over all pairs together.
        seed: The same seed gives the same interval.

    Returns:
        The gap; None if there are less than two groups of `FEWEST` users.
    """
    large = {name: values for name, values in groups.items() if len(values) >= FEWEST}
    if len(large) < 2:
        return None
    means = {name: float(values.mean()) for name, values in large.items()}
    best, worst = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
    if best == worst:
        best, worst = list(large)[:2]
    rng = np.random.default_rng(seed)
    drawn = _resampled(large[best], replicates, rng) - _resampled(large[worst], replicates, rng)
    tail = 100 * (1 - level) / 2 / (len(large) * (len(large) - 1) / 2)
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return Gap(
        best,
        worst,
        means[best] - means[worst],
        float(low),
        float(high),
        len(large[best]),
        len(large[worst]),
        sum(len(values) for name, values in groups.items() if name not in large),
    )


def _resampled(values: FloatArray, replicates: int, rng: np.random.Generator) -> FloatArray:
    """Average resamples of the users of a group. Shape ``[replicates]``."""
    count = len(values)
    return np.array([values[rng.integers(count, size=count)].mean() for _ in range(replicates)])
