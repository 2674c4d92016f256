"""A shop of the simulator: its market, what it has learned there, and what its policies bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from graphrec.errors import check_above
from graphrec.offers.economics import Economics
from graphrec.offers.policies.by_value import Knapsack
from graphrec.offpolicy.market import Market, draw_market
from graphrec.offpolicy.market_facts import MarketFacts
from graphrec.offpolicy.shop.learned import Fitted, fit_response
from graphrec.offpolicy.shop.policies import (
    HIDDEN_DRAWS,
    WORST_CASE,
    articles_budget,
    at_spend,
    averaged,
    judged,
    rates,
)
from graphrec.offpolicy.simulator import even_propensities, simulate_log
from graphrec.response.curves import Response


@dataclass(frozen=True)
class Shop:
    """A shop that has given random discounts for some weeks and has learned from them.

    Args:
        facts: What the market was drawn from.
        market: The market, with a truth that the shop does not see.
        fitted: What the shop has learned.
        seed: Of the market and of all draws.
        economics: Margin and funding.
    """

    facts: MarketFacts
    market: Market
    fitted: Fitted
    seed: int
    economics: Economics = WORST_CASE

    @classmethod
    def opened(
        cls,
        facts: MarketFacts,
        seed: int = 0,
        pairs: int | None = None,
        weeks: int = 10,
        hidden_sigma: float | None = None,
        economics: Economics = WORST_CASE,
    ) -> Shop:
        """Draw a market, give random discounts there, and learn the response.

        Args:
            facts: From `graphrec.offpolicy.market_facts.market_facts`.
            seed: The same seed gives the same shop.
            pairs: See `draw_market`.
            weeks: Of random discounts.
            hidden_sigma: See `draw_market`.
            economics: Margin and funding.
        """
        market = draw_market(facts, seed, pairs, hidden_sigma)
        log = simulate_log(market, even_propensities(len(market)), weeks, seed)
        return cls(facts, market, fit_response(market, log, seed), seed, economics)

    @property
    def response(self) -> Response:
        """The learned curves of the market's pairs."""
        return self.fitted.response(self.market)

    @property
    def budget(self) -> float:
        """What the articles' rule spends: the budget at which policies are compared."""
        return articles_budget(self.market, self.economics)

    def budget_curve(self, parts: Sequence[float] = (0.25, 0.5, 1.0, 1.5, 2.0)) -> pd.DataFrame:
        """Count what each policy brings at each of several budgets.

        Args:
            parts: The budgets, each above 0, in budgets of the articles' rule.

        Returns:
            The rows of `judged` for each budget, with ``part`` and ``budget`` (money) in front.

        Raises:
            InputError: If a budget is not above 0.
        """
        found = []
        for part in parts:
            check_above(0, part=part)
            budget = part * self.budget
            given = rates(self.market, self.response, budget, self.economics)
            table = judged(self.market, given, self.economics)
            table.insert(0, "part", part)
            table.insert(1, "budget", budget)
            found.append(table)
        return pd.concat(found, ignore_index=True)

    def ceiling(self, draws: int = HIDDEN_DRAWS) -> pd.DataFrame:
        """Judge the policies and, beside them, the ``ceiling`` of what can be learned.

        It is the knapsack of somebody who knows the law of the market, but not what is hidden.

        Args:
            draws: Over which the hidden part is averaged.

        Returns:
            The rows of `judged`, at the articles' budget.
        """
        given = rates(self.market, self.response, self.budget, self.economics)
        known = averaged(self.facts, self.market, self.seed, len(self.market), draws)
        given["ceiling"] = at_spend(Knapsack(), self.market, known, self.budget, self.economics)
        return judged(self.market, given, self.economics)
