"""Policies: from what is known of a pair to a rate, as pure functions of arrays.

Each policy has a small frozen class that holds its parameters and its name in the offers table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from graphrec.arrays import FloatArray
from graphrec.errors import InputError
from graphrec.offers.economics import Economics

if TYPE_CHECKING:  # it brings torch along, which the command line's help does without
    from graphrec.response.curves import Response

LEVELS = (0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30)
"""Rates that policies of levels choose from."""
AFFINITY_SCALE = 1.0
"""A household is offered what it saves by itself."""


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
    """The articles' rule, see `linear_rate`.

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
class Inverse:
    """The opposite of the articles' rule: ``rate = slope x (1 - score)``, most to the least likely buyer.

    Args:
        slope: Rate at score 0, in [0, 1).

    Raises:
        InputError: If the slope is outside its range.
    """

    slope: float = 0.1
    name: ClassVar[str] = "inverse"

    def __post_init__(self) -> None:
        """Check the slope."""
        _check_rate(self.slope, "slope")


@dataclass(frozen=True)
class Affinity:
    """A rule of thumb of the trade: the rate that a user has taken in shelf discounts so far.

    Args:
        scale: Rate per share of its regular value that the user saved in training, 0 or more.

    Raises:
        InputError: If the scale is negative.
    """

    scale: float = AFFINITY_SCALE
    name: ClassVar[str] = "affinity"

    def __post_init__(self) -> None:
        """Check the scale."""
        if not 0.0 <= self.scale < np.inf:
            raise InputError(f"{self.scale} is not 0 or more", column="scale", hint="give a factor, as 1")


@dataclass(frozen=True)
class ExpectedProfit:
    """The level with the best expected value, see `expected_profit`; the first of two names of `Knapsack`.

    Args:
        levels: Allowed rates, increasing, the first one 0.

    Raises:
        InputError: If the levels are not that.
    """

    levels: tuple[float, ...] = LEVELS
    name: ClassVar[str] = "expected_profit"

    def __post_init__(self) -> None:
        """Check the levels."""
        check_levels(self.levels)


@dataclass(frozen=True)
class Knapsack:
    """The levels with the highest total value within all budgets.

    See `graphrec.offers.budget.knapsack.allocate`.

    Args:
        levels: Allowed rates, increasing, the first one 0.

    Raises:
        InputError: If the levels are not that.
    """

    levels: tuple[float, ...] = LEVELS
    name: ClassVar[str] = "knapsack"

    def __post_init__(self) -> None:
        """Check the levels."""
        check_levels(self.levels)


@dataclass(frozen=True)
class GreedyROI:
    """Each pair's level with the most value per spend, the best returns first until the budget is gone.

    What many shops do; unlike the knapsack it never moves a pair to a deeper level that still pays.

    Args:
        levels: Allowed rates, increasing, the first one 0.

    Raises:
        InputError: If the levels are not that.
    """

    levels: tuple[float, ...] = LEVELS
    name: ClassVar[str] = "greedy_roi"

    def __post_init__(self) -> None:
        """Check the levels."""
        check_levels(self.levels)


RulePolicy = NoDiscount | Uniform | LinearRate | Inverse | Affinity
LevelPolicy = ExpectedProfit | GreedyROI | Knapsack
Policy = RulePolicy | LevelPolicy
POLICIES: tuple[type[Policy], ...] = (
    NoDiscount,
    Uniform,
    LinearRate,
    Inverse,
    Affinity,
    GreedyROI,
    ExpectedProfit,
    Knapsack,
)
"""All kinds. The oracle exists in the simulator alone."""


def policy_named(name: str) -> Policy:
    """The policy of that name with its default parameters.

    Raises:
        InputError: If there is none.
    """
    for policy in POLICIES:
        if policy.name == name:
            return policy()
    names = ", ".join(policy.name for policy in POLICIES)
    raise InputError(f"there is no policy '{name}'", column="policy", hint=f"choose one of {names}")


def check_levels(levels: tuple[float, ...], column: str = "levels") -> None:
    """Refuse levels that do not increase from 0.

    Raises:
        InputError: If they do not, or one is not a rate.
    """
    for level in levels:
        _check_rate(level, column)
    if not levels or levels[0] != 0.0 or sorted(set(levels)) != list(levels):
        hint = "list increasing rates that start with 0, as [0, 0.05, 0.1]"
        raise InputError(f"the levels {list(levels)} cannot be used", column=column, hint=hint)


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
    """The articles' rule: ``rate = 0.1 x score``.

    Scores 0.7654 and 0.8643 give 7.654 % and 8.643 %. The articles print 7.54 % for the first, a slip for
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
        hint = "bring raw scores there first, with Calibrator.unit_score"
        raise InputError(f"linear_rate needs scores in 0..1, not {first:g}", column="score", hint=hint)
    return np.asarray(_check_rate(slope, "slope") * scores, dtype=np.float64)


def inverse_rate(score: npt.ArrayLike, slope: float = 0.1) -> FloatArray:
    """``rate = slope x (1 - score)``: the articles' rule turned round. Arguments as in `linear_rate`."""
    return slope - linear_rate(score, slope)


def expected_profit(
    response: Response,
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
        raise InputError(f"{rate} is not a rate in 0..1", column=key, hint="give a share, as 0.1 for 10 %")
    return rate
