"""Is one recommender better than another? A lead against what users and seeds do to it by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from graphrec.arrays import FloatArray

_HALVINGS = 60  # of the logarithm of p between 1e-26 and 1: exact to 16 digits


@dataclass(frozen=True)
class Differences:
    """What separates the runs of each pair.

    Args:
        difference: Mean over seeds and users of the first run's value less the second's. Shape ``[P, M]``.
        low: Lower bound of its interval. Shape ``[P, M]``.
        high: Upper bound of its interval. Shape ``[P, M]``.
        p: Two-sided p-value of no difference, of each pair and measure alone. Shape ``[P, M]``.
        p_users: The same if the seeds were all there are. Shape ``[P, M]``.
    """

    difference: FloatArray
    low: FloatArray
    high: FloatArray
    p: FloatArray
    p_users: FloatArray


def crossed_differences(
    values: Sequence[FloatArray], pairs: Sequence[tuple[int, int]], level: float = 0.95
) -> Differences:
    """Judge the mean difference between runs that ranked for the same users, each with seeds of its own.

    Users and seeds are crossed random effects. What makes a user hard is hard for both runs of a pair and
    cancels; what a seed does to a run does not. The squared standard error of a difference is a sum of
    parts. One is the variance over users of their own difference, seeds averaged, by the number of users.
    The others are the variance of the means of each run's seeds, by their number. The quantile of t is the
    mean of those of users and seeds, weighted by their parts (Cochran and Cox, Experimental Designs, 1950).
    The seeds of both runs have the degrees of freedom of Satterthwaite (1946).

    It is a closed form, because a bootstrap over three seeds draws too little. Where seeds differ much and
    runs do not, that finds a difference in 16 to 19 % of the cases. This one does in at most 5 to 6 %. Nor
    has it a least p, which a correction for many pairs would lift above any bound.

    A run with one seed adds no part: what its seed does is then not in the interval. p is at least what users
    that all agree could show, ``2 ** (1 - n)``. Of one user nothing is known: p is 1, without an interval.

    Args:
        values: Value of each seed of each run for each user and measure; users and measures in the same order
            in all runs. Each ``[S, n, M]``, with ``S`` of its own.
        pairs: Places of the runs to compare, first less second. Length ``P``.
        level: Probability mass between the bounds.

    Raises:
        ValueError: If there is no user.
    """
    count = values[0].shape[1]
    if not count:
        raise ValueError("no user to compare the runs on")
    users = [one.mean(axis=0) for one in values]
    seeds = [_seeds_part(one) for one in values]
    parts = [_parts(users[a] - users[b], seeds[a], seeds[b]) for a, b in pairs]
    difference = np.stack([(users[a] - users[b]).mean(axis=0) for a, b in pairs])
    of_users, of_seeds, freedom = (np.stack([part[place] for part in parts]) for place in range(3))
    whole = _Error(of_users, np.full_like(of_users, max(count - 1, 1)), of_seeds, freedom)
    alone = _Error(of_users, whole.users_freedom, np.zeros_like(of_seeds), freedom)
    half = whole.quantile(np.full_like(of_users, (1 - level) / 2)) * np.sqrt(whole.total)
    if count == 1:
        nothing, sure = np.full_like(difference, np.nan), np.ones_like(difference)
        return Differences(difference, nothing, nothing, sure, sure)
    p, p_users = (_two_sided(difference, error, count) for error in (whole, alone))
    return Differences(difference, difference - half, difference + half, p, p_users)


@dataclass(frozen=True)
class _Error:
    """Squared standard errors of differences in two parts, with their degrees of freedom. Each ``[P, M]``."""

    users: FloatArray
    users_freedom: FloatArray
    seeds: FloatArray
    seeds_freedom: FloatArray

    @property
    def total(self) -> FloatArray:
        """Add the parts."""
        return self.users + self.seeds

    def quantile(self, tail: FloatArray) -> FloatArray:
        """Average the upper quantiles of t by the parts; of users alone where there is no error at all."""
        total = self.total
        share = np.divide(self.seeds, total, out=np.zeros_like(total), where=total > 0)
        of_users, of_seeds = -stdtrit(self.users_freedom, tail), -stdtrit(self.seeds_freedom, tail)
        mean: FloatArray = (1 - share) * of_users + share * of_seeds
        return mean


def _seeds_part(values: FloatArray) -> tuple[FloatArray, int]:
    """Take what seeds add to the squared error of a run's mean, and its freedom; 0 for one seed."""
    seeds, _, measures = values.shape
    if seeds == 1:
        return np.zeros(measures), 0
    part: FloatArray = values.mean(axis=1).var(axis=0, ddof=1) / seeds
    return part, seeds - 1


def _parts(
    apart: FloatArray, first: tuple[FloatArray, int], second: tuple[FloatArray, int]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Take the part of the users, that of the seeds and its degrees of freedom; of one pair, each ``[M]``."""
    count = len(apart)
    of_users = apart.var(axis=0, ddof=1) / count if count > 1 else np.zeros(apart.shape[1])
    of_seeds = first[0] + second[0]
    below = sum(part**2 / freedom for part, freedom in (first, second) if freedom)
    freedom = np.divide(of_seeds**2, below, out=np.ones_like(of_seeds), where=of_seeds > 0)
    return of_users, of_seeds, freedom


def _two_sided(difference: FloatArray, error: _Error, count: int) -> FloatArray:
    """Find p: the probability at which the quantile of t is the difference in standard errors."""
    root = np.sqrt(error.total)
    # what ties but for rounding does not differ
    ties = np.abs(difference) <= 1e-12
    size = np.divide(np.abs(difference), root, out=np.full_like(root, np.inf), where=root > 0)
    low, high = np.full_like(root, -60.0), np.zeros_like(root)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_too_small = error.quantile(np.exp(middle) / 2) > size
        low, high = np.where(is_too_small, middle, low), np.where(is_too_small, high, middle)
    p: FloatArray = np.where(ties, 1.0, np.exp((low + high) / 2))
    return np.clip(p, 2.0 ** (1 - count), 1.0)
