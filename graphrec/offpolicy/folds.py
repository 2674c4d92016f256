"""Cross-validation of a policy (the articles' 交叉验证): folds over weeks, grouped by household.

Shuffled folds would let a policy learn from next month and from the same household; here every fold learns
from earlier weeks of other households.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from graphrec.arrays import FloatArray, IntArray
from graphrec.errors import InputError, check_at_least


@dataclass(frozen=True)
class Fold:
    """Row numbers of one fold.

    Args:
        train: Decisions before `week`, of the households that are not judged. Shape ``[n]``.
        test: Decisions from `week` on, of the households that are. Shape ``[m]``.
        week: First week judged.
        group: Which group of households is judged.
    """

    train: IntArray
    test: IntArray
    week: int
    group: int


@dataclass(frozen=True)
class FoldedValue:
    """A figure over the folds.

    Args:
        values: One per fold, NaN where it was refused. Shape ``[folds]``.
    """

    values: FloatArray

    @property
    def mean(self) -> float:
        """Mean over the folds that gave a value; NaN if none did."""
        known = self.values[np.isfinite(self.values)]
        return float(known.mean()) if len(known) else float("nan")

    @property
    def sd(self) -> float:
        """Standard deviation over those folds (n - 1); NaN for fewer than two."""
        known = self.values[np.isfinite(self.values)]
        return float(known.std(ddof=1)) if len(known) > 1 else float("nan")

    @property
    def refused(self) -> int:
        """Folds without a value."""
        return int((~np.isfinite(self.values)).sum())


def rolling_origin(
    week: IntArray, household: IntArray, origins: int = 3, horizon: int = 2, groups: int = 3, seed: int = 0
) -> Iterator[Fold]:
    """Make folds over weeks and households.

    The last ``origins x horizon`` weeks are judged, `horizon` at a time, by a policy learnt on all weeks
    before them. Households are dealt into `groups` at random; each is judged by what the others taught.

    Args:
        week: Week of each decision. Shape ``[n]``.
        household: Household of each decision. Shape ``[n]``.
        origins: How often the origin moves on.
        horizon: Weeks judged from each origin.
        groups: Groups of households, 2 or more.
        seed: Deals the households.

    Yields:
        ``origins x groups`` folds, the earliest origin first.

    Raises:
        InputError: If there are too few weeks or households.
    """
    check_at_least(1, origins=origins, horizon=horizon)
    check_at_least(2, groups=groups)
    weeks, (homes, code) = np.unique(week), np.unique(household, return_inverse=True)
    if len(weeks) < origins * horizon + 1:
        hint = f"give {origins * horizon + 1} weeks or more, or fewer origins"
        raise InputError(f"{len(weeks)} weeks are too few", column="week", hint=hint)
    if len(homes) < groups:
        hint = f"give {groups} or more, or fewer groups"
        raise InputError(f"{len(homes)} households are too few", column="household", hint=hint)
    group = np.random.default_rng(seed).permutation(np.arange(len(homes)) % groups)[code]
    for origin in range(origins):
        judged = weeks[len(weeks) - (origins - origin) * horizon :][:horizon]
        before, during = week < judged[0], (week >= judged[0]) & (week <= judged[-1])
        for number in range(groups):
            train, test = (
                np.flatnonzero(before & (group != number)),
                np.flatnonzero(during & (group == number)),
            )
            yield Fold(train, test, int(judged[0]), number)


def cross_validate(folds: Iterator[Fold], judge: Callable[[Fold], float]) -> FoldedValue:
    """Judge each fold; `judge` learns on ``fold.train`` and returns the figure on ``fold.test``."""
    return FoldedValue(np.array([judge(fold) for fold in folds], dtype=np.float64))
