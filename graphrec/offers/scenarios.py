"""Whose objective an offer serves: a YAML with weights over the same response curves, for whom and what.

The weights are assumptions that one can read, argue about and replace, not estimates. The files of the five
shipped ones lie in ``graphrec/offers/scenario_files``, so that an installed package has them, and
``experiments/offers`` leads to them. ``--scenario FILE.yaml`` takes a shop's own, of any name, with lists of
items and users, overstock, items never sold before and a calendar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from graphrec.arrays import BoolArray, FloatArray
from graphrec.offers.economics import Money
from graphrec.offers.limits.calendar import Event
from graphrec.offers.limits.guardrails import Guardrails

ScenarioName = Literal["promotion", "clearance", "launch", "cross_sell", "retention"]
Objective = Literal["scenario", "profit", "revenue", "units"]
OBJECTIVES: tuple[str, ...] = get_args(Objective)
RULES: tuple[ScenarioName, ...] = get_args(ScenarioName)
SCENARIO_NAMES: tuple[str, ...] = RULES
WORTH = ("cross_sell", "retention")
"""Scenarios in which a sold unit has a worth of its own, see `graphrec.offers.candidates.eligibility`."""
FOLDER = Path(__file__).parent / "scenario_files"


@dataclass(frozen=True)
class Scenario:
    """Weights of an objective in money, and what may be offered to whom.

    Args:
        name: What people call it; the offers table says it.
        like: Which of the five rules chooses users and items (`graphrec.offers.candidates.eligibility`); that
            of the name if missing, and all where the name is none of the five.
        profit: Weight of expected profit.
        revenue: Weight of expected revenue.
        units: What one more sold unit is worth besides, as a share of its regular price.
        worth: Weight of what a sold unit of the pair is worth to the scenario, in money. That is churn risk
            times the value of a household, or lift over a category.
        sold: What one more sold unit is worth, whatever its price.
        pairs: ``all``, or only those ``seen`` in training or ``new``.
        salvage: Share of the regular price that a unit brings at last; the retailer's net price may fall to
            it, below cost. The guardrail's minimum margin holds if missing.
        max_rate: Highest rate where the user names none; the guardrail's if missing.
        levels: Rates that policies of levels choose from; theirs if missing.
        include: Table of the only items that are meant, of those that the rule chooses.
        exclude: Table of items that are not meant.
        users: Table of the only users that are meant, of those that the rule chooses.
        overstock: Only items with more stock than so many times what they are expected to sell without a
            discount; all if missing.
        launch: Table of items that were never sold, with ``price`` and attributes: they alone are meant.
        calendar: Events with limits of their own.
        columns: Our name → that of its tables.
        delimiter: Of its tables; by the suffix if missing.
        encoding: Of its tables.
        about: What it is for, in a sentence.
    """

    name: str
    like: ScenarioName | None = None
    profit: float = 1.0
    revenue: float = 0.0
    units: float = 0.0
    worth: float = 0.0
    sold: float = 0.0
    pairs: Literal["all", "seen", "new"] = "all"
    salvage: float | None = None
    max_rate: float | None = None
    levels: tuple[float, ...] | None = None
    include: Path | str | None = None
    exclude: Path | str | None = None
    users: Path | str | None = None
    overstock: float | None = None
    launch: Path | str | None = None
    calendar: tuple[Event, ...] = ()
    columns: Mapping[str, str | None] = field(default_factory=dict)
    delimiter: str | None = None
    encoding: str | None = None
    about: str = ""

    @property
    def rule(self) -> ScenarioName:
        """Which rule chooses users and items."""
        if self.like is not None:
            return self.like
        return next((one for one in RULES if one == self.name), "promotion")

    @property
    def measure(self) -> str:
        """What the objective counts, in a word or two."""
        weights = {"profit": self.profit, "revenue": self.revenue, "units": self.sold}
        only = [name for name, weight in weights.items() if weight > 0]
        return only[0] if len(only) == 1 and not self.units and not self.worth else f"{self.name} value"

    def eligible(self, seen: BoolArray) -> BoolArray:
        """Tell which pairs may get an offer. ``[P]`` to ``[P]``."""
        if self.pairs == "all":
            return np.ones(len(seen), dtype=np.bool_)
        return np.asarray(seen if self.pairs == "seen" else ~seen, dtype=np.bool_)

    def value(
        self,
        probability: FloatArray,
        price: FloatArray,
        rate: FloatArray,
        economics: Money,
        worth: FloatArray | float = 0.0,
    ) -> FloatArray:
        """Compute the objective in money; arguments broadcast, typically to ``[P, R]``.

        Args:
            probability: Of a purchase at the rate.
            price: Regular, money per unit.
            rate: In [0, 1).
            economics: Margin and funding.
            worth: Of a sold unit of the pair to the scenario, in money.
        """
        value = self.profit * economics.profit(probability, price, rate)
        value = value + self.revenue * economics.revenue(probability, price, rate)
        return value + probability * (self.units * price + self.worth * worth + self.sold)

    def aiming_at(self, objective: Objective) -> Scenario:
        """Keep the eligibility and take another objective: ``profit``, ``revenue`` or ``units`` alone."""
        if objective == "scenario":
            return self
        profit, revenue, sold = (float(objective == one) for one in ("profit", "revenue", "units"))
        return replace(self, profit=profit, revenue=revenue, units=0.0, worth=0.0, sold=sold)

    def guardrails(self, given: Guardrails) -> Guardrails:
        """Open the given limits as far as the scenario says: what holds where the user names none."""
        given = replace(given, salvage=self.salvage)
        return given if self.max_rate is None else replace(given, max_rate=self.max_rate)

    def during(self, event: Event) -> Scenario:
        """Take the rates of an event."""
        rate, levels = event.rates(self.levels)
        return replace(self, max_rate=self.max_rate if rate is None else rate, levels=levels)
