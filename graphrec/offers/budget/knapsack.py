"""Which pair gets which level when the budget does not reach for all: a multiple-choice knapsack.

Maximise ``sum V_ij x_ij`` subject to ``sum s_ij x_ij <= B``, one level per pair, budgets of groups of pairs,
and at most n offers per user. It is solved by its Lagrangian dual (Sinha & Zoltners, 1979; Albert &
Goldenberg, CIKM 2022): at a price of budget ``lambda`` each pair takes ``argmax_j V_ij - lambda s_ij``. A
pair's choices for all prices are the corners of its concave hull (`graphrec.offers.budget.hull`), so the
dual's optimum is a choice among steps, steepest first. A group's own multiplier is the slope at which its
budget is gone; as groups do not overlap, the choice with a total budget on top stays exact. What is left over
is spent greedily.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.offers.budget.budgets import GroupBudget, UserCap, check_budget
from graphrec.offers.budget.hull import Steps, hull_steps, take_steepest
from graphrec.offers.budget.leftover import spend_leftover
from graphrec.offers.budget.user_cap import choose_pairs, order_by_user

SWEEPS = 12
"""How often prices and pairs are matched to each other where groups and a cap per user meet."""

NEAR = 50_000
"""Pairs whose next steps are the steepest: among these the leftover is spent."""


@dataclass(frozen=True)
class Allocation:
    """The chosen levels.

    Args:
        level: Index of each pair's level. Shape ``[P]``.
        value: Sum of the chosen values.
        spend: Sum of the chosen spends, at most the budget.
        budget_price: Lambda: what one more unit of budget would be worth; 0 if the budget does not bind.
        group_price: The same for each group of each `GroupBudget`, in order. Shapes ``[G]``.
    """

    level: IntArray
    value: float
    spend: float
    budget_price: float
    group_price: tuple[FloatArray, ...] = ()


def allocate(
    value: FloatArray | Tensor,
    spend: FloatArray | Tensor,
    budget: float | None = None,
    allowed: BoolArray | None = None,
    group_budgets: Sequence[GroupBudget] = (),
    cap: UserCap | None = None,
) -> Allocation:
    """Choose one level per pair; never over a budget.

    The value falls short of the optimum by less than that of one pair's best level per budget that binds.
    That holds with at most one family of groups and no cap. With more, the choice is good, but without that
    bound.

    Args:
        value: Value of each level, any sign; float32 or float64, NumPy or torch, on any device.
            Shape ``[P, R]``.
        spend: Spend of each level, not negative; level 0 spends nothing. Shape ``[P, R]``.
        budget: Upper bound of the total spend; none if missing.
        allowed: Levels that may be chosen; level 0 always may. Shape ``[P, R]`` or ``[R]``.
        group_budgets: Families of groups with budgets of their own, below the total.
        cap: At most so many offers per user.

    Raises:
        InputError: If the budget is negative or not a number.
        ValueError: If a value or spend is not finite, a spend negative, or level 0 is not free.
    """
    if budget is not None:
        check_budget(budget)
    values, spends = _checked(value, spend, allowed)
    total = math.inf if budget is None else budget
    steps = hull_steps(values, spends)
    if cap is None:
        chosen = torch.ones_like(steps.start, dtype=torch.bool)
        kept, prices = _within(steps, steps.taken, total, group_budgets)
    else:
        chosen, kept, prices = _within_cap(steps, total, group_budgets, cap)
    level = torch.where(chosen, steps.level(kept), 0).cpu().numpy()
    if any(price > 0 for family in prices for price in family):
        near = steps.next_slope(kept).topk(min(NEAR, len(level))).indices.cpu().numpy()
        level = spend_leftover(level, values, spends, total, group_budgets, cap, np.sort(near))
    picked = torch.as_tensor(level, device=values.device)[:, None]
    worth, cost = (_total(table.gather(1, picked)[:, 0]) for table in (values, spends))
    return Allocation(level, worth, cost, float(prices[-1][0]), tuple(prices[:-1]))


def _checked(
    value: FloatArray | Tensor, spend: FloatArray | Tensor, allowed: BoolArray | None
) -> tuple[Tensor, Tensor]:
    """Make both tensors of one type and device, with minus infinity where a level is not allowed."""
    values, spends = torch.as_tensor(value), torch.as_tensor(spend)
    if not (torch.isfinite(values).all() and torch.isfinite(spends).all()):
        raise ValueError("values and spends must be finite")
    if (spends < 0).any() or (spends[:, 0] != 0).any():
        raise ValueError("spends must not be negative, and level 0 must spend nothing")
    if allowed is not None:
        mask = torch.as_tensor(allowed, device=values.device).expand(values.shape).clone()
        mask[:, 0] = True
        values = values.masked_fill(~mask, -math.inf)
    return values, spends


def _within(
    steps: Steps, kept: Tensor, total: float, families: Sequence[GroupBudget]
) -> tuple[Tensor, list[FloatArray]]:
    """Keep those of the `kept` steps that are within every budget, and find the prices, the total's last."""
    prices: list[FloatArray] = []
    flat = kept.flatten()
    for family in families:
        price = np.zeros(len(family.budget))
        group = torch.as_tensor(family.group, device=kept.device).expand(kept.shape).flatten()
        for index, budget in enumerate(family.budget):
            flat, price[index] = _steepest(steps, flat, flat & (group == index), float(budget))
        prices.append(price)
    price = np.zeros(1)
    if total < math.inf:
        flat, price[0] = _steepest(steps, flat, flat, total)
    return flat.reshape(kept.shape), [*prices, price]


def _steepest(steps: Steps, kept: Tensor, mine: Tensor, budget: float) -> tuple[Tensor, float]:
    """Keep of `mine` the steepest steps within a budget, and the rest of `kept`. Masks ``[S P]``."""
    place = mine.nonzero()[:, 0]
    taken, price = take_steepest(steps.slope.flatten()[place], steps.cost.flatten()[place], budget)
    return kept.index_put((place,), taken), price


def _within_cap(
    steps: Steps, total: float, families: Sequence[GroupBudget], cap: UserCap
) -> tuple[Tensor, Tensor, list[FloatArray]]:
    """Choose the pairs and do the same: prices choose at most so many per user, and the pairs make prices."""
    order = order_by_user(cap.user, cap.offers, steps.slope.device)
    chosen = choose_pairs(steps, order, total)
    kept, prices = _within(steps, chosen & steps.taken, total, families)
    best, pair_price = (chosen, kept, prices), _pair_price(prices, families)
    for sweep in range(SWEEPS if families else 0):
        chosen = order.best(steps.reduced(torch.as_tensor(pair_price, device=kept.device)))
        kept, prices = _within(steps, chosen & steps.taken, total, families)
        if steps.value(kept) > steps.value(best[1]):
            best = (chosen, kept, prices)
        pair_price += (_pair_price(prices, families) - pair_price) / (1 + sweep / 2)
    return best


def _pair_price(prices: list[FloatArray], families: Sequence[GroupBudget]) -> FloatArray:
    """Find the price of spend for each pair: the dearest of the budgets it draws on. Shape ``[P]``."""
    pair = np.full(len(families[0].group) if families else 1, prices[-1][0])
    for family, price in zip(families, prices, strict=False):
        pair = np.maximum(pair, np.append(price, 0.0)[family.group])
    return pair


def _total(amount: Tensor) -> float:
    """Compute the exactly rounded sum."""
    return math.fsum(amount.double().tolist())
