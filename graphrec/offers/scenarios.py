"""Whose objective an offer serves: five named weightings of the same response curves.

First form. The weights are assumptions that one can read and argue about, not estimates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from graphrec.errors import InputError
from graphrec.offers.economics import BoolArray, Economics, FloatArray

ScenarioName = Literal["promotion", "clearance", "launch", "cross_sell", "retention"]


@dataclass(frozen=True)
class Scenario:
    """Weights of an objective in money, and the pairs it may be used on.

    Args:
        name: One of the five scenarios.
        profit: Weight of expected profit.
        revenue: Weight of expected revenue.
        units: What one more sold unit is worth besides, as a share of its regular price.
        pairs: ``all``, or only those ``seen`` in training or ``new``.
    """

    name: ScenarioName
    profit: float = 1.0
    revenue: float = 0.0
    units: float = 0.0
    pairs: Literal["all", "seen", "new"] = "all"

    def eligible(self, seen: BoolArray) -> BoolArray:
        """Which pairs may get an offer. ``[P]`` to ``[P]``."""
        if self.pairs == "all":
            return np.ones(len(seen), dtype=np.bool_)
        return np.asarray(seen if self.pairs == "seen" else ~seen, dtype=np.bool_)

    def value(
        self, probability: FloatArray, price: FloatArray, rate: FloatArray, economics: Economics
    ) -> FloatArray:
        """The objective in money; arguments broadcast, typically to ``[P, R]``."""
        profit = economics.profit(probability, price, rate)
        revenue = economics.revenue(probability, price, rate)
        return self.profit * profit + self.revenue * revenue + self.units * probability * price


PROMOTION = Scenario("promotion")
"""Profit, on every pair."""
CLEARANCE = Scenario("clearance", units=0.35)
"""Stock has to go: a sold unit saves half of a write-off at a cost of 70 % of the price."""
LAUNCH = Scenario("launch", units=0.25, pairs="new")
"""First purchases: about a quarter of the pairs in Complete Journey are bought again in another week."""
CROSS_SELL = Scenario("cross_sell", revenue=0.1, pairs="new")
"""Items the user has not bought: some revenue now is worth profit later."""
RETENTION = Scenario("retention", revenue=0.25, pairs="seen")
"""Items the user knows: the revenue of a shopper who stays counts besides profit."""

SCENARIOS = (PROMOTION, CLEARANCE, LAUNCH, CROSS_SELL, RETENTION)


def scenario_named(name: str) -> Scenario:
    """The scenario of that name.

    Raises:
        InputError: If there is none.
    """
    for scenario in SCENARIOS:
        if scenario.name == name:
            return scenario
    names = ", ".join(scenario.name for scenario in SCENARIOS)
    raise InputError(f"there is no scenario '{name}'", column="scenario", mend=f"choose one of {names}")
