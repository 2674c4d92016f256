"""Which pair gets which level when the budget does not reach for all: a multiple-choice knapsack.

Maximise ``sum V_ij x_ij`` subject to ``sum s_ij x_ij <= B`` and one level per pair, by its Lagrangian dual
(Sinha & Zoltners, 1979; Albert & Goldenberg, CIKM 2022): for a price of budget ``lambda`` each pair takes
``argmax_j V_ij - lambda s_ij``, and the spend falls as lambda rises. What is left over is spent greedily.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.errors import InputError
from graphrec.offers.economics import BoolArray, FloatArray

IntArray = npt.NDArray[np.int64]

BISECTIONS = 200
"""At most; lambda is known to 12 digits before that unless the spends differ by many orders."""


@dataclass(frozen=True)
class Allocation:
    """The chosen levels.

    Args:
        level: Index of each pair's level. Shape ``[P]``.
        value: Sum of the chosen values.
        spend: Sum of the chosen spends, at most the budget.
        budget_price: Lambda: what one more unit of budget would be worth; 0 if the budget does not bind.
    """

    level: IntArray
    value: float
    spend: float
    budget_price: float


def allocate(
    value: FloatArray,
    spend: FloatArray,
    budget: float | None = None,
    allowed: BoolArray | None = None,
) -> Allocation:
    """Choose one level per pair; never over the budget.

    The value falls short of the optimum by less than that of one pair's best level.

    Args:
        value: Value of each level, any sign. Shape ``[P, R]``.
        spend: Spend of each level, not negative; level 0 spends nothing. Shape ``[P, R]``.
        budget: Upper bound of the total spend; none if missing.
        allowed: Levels that may be chosen; level 0 always may. Shape ``[P, R]`` or ``[R]``.

    Raises:
        InputError: If the budget is negative or not a number.
        ValueError: If a value or spend is not finite, a spend negative, or level 0 is not free.
    """
    if budget is not None:
        check_budget(budget)
    if not (np.isfinite(value).all() and np.isfinite(spend).all()):
        raise ValueError("values and spends must be finite")
    if (spend < 0).any() or (spend[:, 0] != 0).any():
        raise ValueError("spends must not be negative, and level 0 must spend nothing")
    masked = np.array(value, dtype=np.float64)
    if allowed is not None:
        masked[:, 1:][~np.broadcast_to(allowed, value.shape)[:, 1:]] = -np.inf
    level, price = _dual(masked, spend, math.inf if budget is None else budget)
    if budget is not None and price > 0:
        level = _spend_rest(level, masked, spend, budget)
    return Allocation(level, _total(value, level), _total(spend, level), price)


def check_budget(budget: float) -> None:
    """Refuse a negative or missing budget.

    Raises:
        InputError: If it is one.
    """
    if not budget >= 0.0:
        raise InputError(
            f"{budget} is not a budget", column="budget", mend="give an amount of money, 0 or more"
        )


def _best(value: FloatArray, spend: FloatArray, price: float) -> IntArray:
    """Each pair's best level at a price of budget; the cheapest of equals. Shape ``[P]``."""
    net = value - price * spend
    cheapest = np.where(net == net.max(axis=1, keepdims=True), spend, np.inf)
    return np.asarray(cheapest.argmin(axis=1), dtype=np.int64)


def _dual(value: FloatArray, spend: FloatArray, budget: float) -> tuple[IntArray, float]:
    """Bisect lambda; returns a choice within the budget and the lambda it was made at."""
    level = _best(value, spend, 0.0)
    if _total(spend, level) <= budget:
        return level, 0.0
    # At the steepest gain per spend nobody pays for anything: the upper end is within any budget
    free = np.where(spend > 0, -np.inf, value)
    level = free.argmax(axis=1)
    gain = value - free.max(axis=1, keepdims=True)
    with np.errstate(over="ignore"):
        steepest = np.divide(gain, spend, out=np.zeros_like(gain), where=spend > 0).max()
    low, high = 0.0, float(min(steepest, 1e100))
    for _ in range(BISECTIONS):
        if high - low <= 1e-12 * high:
            break
        middle = (low + high) / 2.0
        trial = _best(value, spend, middle)
        if _total(spend, trial) <= budget:
            level, high = trial, middle
        else:
            low = middle
    return level, high


def _spend_rest(level: IntArray, value: FloatArray, spend: FloatArray, budget: float) -> IntArray:
    """Move pairs to better levels, most value per spend first, until nothing more fits."""
    pairs = np.arange(len(level))
    level, moved = level.copy(), True
    while moved:
        moved, rest = False, budget - _total(spend, level)
        gain = value - value[pairs, level][:, None]
        cost = spend - spend[pairs, level][:, None]
        useful = (gain > 0) & (cost <= rest)
        with np.errstate(over="ignore"):
            ratio = np.where(useful, gain / np.maximum(cost, 1e-300), -np.inf)
        target = ratio.argmax(axis=1)
        movable = np.flatnonzero(useful.any(axis=1))
        for pair in movable[np.argsort(-ratio[movable, target[movable]], kind="stable")]:
            if cost[pair, target[pair]] <= rest:
                rest -= float(cost[pair, target[pair]])
                level[pair], moved = target[pair], True
    while _total(spend, level) > budget:  # the last bits of a long running sum
        level[spend[pairs, level].argmax()] = 0
    return level


def _total(amount: FloatArray, level: IntArray) -> float:
    """Exactly rounded sum of the chosen entries."""
    return math.fsum(amount[np.arange(len(level)), level])
