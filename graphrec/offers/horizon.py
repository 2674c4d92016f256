"""How many weeks an offer is for: units add up week by week, the chance of at least one purchase does not.

Both are learnt for one week and for the whole validation part, and other spans lie on the curve through the
two: ``P(at least one purchase in t weeks) = 1 - exp(-h t^g)``. h is the hazard of a week. The growth g is 1
where the weeks of a pair are independent. It is less where the same few buy again and again, and more where
purchases keep their distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrec.arrays import FloatArray

MOST_GROWTH = 2.0
"""More is noise of the two curves."""


def growth_of(weekly: FloatArray, within: FloatArray, weeks: float) -> FloatArray:
    """Find how the hazard grows with time, from the chance of a purchase in one week and in several.

    Args:
        weekly: In one week, in (0, 1). Shape ``[P]``.
        within: In all of them, in (0, 1). Shape ``[P]``.
        weeks: How many; with one or less nothing tells, and the weeks count as independent.

    Returns:
        Shape ``[P]``, in [0, `MOST_GROWTH`].
    """
    if weeks <= 1.0:
        return np.ones(len(weekly))
    ratio = np.log1p(-within) / np.log1p(-weekly)
    return np.asarray(np.clip(np.log(ratio) / np.log(weeks), 0.0, MOST_GROWTH), dtype=np.float64)


def in_one_week(within: FloatArray, weeks: float) -> FloatArray:
    """Turn the chance of a purchase in some weeks, or a part of one, into that of a week. ``[P]``."""
    return np.asarray(-np.expm1(np.log1p(-within) / weeks), dtype=np.float64)


@dataclass(frozen=True)
class Horizon:
    """The weeks that an offer is for.

    Args:
        weeks: How many. An offer holds for each purchase in them; a week with a purchase is one unit.
        growth: Of the hazard of each pair, see `growth_of`. Shape ``[P]``.
    """

    weeks: int = 1
    growth: FloatArray | float = 1.0

    def reached(self, weekly: FloatArray) -> FloatArray:
        """Turn the chance of a purchase in a week into that of at least one in all weeks. ``[P]``."""
        if self.weeks == 1:
            return weekly
        with np.errstate(divide="ignore"):  # what is certain in a week stays so
            hazard = np.log1p(-np.asarray(weekly, dtype=np.float64))
        return np.asarray(-np.expm1(hazard * self.weeks**self.growth), dtype=np.float64)
