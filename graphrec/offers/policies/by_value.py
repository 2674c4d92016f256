"""Policies that look at what an offer is worth: each takes one of a few levels for each decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphrec.offers.budget.budgets import Budget
from graphrec.offers.budget.in_order import affordable
from graphrec.offers.choices import Choices
from graphrec.offers.decision import Chosen
from graphrec.offers.policies.base import LevelPolicy
from graphrec.offers.reasons import Reason


@dataclass(frozen=True)
class Knapsack(LevelPolicy):
    """The levels with the highest total value within all budgets: `graphrec.offers.budget.knapsack`."""

    name: ClassVar[str] = "knapsack"

    def choose(self, choices: Choices, budget: Budget) -> Chosen:
        """Choose the levels of the highest total value."""
        from graphrec.offers.budget.knapsack import allocate  # torch, which the help does without

        found = allocate(
            choices.value, choices.spend, budget.total, choices.allowed, budget.groups, budget.cap
        )
        return Chosen(found.level, Reason.BEST_LEVEL, found.budget_price)


@dataclass(frozen=True)
class ExpectedProfit(Knapsack):
    """The level with the best expected value, pair by pair; under a budget it is the knapsack."""

    name: ClassVar[str] = "expected_profit"


@dataclass(frozen=True)
class GreedyROI(LevelPolicy):
    """Each pair's level with the most value per spend, the best returns first until the budget is gone.

    What many shops do; unlike the knapsack it never moves a pair to a deeper level that still pays.
    """

    name: ClassVar[str] = "greedy_roi"

    def choose(self, choices: Choices, budget: Budget) -> Chosen:
        """Choose the levels of the best returns, as far as the budget goes."""
        value, spend = choices.value, choices.spend
        useful = choices.allowed & (value > 0) & (spend > 0)
        ratio = np.divide(value, spend, out=np.full_like(value, -np.inf), where=useful)
        level, rows = ratio.argmax(axis=1), np.arange(len(ratio))
        best = ratio[rows, level]
        level = np.where(np.isfinite(best), level, 0)
        order = np.argsort(-best, kind="stable")
        within = affordable(order, spend[rows, level], level > 0, budget)
        return Chosen(np.where(within, level, 0), Reason.BEST_RETURN)
