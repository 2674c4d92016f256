"""The weeks that a loop has been fed: decisions with outcomes, in a folder, each once.

A table may be for several weeks from one on. Its outcomes are those of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import AnyArray, BoolArray, FloatArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import PROPENSITY, RATE, REWARD
from graphrec.errors import InputError
from graphrec.files import write_parquet
from graphrec.offers.economics import PairEconomics
from graphrec.offers.levels import PROMOTIONS, Levels, Promotion, levels_of
from graphrec.offers.scenarios import Scenario
from graphrec.offers.table import EXPLORED_COLUMNS
from graphrec.offpolicy.loop.outcomes import (
    BOUGHT_WEEKS,
    PAID,
    UNITS,
    Joined,
    check_numbers,
    horizon_of,
    nearest_level,
)

LEFT_TO_CHANCE = "left_to_chance"
"""What an offers table tells of how chance took a hand in it: `Terms`, in `DataFrame.attrs`."""
FOLDER = "weeks"
NEWEST = 26
"""So many weeks teach and judge, half a year: people change."""
COUNTED = ("name", "profit", "revenue", "units", "worth", "sold")
"""What of a scenario says what an offer is worth."""


@dataclass(frozen=True)
class Terms:
    """What a week was decided with.

    Args:
        share: Left to chance.
        levels: Rates that were chosen among, or amounts of money. Length ``R``.
        scenario: What counted.
        budget: Money; no bound if missing.
        version: Of the policy that served; 0 before the first promotion.
        not_kept: Limits that another policy is judged without.
        promotion: Kind of promotion.
        product_set: Attribute whose sets coupons are over; the usual one if missing.
    """

    share: float
    levels: tuple[float, ...]
    scenario: Scenario
    budget: float | None = None
    version: int = 0
    not_kept: tuple[str, ...] = ()
    promotion: Promotion = "percent"
    product_set: str | None = None

    def written(self) -> dict[str, Any]:
        """Write as plain numbers and names; of the scenario what it counts, not whom it is for."""
        counted = {name: getattr(self.scenario, name) for name in COUNTED}
        return {**asdict(replace(self, scenario=Scenario("promotion"))), "scenario": counted}

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Terms:
        """Read what `written` wrote, also after a detour by JSON."""
        given = dict(written) | {"scenario": Scenario(**written["scenario"])}
        return cls(**given | {name: tuple(given[name]) for name in ("levels", "not_kept")})

    @property
    def grid(self) -> FloatArray:
        """The levels as an array. Shape ``[R]``."""
        return np.asarray(self.levels, dtype=np.float64)


@dataclass(frozen=True)
class Week:
    """Decisions of a week, or of several, with their outcomes.

    A decision is on a pair, or on a coupon over several pairs of a user.

    Args:
        frame: A row per pair: ids, `EXPLORED_COLUMNS`, price, rate, propensity, outcomes and ``reward``.
        terms: What they were decided with.
        number: First week that they are of.
    """

    frame: pd.DataFrame
    terms: Terms
    number: int

    @cached_property
    def kind(self) -> Levels:
        """What was chosen among."""
        amounts = self.terms.levels[1:] if self.terms.promotion == "amount" else None
        return levels_of(self.terms.promotion, self.frame, amounts).among(self.terms.levels)

    @property
    def horizon(self) -> int:
        """Weeks that the offers were for."""
        return horizon_of(self.frame)

    @property
    def last(self) -> int:
        """Last week that they were for."""
        return self.number + self.horizon - 1

    @cached_property
    def first(self) -> IntArray:
        """First pair of each decision. Shape ``[D]``."""
        members = self.kind.members
        if members is None:
            return np.arange(len(self.frame))
        return np.unique(members, return_index=True)[1].astype(np.int64)

    @property
    def level(self) -> IntArray:
        """Level of each decision. Shape ``[D]``."""
        return self.level_in(RATE, Path(FOLDER))

    @property
    def planned(self) -> IntArray:
        """Level that the policy itself had planned. Shape ``[D]``."""
        return self.level_in("planned_rate", Path(FOLDER))

    def level_in(self, column: str, file: Path) -> IntArray:
        """Find the level that each decision's rate in a column is. Shape ``[D]``.

        Raises:
            InputError: If one is none of the levels, or the pairs of a coupon differ.
        """
        price = self.frame["price"].to_numpy(np.float64)
        scale = price if self.terms.promotion == "amount" else np.ones(len(price))
        level = nearest_level(self.frame[column].to_numpy(np.float64) * scale, self.terms.grid, file, column)
        of_decision = level[self.first]
        members = self.kind.members
        if members is not None and (of_decision[members] != level).any():
            hint = "feed the table back as it was written"
            raise InputError("the pairs of a coupon have several rates", file=file, column=column, hint=hint)
        return of_decision

    def of_decisions(self, column: str) -> AnyArray:
        """Take a column that all pairs of a decision have in common. Shape ``[D]``."""
        return np.asarray(self.frame[column].to_numpy()[self.first])

    def summed(self, values: FloatArray) -> FloatArray:
        """Add up over the pairs of each decision. ``[n]`` to ``[D]``."""
        members = self.kind.members
        if members is None:
            return values
        return np.bincount(members, values, len(self.first)).astype(np.float64)

    @property
    def reward(self) -> FloatArray:
        """What the scenario counts of each decision. Shape ``[D]``."""
        return self.summed(self.frame[REWARD].to_numpy(np.float64))

    @property
    def spent(self) -> FloatArray:
        """What the discounts on the units sold cost the retailer, in money. Shape ``[D]``."""
        units, price, rate = (self.frame[name].to_numpy(np.float64) for name in (UNITS, "price", RATE))
        return self.summed(self.money.spend(units, price, rate))

    @property
    def money(self) -> PairEconomics:
        """Margin and funding of each pair."""
        margin, funded = (self.frame[name].to_numpy(np.float64) for name in ("margin", "funded_share"))
        return PairEconomics(margin, funded)

    @property
    def share(self) -> FloatArray:
        """Share of the weeks in which each pair was bought. Shape ``[n]``."""
        if BOUGHT_WEEKS in self.frame:
            return self.frame[BOUGHT_WEEKS].to_numpy(np.float64) / self.horizon
        return self.frame["bought"].to_numpy(np.float64)

    def pooled(self, value: FloatArray, spend: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Turn tables ``[n, R]`` of pairs into those of decisions, with the levels that limits allow."""
        price = self.frame["price"].to_numpy(np.float64)
        allowed = self.kind.rates(price) <= self.frame["highest_rate"].to_numpy(np.float64)[:, None] + 1e-12
        allowed &= self.kind.possible(price)
        allowed[:, 0] = True
        return self.kind.pooled(value, spend, allowed)[:3]


