"""Policies that look at what an offer is worth: each takes one of a few levels for each decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from graphrec.offers.budget.budgets import Budget
from graphrec.offers.budget.in_order import affordable
from graphrec.offers.decision import Chosen
from graphrec.offers.policies.base import LevelPolicy
from graphrec.offers.reasons import Reason

if TYPE_CHECKING:
    from graphrec.offers.choices import Choices


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
    """One depth for all who get an offer, the best returns on spend first until the budget is gone.

    What many shops do: targeting with a single treatment. Of the depths, the one that brings most is taken;
    where a limit is below it, the deepest level that is allowed. Unlike the knapsack it tells nobody apart
    by how deep a discount has to be.
    """

    name: ClassVar[str] = "greedy_roi"

    def choose(self, choices: Choices, budget: Budget) -> Chosen:
        """Choose the depth that brings most, and who gets it."""
        rows = np.arange(len(choices.value))
        below = np.maximum.accumulate(np.where(choices.allowed, np.arange(choices.value.shape[1]), 0), axis=1)
        level, most = np.zeros(len(rows), dtype=np.int64), 0.0
        for depth in below[:, 1:].T:
            value, spend = choices.value[rows, depth], choices.spend[rows, depth]
            free = np.full_like(value, np.inf)  # what costs nothing comes first
            returns = np.divide(value, spend, out=free, where=spend > 0)
            given = affordable(np.argsort(-returns, kind="stable"), spend, value > 0, budget)
            if (brought := float(value[given].sum())) > most:
                level, most = np.where(given, depth, 0), brought
        return Chosen(level, Reason.BEST_RETURN)
