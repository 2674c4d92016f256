"""The weeks that a loop has been fed: decisions with outcomes, in a folder, each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import PROPENSITY, RATE, REWARD
from graphrec.errors import InputError
from graphrec.files import write_parquet
from graphrec.offers.economics import PairEconomics
from graphrec.offers.scenarios import Scenario
from graphrec.offers.table import EXPLORED_COLUMNS
from graphrec.offpolicy.loop.outcomes import PAID, UNITS, Joined, check_propensities, levels_of

LEFT_TO_CHANCE = "left_to_chance"
"""What an offers table tells of how chance took a hand in it: `Terms`, in `DataFrame.attrs`."""
FOLDER = "weeks"
NEWEST = 8
"""So many weeks teach and judge: people change."""
COUNTED = ("name", "profit", "revenue", "units", "worth", "sold")
"""What of a scenario says what an offer is worth."""


@dataclass(frozen=True)
class Terms:
    """What a week was decided with.

    Args:
        share: Left to chance.
        levels: Rates that were chosen among. Length ``R``.
        scenario: What counted.
        budget: Money; no bound if missing.
        version: Of the policy that served; 0 before the first promotion.
        not_kept: Limits that another policy is judged without.
    """

    share: float
    levels: tuple[float, ...]
    scenario: Scenario
    budget: float | None = None
    version: int = 0
    not_kept: tuple[str, ...] = ()

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
    """Decisions of a week with their outcomes.

    Args:
        frame: A row per pair: ids, `EXPLORED_COLUMNS`, price, rate, propensity, outcomes and ``reward``.
        terms: What they were decided with.
        number: First week that they are of.
    """

    frame: pd.DataFrame
    terms: Terms
    number: int

    @property
    def level(self) -> IntArray:
        """Level of each rate. Shape ``[n]``."""
        return levels_of(self.frame, RATE, self.terms.grid, Path(FOLDER))

    @property
    def planned(self) -> IntArray:
        """Level that the policy itself had planned. Shape ``[n]``."""
        return levels_of(self.frame, "planned_rate", self.terms.grid, Path(FOLDER))

    @property
    def spent(self) -> FloatArray:
        """What the discounts on the units sold cost the retailer, in money. Shape ``[n]``."""
        units, price, rate = (self.frame[name].to_numpy(np.float64) for name in (UNITS, "price", RATE))
        return self.money.spend(units, price, rate)

    @property
    def money(self) -> PairEconomics:
        """Margin and funding of each pair."""
        margin, funded = (self.frame[name].to_numpy(np.float64) for name in ("margin", "funded_share"))
        return PairEconomics(margin, funded)


def terms_in(attrs: Mapping[Any, Any], file: Path) -> Terms:
    """Read the terms that an offers table tells of.

    Raises:
        InputError: If nothing in it was left to chance, or it does not tell.
    """
    if LEFT_TO_CHANCE not in attrs:
        what = "does not say that anything in it was left to chance, so no other policy can be judged by it"
        hint = "decide with --explore 0.05, and feed the file back as it was written"
        raise InputError(what, file=file, hint=hint)
    return Terms.of(attrs[LEFT_TO_CHANCE])


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
    check_propensities(frame, file)
    for name in (RATE, "planned_rate"):
        levels_of(frame, name, terms.grid, file)
    week = Week(frame.assign(bought=frame[UNITS] > 0), terms, found.weeks[0])
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
    known = [one.number for one in weeks]
    if number in known:
        hint = "its offers and outcomes are kept; feed the next week"
        raise InputError(f"week {number} was fed before", file=file, column=Columns.WEEK, hint=hint)
    if known and number < max(known):
        what = f"week {number} lies before week {max(known)}, which was fed before"
        raise InputError(what, file=file, column=Columns.WEEK, hint="feed weeks in their order")


def alike(weeks: Sequence[Week]) -> list[Week]:
    """Take the newest weeks with the last one's levels and scenario: rewards of others are not comparable."""
    newest = weeks[-1].terms
    same = (newest.levels, newest.scenario)
    return [one for one in weeks if (one.terms.levels, one.terms.scenario) == same][-NEWEST:]