def terms_in(attrs: Mapping[Any, Any], file: Path) -> Terms:
    """Read the terms that an offers table tells of.

    Raises:
        InputError: If nothing in it was left to chance, or it does not tell.
    """
    if LEFT_TO_CHANCE not in attrs:
        what = "does not say that anything in it was left to chance, so no other policy can be judged by it"
        hint = "decide with --explore 0.05, and feed the file back as it was written"
        raise InputError(what, file=file, hint=hint)
    try:
        terms = Terms.of(attrs[LEFT_TO_CHANCE])
        if not terms.levels or terms.promotion not in PROMOTIONS or not 0.0 < terms.share < 1.0:
            raise ValueError("no terms")
        return terms
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        hint = "feed the file back as `graphrec offers --explore` wrote it"
        raise InputError("does not tell what it was decided with", file=file, hint=hint) from error


def week_of(found: Joined, terms: Terms, file: Path) -> Week:
    """Make a week of joined offers: the reward is what the scenario counts, at the price that was paid.

    Raises:
        InputError: If a column is missing, or a propensity or rate is none of what was written.
    """
    frame = found.frame
    for name in (*EXPLORED_COLUMNS, "price", PROPENSITY):
        if name not in frame:
            hint = "feed the table back as it was written"
            raise InputError("this column is missing", file=file, column=name, hint=hint)
    check_numbers(frame, file)
    week = Week(frame.assign(bought=frame[UNITS] > 0), terms, found.weeks[0])
    for name in (RATE, "planned_rate"):
        week.level_in(name, file)
    return Week(week.frame.assign(**{REWARD: _reward(week)}), terms, week.number)


def _reward(week: Week) -> FloatArray:
    """Count what the units brought; a price other than the offered one adds or takes its difference."""
    frame, aim = week.frame, week.terms.scenario
    units, price, rate, worth = (frame[name].to_numpy(np.float64) for name in (UNITS, "price", RATE, "worth"))
    value = aim.value(units, price, rate, week.money, worth)
    other = (frame[PAID].to_numpy(np.float64) - units * price * (1.0 - rate)) * (aim.profit + aim.revenue)
    return np.asarray(value + np.nan_to_num(other), dtype=np.float64)


def file_of(folder: Path, number: int) -> Path:
    """Name the file of a week."""
    return folder / FOLDER / f"week-{number:04d}.parquet"


def read_weeks(folder: Path) -> list[Week]:
    """Read all weeks of a folder, in order."""
    found = []
    for path in sorted((folder / FOLDER).glob("week-*.parquet")):
        frame = pd.read_parquet(path)
        found.append(Week(frame, Terms.of(frame.attrs[LEFT_TO_CHANCE]), int(frame[Columns.WEEK].iloc[0])))
    return found


def write_week(week: Week, folder: Path) -> Path:
    """Write a week. It is there from then on, and will not be taken again."""
    frame = week.frame.copy()
    frame.attrs = {LEFT_TO_CHANCE: week.terms.written()}
    return write_parquet(frame, file_of(folder, week.number))


def check_next(number: int, weeks: Sequence[Week], file: Path) -> None:
    """Refuse a week that was fed before, or that lies before one.

    Raises:
        InputError: If it is so.
    """
    if any(one.number <= number <= one.last for one in weeks):
        hint = "its offers and outcomes are kept; feed the next week"
        raise InputError(f"week {number} was fed before", file=file, column=Columns.WEEK, hint=hint)
    last = max((one.last for one in weeks), default=number)
    if number < last:
        what = f"week {number} lies before week {last}, which was fed before"
        raise InputError(what, file=file, column=Columns.WEEK, hint="feed weeks in their order")


def alike(weeks: Sequence[Week]) -> list[Week]:
    """Take the newest weeks with the last one's kind, levels, scenario and horizon.

    Rewards of others are not comparable.
    """
    same = [_compared(one) for one in weeks]
    return [one for one, own in zip(weeks, same, strict=True) if own == same[-1]][-NEWEST:]


def _compared(week: Week) -> tuple[object, ...]:
    terms = week.terms
    return terms.promotion, terms.levels, terms.scenario, week.horizon
