"""The policies that the studies compare in a market whose response is known, each at the same true spend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from study import WORST_CASE

from graphrec.arrays import FloatArray
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.budget.knapsack import allocate
from graphrec.offers.budget.linear_bound import linear_bound
from graphrec.offers.decide import decide
from graphrec.offers.policies.base import Policy
from graphrec.offers.policies.by_value import GreedyROI, Knapsack
from graphrec.offers.policies.rules import Affinity, Inverse, LinearRate, Uniform
from graphrec.offpolicy.equal_spend import controlled, scaled_rule
from graphrec.offpolicy.market import Market, draw_market
from graphrec.offpolicy.market_facts import MarketFacts
from graphrec.offpolicy.simulator import LEVELS, outcome
from graphrec.response.curves import ElasticResponse, Response

POLICIES = ("none", "uniform", "inverse", "linear_rate", "affinity", "greedy_roi", "knapsack", "oracle")
RULES = {"uniform": Uniform, "inverse": Inverse, "linear_rate": LinearRate, "affinity": Affinity}
HIDDEN_DRAWS = 300


def rates(market: Market, response: Response, budget: float) -> dict[str, FloatArray]:
    """Each policy's rates at one true spend; those that plan with learned curves have spend control.

    They are the policies of ``graphrec offers``.
    """
    truth = market.pairs(market.truth, WORST_CASE)
    return {
        "none": np.zeros(len(market)),
        **{name: scaled_rule(rule, truth, budget) for name, rule in RULES.items()},
        "greedy_roi": at_spend(GreedyROI(), market, response, budget),
        "knapsack": at_spend(Knapsack(), market, response, budget),
        "oracle": decide(Knapsack(), truth, Budget(budget)).rate,
    }


def at_spend(policy: Policy, market: Market, response: Response, budget: float) -> FloatArray:
    """Rates of a policy that plans with some curves, at one true spend."""
    pairs = market.pairs(response, WORST_CASE)
    return controlled(policy, pairs, lambda given: outcome(market, given, WORST_CASE).spend, budget)


def articles_budget(market: Market) -> float:
    """What the articles' rule, 0.1 x score, spends."""
    return outcome(market, 0.1 * market.unit_score, WORST_CASE).spend


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
        """At one rate per pair, between the levels by a straight line."""
        place = np.broadcast_to(np.asarray(rate, dtype=np.float64), self.base.shape) / LEVELS[1]
        lower = np.minimum(place.astype(int), len(LEVELS) - 2)
        pairs = np.arange(len(self.table))
        part = place - lower
        return (1 - part) * self.table[pairs, lower] + part * self.table[pairs, lower + 1]

    def curve(self, levels: FloatArray) -> FloatArray:
        """At the simulator's levels."""
        np.testing.assert_array_equal(levels, LEVELS)
        return self.table


def averaged(facts: MarketFacts, market: Market, seed: int, pairs: int) -> Averaged:
    """What somebody who knows the market's law, but not its hidden draws, expects."""
    table = np.zeros((len(market), len(LEVELS)))
    slope = draw_market(facts, seed, pairs, hidden_sigma=0.0).truth.elasticity
    link = market.feature("link_score")
    rng = np.random.default_rng(seed + 10_000)
    for _ in range(HIDDEN_DRAWS):
        noise, steep = rng.normal(size=(2, len(market)))
        base = 1.0 / (1.0 + np.exp(-(link + facts.base_sigma * noise)))
        table += ElasticResponse(base, slope * np.exp(market.hidden_sigma * steep)).curve(LEVELS)
    return Averaged(table / HIDDEN_DRAWS)


def lp_gap(market: Market, budget: float, count: int = 4000) -> float:
    """Relative distance of `allocate` from HiGHS' bound on the first pairs, with their part of the budget."""
    choices = market.pairs(market.truth, WORST_CASE).choices(LEVELS)
    value, spend = choices.value[:count], choices.spend[:count]
    money = budget * len(value) / len(market)
    bound = linear_bound(value, spend, money)
    return (bound - allocate(value, spend, money).value) / bound
