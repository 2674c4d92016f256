"""What a policy of levels chooses from: the rate, the worth and the cost of each level of each decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrec.arrays import AnyArray, BoolArray, FloatArray, IntArray
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.decision import Chosen, Decision
from graphrec.offers.levels import Levels
from graphrec.offers.limits.rates import Limit, limit_reasons
from graphrec.offers.reasons import Reason, chosen, everywhere


@dataclass(frozen=True)
class Choices:
    """``D`` decisions of ``R`` levels each. A decision is on a pair, or on a coupon of several pairs.

    Level 0 is no offer: its rate, value and spend are 0, and it may always be used.

    Args:
        rates: Of each level for each pair. Shape ``[P, R]``.
        value: What each level brings to the objective over no offer, in money or units. Shape ``[D, R]``.
        spend: What it is expected to cost, in money. Shape ``[D, R]``.
        allowed: Which levels may be used. Shape ``[D, R]``.
        within_limits: The same before offers on one item were brought together. Shape ``[D, R]``.
        members: Decision of each pair, if that is not the pair's own. Shape ``[P]``.
        limits: Which limits say so.
        kind: Kind of promotion.
    """

    rates: FloatArray
    value: FloatArray
    spend: FloatArray
    allowed: BoolArray
    within_limits: BoolArray
    members: IntArray | None
    limits: list[Limit]
    kind: Levels

    def pooled(self, budget: Budget) -> Budget:
        """Turn the budget of the pairs into one of the decisions."""
        return self.kind.pooled_budget(budget)

    def best(self, allowed: BoolArray | None = None) -> IntArray:
        """Find the level of the highest value, the first of equals. Shape ``[D]``."""
        value = self.value if allowed is None else np.where(allowed, self.value, -np.inf)
        return np.asarray(value.argmax(axis=1), dtype=np.int64)

    def decision(self, found: Chosen, budget: Budget) -> Decision:
        """Write chosen levels as rates of the pairs, each with the reason why it is not another one.

        Args:
            found: The levels.
            budget: What the offers may cost together.
        """
        rows = np.arange(len(self.rates))
        member = rows if self.members is None else self.members
        level, wished = found.level[member], self.best()[member]
        free, near = self.best(self.within_limits)[member], self.best(self.allowed)[member]
        rate, without_budget = self.rates[rows, level], self.rates[rows, near]
        reason = _reasons(found.reason, rate, without_budget, budget)
        reason = chosen((near != free) & (level == near), Reason.SPREAD_TOO_FAR, reason)
        capped = (self.rates[rows, wished] > self.rates[rows, free]) & (level == free)
        return Decision(
            rate,
            limit_reasons(self.limits, capped, reason),
            asked=without_budget,
            gain=self.value[np.arange(len(found.level)), found.level][member],
            levels=self.rates.shape[1],
            budget_price=found.budget_price,
        )


def _reasons(best: Reason, rate: FloatArray, without_budget: FloatArray, budget: Budget) -> AnyArray:
    """Tell why each level was chosen, as far as a budget tells. Shape ``[P]``."""
    money, given = budget.is_money, rate > 0
    reason = everywhere(Reason.BUDGET_ELSEWHERE if money else Reason.CAP_ELSEWHERE, len(rate))
    reason = chosen(given, Reason.BUDGET_LOWERS if money else Reason.CAP_LOWERS, reason)
    as_wished = rate == without_budget
    if best is not Reason.BEST_LEVEL:  # the highest value was not what was looked for
        as_wished |= given
    reason = chosen(as_wished & given, best, reason)
    reason = chosen(as_wished & ~given, Reason.NO_LEVEL_PAYS, reason)
    return everywhere(best, len(rate)) if best is Reason.NO_DISCOUNT else reason
