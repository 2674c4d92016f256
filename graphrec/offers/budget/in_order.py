"""How far a budget goes when offers are made one after another."""

from __future__ import annotations

import numpy as np

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.offers.budget.budgets import Budget, check_budget

ROUNDING = 1e-12
"""A sum this far above a budget, relative to it, is at it: sums depend on their order."""


def affordable(order: IntArray, spend: FloatArray, given: BoolArray, budget: Budget) -> BoolArray:
    """Find the offers that are made when one goes down an order until a budget or a user's quota is gone.

    Args:
        order: Numbers of the pairs, the first to be served first. Shape ``[P]``.
        spend: What each offer costs, in money. Shape ``[P]``.
        given: Which pairs are to get an offer. Shape ``[P]``.
        budget: What they may cost together.

    Returns:
        Shape ``[P]``.

    Raises:
        InputError: If the budget is negative.
    """
    kept = given.copy()
    if budget.cap is not None:
        cap = budget.cap
        rank = _running(order, kept.astype(np.float64), cap.user)
        most = np.asarray(cap.offers) if isinstance(cap.offers, int) else cap.offers[cap.user]
        kept &= rank <= most
    for family in budget.groups:
        running = _running(order, np.where(kept, spend, 0.0), family.group + 1)
        kept &= running <= np.append(np.inf, family.budget)[family.group + 1] * (1 + ROUNDING)
    if budget.total is not None:
        check_budget(budget.total)
        running = _running(order, np.where(kept, spend, 0.0), np.zeros(len(order), dtype=np.int64))
        kept &= running <= budget.total * (1 + ROUNDING)
    return kept


def _running(order: IntArray, amount: FloatArray, group: IntArray) -> FloatArray:
    """Sum within each group up to and with each pair, in an order. Shape ``[P]``."""
    sequence = order[np.argsort(group[order], kind="stable")]
    running = np.empty(len(order))
    for part in np.split(sequence, np.flatnonzero(np.diff(group[sequence])) + 1):
        running[part] = np.cumsum(amount[part])
    return running
