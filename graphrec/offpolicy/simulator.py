"""Logs and outcomes in a market whose response is known, so that regret and bias are exact.

A log comes as twins drawn with the same random numbers. In the randomised twin the shop draws each level with
known propensities. In the confounded twin it gives deeper discounts to pairs that buy more anyway, for
reasons of which the analyst sees only a part: nobody writes the propensities down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.errors import InputError, check_at_least
from graphrec.offers.economics import Economics
from graphrec.offers.levels import LEVELS
from graphrec.offpolicy.market import Market

FULL_PRICE_SHARE = 0.4
"""Share of randomised decisions without discount; the rest is spread evenly over the other levels."""


@dataclass(frozen=True)
class SimulatedLog:
    """``n`` decisions: a user who shops in a week sees a level on each of his or her pairs.

    Args:
        pair: Row of the market. Shape ``[n]``.
        week: From 0. Shape ``[n]``.
        level: Index of the level. Shape ``[n]``.
        bought: Whether the pair was bought. Shape ``[n]``.
        propensity: True probability of each level. An analyst may use it where `known`. Shape ``[n, R]``.
        known: Whether the shop wrote the propensities down.
    """

    pair: IntArray
    week: IntArray
    level: IntArray
    bought: BoolArray
    propensity: FloatArray
    known: bool

    def __len__(self) -> int:
        """Count the decisions."""
        return len(self.pair)

    def part(self, rows: IntArray) -> SimulatedLog:
        """Take some of the decisions, by row number."""
        return SimulatedLog(
            self.pair[rows],
            self.week[rows],
            self.level[rows],
            self.bought[rows],
            self.propensity[rows],
            self.known,
        )


@dataclass(frozen=True)
class Outcome:
    """What a policy brings if each pair's user comes once; expected values under the truth.

    Args:
        units: Units sold.
        revenue: Money received.
        profit: Money left over cost.
        spend: What the discounts cost the shop.
    """

    units: float
    revenue: float
    profit: float
    spend: float


def outcome(market: Market, rate: npt.ArrayLike, economics: Economics) -> Outcome:
    """Compute the expected outcome of giving each pair a rate. `rate` is ``[P]`` or a number."""
    rates = np.broadcast_to(np.asarray(rate, dtype=np.float64), market.price.shape)
    bought = market.truth.probability(rates)
    return Outcome(
        units=float(bought.sum()),
        revenue=float(economics.revenue(bought, market.price, rates).sum()),
        profit=float(economics.profit(bought, market.price, rates).sum()),
        spend=float(economics.spend(bought, market.price, rates).sum()),
    )


def even_propensities(
    pairs: int, levels: int = len(LEVELS), full_price: float = FULL_PRICE_SHARE
) -> FloatArray:
    """Put `full_price` at level 0 and the rest evenly, alike for every pair. Shape ``[pairs, levels]``."""
    row = np.full(levels, (1.0 - full_price) / (levels - 1))
    row[0] = full_price
    return np.tile(row, (pairs, 1))


def confounded_propensities(market: Market, strength: float = 1.5, levels: int = len(LEVELS)) -> FloatArray:
    """Give deeper levels to pairs that buy more at full price: ``π(r) ∝ π_even(r) exp(strength · z · r)``.

    ``z`` is the standardised true base logit, of which the link score is the visible part and
    `Market.hidden` the other; ``r`` runs from -1/2 to 1/2 over the levels.

    Args:
        market: The market.
        strength: Of the tilt; 0 randomises.
        levels: Number of levels ``R``.

    Returns:
        Shape ``[P, R]``.
    """
    base = market.truth.base
    logit = np.log(base / (1.0 - base))
    spread = float(logit.std())
    z = (logit - logit.mean()) / (spread if spread > 0 else 1.0)
    tilt = even_propensities(len(market), levels) * np.exp(
        strength * z[:, None] * np.linspace(-0.5, 0.5, levels)
    )
    return np.asarray(tilt / tilt.sum(axis=1, keepdims=True), dtype=np.float64)


def simulate_log(
    market: Market,
    propensity: FloatArray,
    weeks: int,
    seed: int = 0,
    known: bool = True,
    levels: tuple[float, ...] = LEVELS,
) -> SimulatedLog:
    """Let the shop run for some weeks.

    Who comes, the draw of the level and the draw of the purchase take the same random numbers whatever the
    propensities are: logs of one seed are twins.

    Args:
        market: The market.
        propensity: Probability of each level for each pair. Shape ``[P, R]``.
        weeks: Length.
        seed: The same seed gives the same visits and draws.
        known: Whether the propensities are written down.
        levels: Allowed rates, ``R`` of them.

    Raises:
        InputError: If there is no week, or the propensities do not fit the market.
    """
    check_at_least(1, weeks=weeks)
    if propensity.shape != (len(market), len(levels)):
        hint = f"give one row per pair and {len(levels)} columns"
        raise InputError("propensities do not fit the market", column="propensity", hint=hint)
    rng = np.random.default_rng(seed)
    users = int(market.user.max()) + 1
    curve, cumulative = market.truth.curve(levels), propensity.cumsum(axis=1)
    found: list[tuple[IntArray, IntArray, IntArray, BoolArray]] = []
    for week in range(weeks):
        comes, draw, chance = rng.random(users), rng.random(len(market)), rng.random(len(market))
        pair = np.flatnonzero(comes[market.user] < market.visit_rate)
        level = (draw[pair, None] >= cumulative[pair]).sum(axis=1).clip(max=len(levels) - 1)
        found.append((pair, np.full(len(pair), week), level, chance[pair] < curve[pair, level]))
    pair, when, level, bought = (np.concatenate(column) for column in zip(*found, strict=True))
    return SimulatedLog(pair, when, level, bought, propensity[pair], known)
