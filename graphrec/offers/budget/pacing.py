"""Deciding offers as shoppers arrive: the multiplier of yesterday, and a controller that keeps to the budget.

The dual price of budget found offline (`Allocation.budget_price`) is frozen; each arriving pair takes
``argmax_j V_j - lambda s_j``, which needs no other pair. Traffic is never what it was. A
proportional-integral controller therefore raises the price while spend is ahead of its plan and lowers it
while it is behind. The pacing of Meituan's coupons, arXiv 2406.05987, is of this kind. The budget itself is
a hard stop.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.errors import InputError, check_at_least
from graphrec.offers.budget.budgets import check_budget

LIMIT = 3.0
"""The price is never moved by more than a factor ``e^3`` of the frozen one."""


def paced(
    price: float,
    budget: float,
    periods: int,
    ends: Iterable[float],
    proportional: float = 0.5,
    integral: float = 0.1,
) -> float:
    """Give the price of budget after some periods, from what was spent by the end of each.

    It depends on nothing else, so that all processes that count the same money find the same price.

    Args:
        price: Frozen multiplier, above 0.
        budget: Of all periods together, in money.
        periods: Into how many the budget is divided.
        ends: All that was spent by the end of each period so far, in money.
        proportional: Change of the log price per period's worth of spend that is ahead of the plan.
        integral: The same for the sum over the periods so far.
    """
    each = max(budget / periods, 1e-12)
    ahead = total = 0.0
    for period, spent in enumerate(ends, start=1):
        ahead = spent / each - period
        total += ahead
    return price * float(np.exp(np.clip(proportional * ahead + integral * total, -LIMIT, LIMIT)))


@dataclass
class SpendControl:
    """Spends a budget evenly over periods.

    Args:
        budget: Of all periods together, in money.
        price: Frozen multiplier, above 0.
        periods: Number of periods, as hours of a day.
        proportional: Change of the log price per period's worth of spend that is ahead of the plan.
        integral: The same for the sum over the periods so far.

    Raises:
        InputError: If one is outside its range.
    """

    budget: float
    price: float
    periods: int
    proportional: float = 0.5
    integral: float = 0.1
    spent: float = field(default=0.0, init=False)
    _ends: list[float] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """Check each."""
        check_budget(self.budget)
        check_at_least(1, periods=self.periods)
        check_at_least(0, proportional=self.proportional, integral=self.integral)
        if not self.price > 0.0:
            hint = "give the budget_price of an allocation that its budget binds"
            raise InputError(f"{self.price} is no price of budget", column="price", hint=hint)

    @property
    def period(self) -> int:
        """How many periods are over."""
        return len(self._ends)

    @property
    def multiplier(self) -> float:
        """The price of budget now."""
        gains = self.proportional, self.integral
        return paced(self.price, self.budget, self.periods, self._ends, *gains)

    def choose(self, value: FloatArray, spend: FloatArray, allowed: BoolArray | None = None) -> IntArray:
        """Choose the levels of arriving pairs at the present price; none once the budget is gone.

        Args:
            value: Value of each level. Shape ``[P, R]``.
            spend: Spend of each level, level 0 free. Shape ``[P, R]``.
            allowed: Levels that may be chosen; level 0 always may. Shape ``[P, R]``.

        Returns:
            Shape ``[P]``. The pairs' order is that of arrival: the last ones find the budget gone.
        """
        net = value - self.multiplier * spend
        if allowed is not None:
            net[:, 1:] = np.where(allowed[:, 1:], net[:, 1:], -np.inf)
        level = net.argmax(axis=1)
        cost = spend[np.arange(len(level)), level]
        within = np.cumsum(cost) <= self.budget - self.spent
        level = np.where(within, level, 0)
        self.spent += float(cost[within].sum())
        return np.asarray(level, dtype=np.int64)

    def close_period(self) -> None:
        """Compare what was spent with the plan and set the price of the next period."""
        self._ends.append(self.spent)
