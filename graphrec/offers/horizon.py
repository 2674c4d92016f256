"""How many weeks an offer is for, and what a purchase within one week says of several.

Pairs of one probability do not all buy at one rate. If their rates vary as a gamma distribution does, then
``P(at least one purchase in t periods) = 1 - (1 + t ((1 - p)^-κ - 1))^(-1/κ)``, p being that of one period:
the negative binomial model of repeat buying (Ehrenberg, Applied Statistics 1959). κ is the spread of the
rates. At 0 all are alike. Below 0 purchases are more regular than chance, at -1 none comes twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from graphrec.arrays import FloatArray

SPREADS = (-1.0, 20.0)
"""Least and greatest spread."""


def at_least_one(probability: FloatArray, periods: float, spread: float) -> FloatArray:
    """Compute P(at least one purchase) in so many periods from that of one. Shapes ``[n]``.

    Args:
        probability: Of one period, in [0, 1).
        periods: How many, above 0; a part of one as well.
        spread: κ, at least -1.
    """
    chance = np.asarray(probability, dtype=np.float64)
    with np.errstate(divide="ignore", over="ignore"):  # a probability of 1 stays one
        log_none = np.log1p(-chance)
        if spread == 0.0:
            return np.asarray(-np.expm1(periods * log_none), dtype=np.float64)
        rate = np.maximum(periods * np.expm1(-spread * log_none), -1.0)
        return np.asarray(-np.expm1(-np.log1p(rate) / spread), dtype=np.float64)


@dataclass(frozen=True)
class Period:
    """What a calibrated probability is of: the weeks of the validation part.

    Args:
        weeks: How many; a part of one as well.
        spread: κ, by which those weeks are turned into others.
    """

    weeks: float
    spread: float = 0.0

    @classmethod
    def fit(cls, probability: FloatArray, bought: FloatArray, weight: FloatArray, weeks: float) -> Period:
        """Find the spread at which single weeks add up to the purchases that there were.

        Args:
            probability: Of a purchase within the period. Shape ``[n]``.
            bought: In how many weeks of it the pair was bought. Shape ``[n]``.
            weight: How many pairs each one stands for. Shape ``[n]``.
            weeks: Length of the period. In one of a week or less nothing tells the spread, and it is 0.
        """
        wanted = float(bought @ weight)
        if weeks <= 1.0 or wanted <= 0.0:
            return cls(weeks)

        def excess(spread: float) -> float:
            whole, part = divmod(weeks, 1.0)
            found = whole * at_least_one(probability, 1.0 / weeks, spread)
            if part > 0.0:
                found = found + at_least_one(probability, part / weeks, spread)
            return float(found @ weight) - wanted

        low, high = SPREADS
        if excess(low) >= 0.0:
            return cls(weeks, low)
        return cls(weeks, high if excess(high) <= 0.0 else float(brentq(excess, low, high)))

    def of_a_week(self, probability: FloatArray) -> FloatArray:
        """Compute the probability of a purchase within one week. ``[n]`` to ``[n]``."""
        return at_least_one(probability, 1.0 / self.weeks, self.spread)


@dataclass(frozen=True)
class Horizon:
    """The weeks that an offer is for.

    Args:
        weeks: How many. An offer holds for each purchase in them; a week with a purchase is one unit.
        spread: κ, for the probability of at least one purchase.
    """

    weeks: int = 1
    spread: float = 0.0

    def reached(self, probability: FloatArray) -> FloatArray:
        """Turn the probability of a week into that of at least one purchase in all. ``[n]`` to ``[n]``."""
        return probability if self.weeks == 1 else at_least_one(probability, self.weeks, self.spread)
