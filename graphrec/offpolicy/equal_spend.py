"""Policies made comparable: each is turned up or down until it spends the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphrec.arrays import FloatArray
from graphrec.offers.budget.budgets import Budget, check_budget
from graphrec.offers.decide import decide
from graphrec.offers.levels import LEVELS
from graphrec.offers.pairs import Pairs
from graphrec.offers.policies.base import Policy

STEPS = 45
"""Halvings of a scale; each halves the error."""
STEEPEST = 1.0 - 1e-9
"""The largest slope that a rule takes."""


def scaled_rule(
    rule: Callable[[float], Policy], pairs: Pairs, budget: float, most: float = STEEPEST
) -> FloatArray:
    """Find the rates of a rule at the largest scale whose spend keeps to the budget.

    Args:
        rule: Makes the rule of a scale, as `LinearRate` does of a slope.
        pairs: With the curves that the spend is counted with.
        budget: Money.
        most: The largest scale to try.

    Returns:
        Rates within the limits of the pairs. Shape ``[P]``.

    Raises:
        InputError: If the budget is negative.
    """
    check_budget(budget)

    def rates(scale: float) -> FloatArray:
        return decide(rule(scale), pairs, Budget()).rate

    return rates(_largest(lambda scale: float(pairs.spend(rates(scale)).sum()), budget, most, STEPS))


def controlled(
    policy: Policy, pairs: Pairs, spend: Callable[[FloatArray], float], budget: float
) -> FloatArray:
    """Find the rates whose true spend comes nearest to the budget from below, by turning the planned budget.

    A policy counts with predicted spends and so misses the budget a little; a shop sees what it spent and
    corrects. This is that correction in the limit.

    Args:
        policy: Chooses the rates within a planned budget.
        pairs: With the curves that it plans with.
        spend: True spend of rates.
        budget: What may be spent.

    Returns:
        Rates. Shape ``[P]``.
    """

    def rates(scale: float) -> FloatArray:
        return decide(policy, pairs, Budget(scale * budget)).rate

    return rates(_largest(lambda scale: spend(rates(scale)), budget, 4.0, steps=14))


def agreed_profit(views: Sequence[Pairs], levels: tuple[float, ...] = LEVELS) -> FloatArray:
    """Find the level whose profit is best by the most doubtful of several responses.

    It is 0 where one expects a loss. Few pairs repay a discount, and those that seem to are where a single
    response errs upwards. Responses fitted to different parts of a log do not err alike.

    Args:
        views: The same pairs with the curves of each response, aiming at profit; at least one.
        levels: Allowed rates, the first one 0.

    Returns:
        Rates. Shape ``[P]``.
    """
    profits = [pairs.choices(levels).value for pairs in views]
    rates: FloatArray = np.asarray(levels)[np.min(profits, axis=0).argmax(axis=1)]
    return rates


def _largest(spend: Callable[[float], float], budget: float, high: float, steps: int) -> float:
    """Find the largest argument up to `high` whose spend, which rises with it, keeps to the budget."""
    if spend(high) <= budget:
        return high
    low = 0.0
    for _ in range(steps):
        middle = (low + high) / 2.0
        low, high = (middle, high) if spend(middle) <= budget else (low, middle)
    return low
