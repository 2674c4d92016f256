"""Policies in a market whose response is known: their rates at one true spend, and what they bring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.errors import InputError
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.decide import decide
from graphrec.offers.economics import Economics
from graphrec.offers.levels import LEVELS
from graphrec.offers.policies.base import Policy
from graphrec.offers.policies.by_value import GreedyROI, Knapsack
from graphrec.offers.policies.rules import Affinity, Inverse, LinearRate, Uniform
from graphrec.offpolicy.equal_spend import controlled, scaled_rule
from graphrec.offpolicy.market import Market, draw_market
from graphrec.offpolicy.market_facts import MarketFacts
from graphrec.offpolicy.simulator import outcome
from graphrec.response.curves import ElasticResponse, Response

POLICIES = ("none", "uniform", "inverse", "linear_rate", "affinity", "greedy_roi", "knapsack", "oracle")
RULES: dict[str, Callable[[float], Policy]] = {
    "uniform": Uniform,
    "inverse": Inverse,
    "linear_rate": LinearRate,
    "affinity": Affinity,
}
HIDDEN_DRAWS = 300
WORST_CASE = Economics(margin=0.30, funded_share=1.0)
"""Margin 30 %, and the shop pays every discount itself."""


def rates(
    market: Market, response: Response, budget: float, economics: Economics = WORST_CASE
) -> dict[str, FloatArray]:
    """Find each policy's rates at one true spend; those that plan with learned curves have spend control.

    They are the policies of ``graphrec offers``.

    Args:
        market: The market.
        response: What the shop has learned.
        budget: Money.
        economics: Margin and funding.

    Returns:
        Policy of `POLICIES` → rates. Shape ``[P]``.
    """
    truth = market.pairs(market.truth, economics)
    return {
        "none": np.zeros(len(market)),
        **{name: scaled_rule(rule, truth, budget) for name, rule in RULES.items()},
        "greedy_roi": at_spend(GreedyROI(), market, response, budget, economics),
        "knapsack": at_spend(Knapsack(), market, response, budget, economics),
        "oracle": decide(Knapsack(), truth, Budget(budget)).rate,
    }


def at_spend(
    policy: Policy, market: Market, response: Response, budget: float, economics: Economics = WORST_CASE
) -> FloatArray:
    """Find the rates of a policy that plans with some curves, at one true spend. Shape ``[P]``."""
    pairs = market.pairs(response, economics)
    return controlled(policy, pairs, lambda given: outcome(market, given, economics).spend, budget)


def articles_budget(market: Market, economics: Economics = WORST_CASE) -> float:
    """Count what the articles' rule, 0.1 x score, spends."""
    return outcome(market, 0.1 * market.unit_score, economics).spend


def judged(
    market: Market, given: Mapping[str, FloatArray], economics: Economics = WORST_CASE
) -> pd.DataFrame:
    """Count what rates bring, under the truth that only the simulator knows.

    Args:
        market: The market.
        given: Policy → rates, of which one is the ``oracle``, as of `rates`.
        economics: Margin and funding.

    Returns:
        A row per policy: ``policy``; ``spend``, ``units``, ``revenue`` and ``profit`` (units and money of the
        log); ``gain`` in units over no discount, as a share of those; ``share`` of the oracle's gain; and
        ``regret``, what is missing of it.

    Raises:
        InputError: If there is no oracle to compare with.
    """
    if "oracle" not in given:
        raise InputError(
            "there is no oracle to compare with", column="given", hint="give what rates() returns"
        )
    found = {name: outcome(market, rate, economics) for name, rate in given.items()}
    columns = ["spend", "units", "revenue", "profit"]
    rows = [(name, *(getattr(one, column) for column in columns)) for name, one in found.items()]
    table = pd.DataFrame(rows, columns=["policy", *columns])
    more = table["units"] - outcome(market, 0.0, economics).units
    best = float(more[table["policy"] == "oracle"].iloc[0])
    share = more / best if best > 0 else more * np.nan
    return table.assign(gain=more / (table["units"] - more), share=share, regret=1.0 - share)


@dataclass(frozen=True)
class Averaged:
    """Mean of the true curves over what is hidden: all that observables can say.

    Args:
        table: At the levels. Shape ``[P, R]``.
    """

    table: FloatArray

    @property
    def base(self) -> FloatArray:
        """At full price."""
        return self.table[:, 0]

    def probability(self, rate: FloatArray | float) -> FloatArray:
        """Read off one rate per pair, between the levels by a straight line."""
        place = np.broadcast_to(np.asarray(rate, dtype=np.float64), self.base.shape) / LEVELS[1]
        lower = np.minimum(place.astype(int), len(LEVELS) - 2)
        pairs = np.arange(len(self.table))
        part = place - lower
        found: FloatArray = (1 - part) * self.table[pairs, lower] + part * self.table[pairs, lower + 1]
        return found

    def curve(self, levels: npt.ArrayLike) -> FloatArray:
        """Take the simulator's levels; there are no others."""
        np.testing.assert_array_equal(levels, LEVELS)
        return self.table

    @property
    def ends(self) -> None:
        """Nothing: it is the truth."""
        return None


def averaged(
    facts: MarketFacts, market: Market, seed: int, pairs: int, draws: int = HIDDEN_DRAWS
) -> Averaged:
    """Compute what somebody expects who knows the market's law, but not its hidden draws.

    Args:
        facts: What the market was drawn from.
        market: The market.
        seed: Of the market.
        pairs: Of the market.
        draws: Over which the mean is taken.
    """
    table = np.zeros((len(market), len(LEVELS)))
    slope = draw_market(facts, seed, pairs, hidden_sigma=0.0).truth.elasticity
    link = market.feature("link_score")
    rng = np.random.default_rng(seed + 10_000)
    for _ in range(draws):
        noise, steep = rng.normal(size=(2, len(market)))
        base = 1.0 / (1.0 + np.exp(-(link + facts.base_sigma * noise)))
        table += ElasticResponse(base, slope * np.exp(market.hidden_sigma * steep)).curve(LEVELS)
    return Averaged(table / draws)
