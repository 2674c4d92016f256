"""The policies that the studies compare in a market whose response is known, each at the same true spend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from study import WORST_CASE

from graphrec.arrays import FloatArray
from graphrec.offers.budget.knapsack import allocate
from graphrec.offers.budget.linear_bound import linear_bound
from graphrec.offpolicy.equal_spend import best_levels, controlled, greedy_roi, scaled_rule, worth
from graphrec.offpolicy.market import Market, draw_market
from graphrec.offpolicy.market_facts import MarketFacts
from graphrec.offpolicy.simulator import LEVELS, outcome
from graphrec.response.curves import ElasticResponse, Response

POLICIES = ("none", "uniform", "inverse", "linear_rate", "affinity", "greedy_roi", "knapsack", "oracle")
HIDDEN_DRAWS = 300


def rates(market: Market, response: Response, budget: float) -> dict[str, FloatArray]:
    """Each policy's rates at one true spend; the knapsack and the greedy rule have spend control."""
    price, economics = market.price, WORST_CASE
    score = market.unit_score

    def rule(shape: FloatArray) -> FloatArray:
        return scaled_rule(shape, price, market.truth, economics, budget, max(LEVELS))

    def spend(given: FloatArray) -> float:
        return outcome(market, given, economics).spend

    def planned(plan: Callable[..., FloatArray]) -> FloatArray:
        return controlled(lambda money: plan(response, price, LEVELS, economics, money), spend, budget)

    return {
        "none": np.zeros(len(market)),
        "uniform": rule(np.ones(len(market))),
        "inverse": rule(1.0 - score),
        "linear_rate": rule(score),
        "affinity": rule(market.feature("affinity_rank")),
        "greedy_roi": planned(greedy_roi),
        "knapsack": planned(best_levels),
        "oracle": best_levels(market.truth, price, LEVELS, economics, budget),
    }


def documents_budget(market: Market) -> float:
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

    def curve(self, levels: object) -> FloatArray:
        """At the simulator's levels."""
        assert levels == LEVELS
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
    part = ElasticResponse(market.truth.base[:count], market.truth.elasticity[:count])
    value, spend = worth(part, market.price[:count], LEVELS, WORST_CASE)
    money = budget * len(value) / len(market)
    bound = linear_bound(value, spend, money)
    return (bound - allocate(value, spend, money).value) / bound
