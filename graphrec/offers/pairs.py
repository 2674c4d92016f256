"""Pairs of users and items, with what a policy may know of them and what may be offered on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.offers.choices import Choices
from graphrec.offers.economics import Economics, Money
from graphrec.offers.horizon import Horizon
from graphrec.offers.levels import Levels
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.limits.rates import Limit, rate_limits, spread_window, tightest
from graphrec.offers.limits.stock import sells_out
from graphrec.offers.scenario_files.read import scenario_named
from graphrec.offers.scenarios import Scenario

if TYPE_CHECKING:  # it brings torch along
    from graphrec.response.curves import Response


@dataclass(frozen=True)
class Pairs:
    """``P`` pairs of user and item; every array has shape ``[P]``.

    Args:
        unit_score: Score in [0, 1].
        price: Regular price, money per unit.
        seen: Whether the pair is in the training part.
        response: Response curves.
        user: Code of the user.
        item: Code of the item.
        affinity: Share of its regular value that the user saved so far.
        max_depth: Deepest discount in the item's log; infinite where it is not known.
        worth: What a sold unit is worth to the scenario, in money.
        cooling: Whether the pair was offered too recently.
        stock: Units on hand of the item; infinite where it is not known.
        scenario: What counts, and which pairs may get an offer.
        economics: Margin and funding.
        guardrails: Allowed rates.
        levels: Kind of promotion.
        horizon: Weeks that an offer is for. Curves are of one of them.
    """

    unit_score: FloatArray
    price: FloatArray
    seen: BoolArray
    response: Response
    user: IntArray
    item: IntArray
    affinity: FloatArray
    max_depth: FloatArray
    worth: FloatArray
    cooling: BoolArray
    stock: FloatArray
    scenario: Scenario = field(default_factory=lambda: scenario_named("promotion"))
    economics: Money = field(default_factory=Economics)
    guardrails: Guardrails = field(default_factory=Guardrails)
    levels: Levels = field(default_factory=Levels)
    horizon: Horizon = field(default_factory=Horizon)

    def __len__(self) -> int:
        """Count the pairs ``P``."""
        return len(self.price)

    @cached_property
    def limits(self) -> list[Limit]:
        """The highest rates of the pairs, by guardrail; a coupon has the lowest of its pairs."""
        gone = sells_out(self.horizon.weeks * self.response.base, self.item, self.stock)
        return self.levels.shared(
            rate_limits(self.guardrails, self.economics, self.max_depth, self.cooling, gone)
        )

    @cached_property
    def eligible(self) -> BoolArray:
        """Which pairs the scenario is for. Shape ``[P]``."""
        return self.levels.whole(self.scenario.eligible(self.seen))

    def units(self, rate: FloatArray) -> FloatArray:
        """Compute the units that are expected at a rate over the horizon. ``[P]`` to ``[P]``."""
        return self.horizon.weeks * self.response.probability(rate)

    def spend(self, rate: FloatArray) -> FloatArray:
        """Compute the expected cost of a rate for each pair, in money. ``[P]`` to ``[P]``."""
        return self.economics.spend(self.units(rate), self.price, rate)

    def choices(self, levels: tuple[float, ...]) -> Choices:
        """Work out what each level brings and costs, and which may be used.

        Args:
            levels: Rates to choose from, unless the scenario or the promotion has its own.
        """
        kind = self.levels.among(self.scenario.levels or levels)
        rates, price = kind.rates(self.price), self.price[:, None]
        units = self.horizon.weeks * kind.probability(self.response, rates)
        money = self.economics.each_level()
        value = self.scenario.value(units, price, rates, money, self.worth[:, None])
        spend = money.spend(units, price, rates)
        allowed = (rates <= tightest(self.limits)[:, None] + 1e-12) & kind.possible(self.price)
        allowed &= self.eligible[:, None]
        allowed[:, 0] = True
        value, spend, allowed, members = kind.pooled(value - value[:, :1], spend, allowed)
        near = self._together(value, rates, allowed, kind)
        return Choices(rates, value, spend, near, allowed, members, self.limits, kind)

    def _together(self, value: FloatArray, rates: FloatArray, allowed: BoolArray, kind: Levels) -> BoolArray:
        """Find levels that also keep the offers on one item within the largest spread. Shape ``[D, R]``."""
        spread = self.guardrails.max_spread
        if spread is None:
            return allowed
        worth = np.where(allowed, value, -np.inf)
        window = spread_window(worth, rates[: len(worth)], kind.kept_together(self.item), spread)
        return np.asarray(allowed & window, dtype=np.bool_)
