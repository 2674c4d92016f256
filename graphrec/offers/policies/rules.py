"""Rules: a rate from a score or a habit, whatever it costs. Limits and the budget cut it down afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from graphrec.arrays import FloatArray
from graphrec.errors import InputError
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.decision import Chosen, Decision
from graphrec.offers.policies.base import check_rate
from graphrec.offers.reasons import Reason, everywhere

if TYPE_CHECKING:
    from graphrec.offers.choices import Choices
    from graphrec.offers.pairs import Pairs

AFFINITY_SCALE = 1.0
"""A household is offered what it saves by itself."""


@dataclass(frozen=True)
class NoDiscount:
    """Nobody gets a discount; what every other policy is compared with."""

    name: ClassVar[str] = "none"
    follows_objective: ClassVar[bool] = False

    def rates(self, pairs: Pairs, budget: Budget) -> Decision:
        """Give rate 0 to each pair."""
        count = len(pairs.price)
        return Decision(np.zeros(count), everywhere(Reason.NO_DISCOUNT, count))

    def choose(self, choices: Choices, budget: Budget) -> Chosen:
        """Choose no offer."""
        return Chosen(np.zeros(len(choices.value), dtype=np.int64), Reason.NO_DISCOUNT)


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
    follows_objective: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the rate."""
        check_rate(self.rate, "rate")

    def rates(self, pairs: Pairs, budget: Budget) -> Decision:
        """Give the rate to each pair."""
        return _asked(np.full(len(pairs.price), self.rate), Reason.UNIFORM)


@dataclass(frozen=True)
class LinearRate:
    """The articles' rule: ``rate = 0.1 x score``.

    Scores 0.7654 and 0.8643 give 7.654 % and 8.643 %. The articles print 7.54 % for the first, a slip for
    7.65 %. The rule gives most to those who would buy anyway; it stands here as the baseline to beat.

    Args:
        slope: Rate at score 1, in [0, 1).

    Raises:
        InputError: If the slope is outside its range.
    """

    slope: float = 0.1
    name: ClassVar[str] = "linear_rate"
    follows_objective: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the slope."""
        check_rate(self.slope, "slope")

    def rates(self, pairs: Pairs, budget: Budget) -> Decision:
        """Give a rate that is proportional to the score."""
        return _asked(self.slope * _unit_score(pairs), Reason.LINEAR_RATE, self.slope)


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
    follows_objective: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the slope."""
        check_rate(self.slope, "slope")

    def rates(self, pairs: Pairs, budget: Budget) -> Decision:
        """Give a rate that falls with the score."""
        return _asked(self.slope - self.slope * _unit_score(pairs), Reason.INVERSE, self.slope)


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
    follows_objective: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the scale."""
        if not 0.0 <= self.scale < np.inf:
            raise InputError(f"{self.scale} is not 0 or more", column="scale", hint="give a factor, as 1")

    def rates(self, pairs: Pairs, budget: Budget) -> Decision:
        """Give a rate that is proportional to the share saved so far."""
        return _asked(self.scale * pairs.affinity, Reason.AFFINITY, self.scale)


def _asked(rate: FloatArray, reason: Reason, factor: float = 0.0) -> Decision:
    return Decision(rate, everywhere(reason, len(rate)), factor=factor)


def _unit_score(pairs: Pairs) -> FloatArray:
    """Take scores in [0, 1]; raw logits are no base of a rate. Shape ``[P]``.

    Raises:
        InputError: If one is outside.
    """
    outside = ~((pairs.unit_score >= 0.0) & (pairs.unit_score <= 1.0))
    if outside.any():
        first = pairs.unit_score[outside].flat[0]
        hint = "bring raw scores there first, with Calibrator.unit_score"
        raise InputError(f"a rate needs scores in 0..1, not {first:g}", column="score", hint=hint)
    return pairs.unit_score
