"""Policies made comparable: each is turned up or down until it spends the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphrec.arrays import FloatArray
from graphrec.errors import InputError
from graphrec.offers.budget.budgets import check_budget
from graphrec.offers.budget.knapsack import allocate
from graphrec.offers.economics import Economics
from graphrec.response.curves import Response

STEPS = 60
"""Halvings of the scale; each halves the error."""


def scaled_rule(
    shape: FloatArray,
    price: FloatArray,
    response: Response,
    economics: Economics,
    budget: float,
    max_rate: float = 0.3,
) -> FloatArray:
    """Rates ``min(c · shape, max_rate)`` with the largest ``c`` whose spend keeps to the budget.

    Args:
        shape: What the rule makes the rate proportional to, not negative. Shape ``[P]``.
        price: Regular prices. Shape ``[P]``.
        response: Curves that the spend is counted with.
        economics: Funding of the discounts.
        budget: Money.
        max_rate: Cap, in [0, 1).

    Returns:
        Rates. Shape ``[P]``.

    Raises:
        InputError: If the budget is negative or a shape is.
    """
    check_budget(budget)
    if not ((shape >= 0) & np.isfinite(shape)).all():
        raise InputError(
            "a rule needs finite numbers that are not negative", column="shape", hint="shift them"
        )

    def rates(scale: float) -> FloatArray:
        return np.minimum(scale * shape, max_rate)

    def spend(scale: float) -> float:
        given = rates(scale)
        return float(economics.spend(response.probability(given), price, given).sum())

    smallest = shape[shape > 0].min(initial=np.inf)
    if not np.isfinite(smallest):
        return np.zeros_like(shape)
    return rates(_largest(spend, budget, max_rate / float(smallest)))


def best_levels(
    response: Response,
    price: FloatArray,
    levels: tuple[float, ...],
    economics: Economics,
    budget: float,
    objective: str = "units",
) -> FloatArray:
    """Rates of the knapsack on a response: most units, or most profit, within the budget.

    Args:
        response: Curves that value and spend are counted with.
        price: Regular prices. Shape ``[P]``.
        levels: Allowed rates, the first one 0.
        economics: Margin and funding.
        budget: Money, by the response's own count.
        objective: ``units`` or ``profit``.

    Returns:
        Rates. Shape ``[P]``.

    Raises:
        InputError: If the objective has another name or the budget is negative.
    """
    value, spend = worth(response, price, levels, economics, objective)
    return np.asarray(levels)[np.asarray(allocate(value, spend, budget).level)]


def worth(
    response: Response,
    price: FloatArray,
    levels: tuple[float, ...],
    economics: Economics,
    objective: str = "units",
) -> tuple[FloatArray, FloatArray]:
    """Increment in the objective and spend of each level. Both ``[P, R]``.

    Raises:
        InputError: If the objective has another name.
    """
    if objective not in ("units", "profit"):
        hint = "choose units or profit"
        raise InputError(f"there is no objective '{objective}'", column="objective", hint=hint)
    rates, bought = np.asarray(levels)[None, :], response.curve(levels)
    value = bought if objective == "units" else economics.profit(bought, price[:, None], rates)
    return value - value[:, :1], economics.spend(bought, price[:, None], rates)


def greedy_roi(
    response: Response,
    price: FloatArray,
    levels: tuple[float, ...],
    economics: Economics,
    budget: float,
) -> FloatArray:
    """One level for all who get an offer: pairs of most units per spend first, until the budget is spent.

    This is targeting with a single treatment; of the levels, the one that promises most units is taken.

    Returns:
        Rates. Shape ``[P]``.

    Raises:
        InputError: If the budget is negative.
    """
    check_budget(budget)
    value, spend = worth(response, price, levels, economics)
    best, rate = 0.0, np.zeros(len(price))
    for number in range(1, len(levels)):
        gain, cost = value[:, number], spend[:, number]
        order = np.argsort(-np.divide(gain, cost, out=np.zeros_like(gain), where=cost > 0), kind="stable")
        taken = order[cost[order].cumsum() <= budget]
        if gain[taken].sum() > best:
            best, rate = float(gain[taken].sum()), np.zeros(len(price))
            rate[taken] = levels[number]
    return rate


def agreed_profit(
    responses: Sequence[Response], price: FloatArray, levels: tuple[float, ...], economics: Economics
) -> FloatArray:
    """The level whose profit is best by the most doubtful of several responses; 0 where one expects a loss.

    Few pairs repay a discount, and those that seem to are where a single response errs upwards. Responses
    fitted to different parts of a log do not err alike.

    Args:
        responses: Curves of the same pairs, at least one.
        price: Regular prices. Shape ``[P]``.
        levels: Allowed rates, the first one 0.
        economics: Margin and funding.

    Returns:
        Rates. Shape ``[P]``.
    """
    profits = [worth(response, price, levels, economics, "profit")[0] for response in responses]
    rates: FloatArray = np.asarray(levels)[np.min(profits, axis=0).argmax(axis=1)]
    return rates


def controlled(
    plan: Callable[[float], FloatArray], spend: Callable[[FloatArray], float], budget: float
) -> FloatArray:
    """The plan whose true spend comes nearest to the budget from below, by turning the planned budget.

    A plan counts with predicted spends and so misses the budget a little; a shop sees what it spent and
    corrects. This is that correction in the limit.

    Args:
        plan: Rates from a planned budget.
        spend: True spend of rates.
        budget: What may be spent.
    """
    scale = _largest(lambda factor: spend(plan(factor * budget)), budget, 4.0, steps=14)
    return plan(scale * budget)


def _largest(spend: Callable[[float], float], budget: float, high: float, steps: int = STEPS) -> float:
    """Largest argument up to `high` whose spend, which rises with it, keeps to the budget."""
    if spend(high) <= budget:
        return high
    low = 0.0
    for _ in range(steps):
        middle = (low + high) / 2.0
        low, high = (middle, high) if spend(middle) <= budget else (low, middle)
    return low
