"""Policies: from what is known of a pair to a rate, as pure functions of arrays.

Each policy has a small frozen class that holds its parameters and its name in the offers table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from graphrec.errors import InputError
from graphrec.offers.economics import Economics, FloatArray
from graphrec.offers.response import ElasticResponse

LEVELS = (0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30)
"""Rates that `expected_profit` chooses from."""


@dataclass(frozen=True)
class NoDiscount:
    """Nobody gets a discount; what every other policy is compared with."""

    name: ClassVar[str] = "none"


@dataclass(frozen=True)
class Uniform:
    """The same rate for every pair.

    Args:
        rate: In [0, 1).

    Raises:
        InputError: If the rate is outside its range.
    """

    rate: float = 0.10
    name: ClassVar[str] = "uniform"

    def __post_init__(self) -> None:
        """Check the rate."""
        _check_rate(self.rate, "rate")


@dataclass(frozen=True)
class LinearRate:
    """The documents' rule, see `linear_rate`.

    Args:
        slope: Rate at score 1, in [0, 1).

    Raises:
        InputError: If the slope is outside its range.
    """

    slope: float = 0.1
    name: ClassVar[str] = "linear_rate"

    def __post_init__(self) -> None:
        """Check the slope."""
        _check_rate(self.slope, "slope")


@dataclass(frozen=True)
class ExpectedProfit:
    """The level with the best expected value, see `expected_profit`.

    Args:
        levels: Allowed rates, increasing, the first one 0.

    Raises:
        InputError: If the levels are not that.
    """

    levels: tuple[float, ...] = LEVELS
    name: ClassVar[str] = "expected_profit"

    def __post_init__(self) -> None:
        """Check the levels."""
        for level in self.levels:
            _check_rate(level, "levels")
        if not self.levels or self.levels[0] != 0.0 or sorted(set(self.levels)) != list(self.levels):
            mend = "list increasing rates that start with 0, as [0, 0.05, 0.1]"
            raise InputError(f"the levels {list(self.levels)} cannot be used", column="levels", mend=mend)


Policy = NoDiscount | Uniform | LinearRate | ExpectedProfit


def policy_named(name: str) -> Policy:
    """The policy of that name with its default parameters.

    Raises:
        InputError: If there is none.
    """
    policies: list[Policy] = [NoDiscount(), Uniform(), LinearRate(), ExpectedProfit()]
    for policy in policies:
        if policy.name == name:
            return policy
    names = ", ".join(policy.name for policy in policies)
    raise InputError(f"there is no policy '{name}'", column="policy", mend=f"choose one of {names}")


def no_discount(pairs: int) -> FloatArray:
    """Rate 0 for each of `pairs` pairs. Shape ``[P]``."""
    return np.zeros(pairs)


def uniform(pairs: int, rate: float) -> FloatArray:
    """The same rate, in [0, 1), for each of `pairs` pairs. Shape ``[P]``.

    Raises:
        InputError: If the rate is outside its range.
    """
    return np.full(pairs, _check_rate(rate, "rate"))


def linear_rate(score: npt.ArrayLike, slope: float = 0.1) -> FloatArray:
    """The documents' rule: ``rate = 0.1 x score``.

    Scores 0.7654 and 0.8643 give 7.654 % and 8.643 %. The documents print 7.54 % for the first, a slip for
    7.65 %. The rule gives most to those who would buy anyway; it stands here as the baseline to beat.

    Args:
        score: Link scores in [0, 1]; raw logits must be brought there first (`Calibrator.unit_score`).
            Shape ``[P]``.
        slope: Rate at score 1, in [0, 1).

    Returns:
        Rates. Shape ``[P]``.

    Raises:
        InputError: If a score or the slope is outside its range.
    """
    scores = np.asarray(score, dtype=np.float64)
    outside = ~((scores >= 0.0) & (scores <= 1.0))
    if outside.any():
        first = scores[outside].flat[0]
        mend = "bring raw scores there first, with Calibrator.unit_score"
        raise InputError(f"linear_rate needs scores in 0..1, not {first:g}", column="score", mend=mend)
    return np.asarray(_check_rate(slope, "slope") * scores, dtype=np.float64)


def expected_profit(
    response: ElasticResponse,
    price: FloatArray,
    economics: Economics,
    levels: tuple[float, ...] = LEVELS,
) -> FloatArray:
    """The level with the highest expected profit, pair by pair; the lowest of equals.

    With scenario weights, guardrails or a budget the same choice is made by `allocation.allocate`.

    Args:
        response: Response curves of ``P`` pairs.
        price: Regular prices, money per unit. Shape ``[P]``.
        economics: Margin and funding.
        levels: Rates to choose from, as in `ExpectedProfit`.

    Returns:
        Rates. Shape ``[P]``.

    Raises:
        InputError: If the levels cannot be used.
    """
    rates = np.asarray(ExpectedProfit(levels).levels)
    profit = economics.profit(response.curve(rates), price[:, None], rates[None, :])
    return np.asarray(rates[profit.argmax(axis=1)], dtype=np.float64)


def _check_rate(rate: float, key: str) -> float:
    if not 0.0 <= rate < 1.0:
        raise InputError(f"{rate} is not a rate in 0..1", column=key, mend="give a share, as 0.1 for 10 %")
    return rate
