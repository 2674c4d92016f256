"""The options of ``graphrec offers``, checked, with the tables that they name."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.cli.frames import read_users
from graphrec.cli.offers.checks import campaign_budgets, check_needs, check_ranges, check_scenario
from graphrec.cli.offers.item_facts import joined_facts
from graphrec.cli.offers.policies import policy_of
from graphrec.cli.table_options import reading
from graphrec.data.interactions import Columns
from graphrec.data.joins import join
from graphrec.data.splits import Split
from graphrec.data.tables.kinds import KINDS, STOCK, Kind
from graphrec.data.tables.read import Table
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.offers.candidates.calibration import Calibration
from graphrec.offers.candidates.lists import ScenarioTables
from graphrec.offers.economics import Economics
from graphrec.offers.limits.calendar import Event
from graphrec.offers.limits.exposure import Frequency, read_exposure
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.limits.item_facts import FactsTable, read_facts
from graphrec.offers.limits.stock import read_stock
from graphrec.offers.policies.base import Policy
from graphrec.offers.policies.by_value import ExpectedProfit
from graphrec.offers.scenario_files.read import scenario_of
from graphrec.offers.scenarios import Scenario
from graphrec.offers.table import BASKET
from graphrec.offpolicy.loop.serving import POLICY, Serving, read_serving

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData
    from graphrec.models.base import ItemSet


FILES: dict[str, Kind] = {
    "users": "user_list",
    "stock": "stock",
    "exposure": "exposure",
    "costs": "item_facts",
}
"""Options that name files, and what those are."""
_KNOWN = {column for kind in KINDS.values() for column in kind.known}
DEFAULT = ExpectedProfit.name
"""Policy if none is named."""
ITEMS: dict[str, ItemSet] = {"all": "all", "seen": "repeat", "new": "new"}


@dataclass(frozen=True)
class Request:
    """The options of the command, checked."""

    options: argparse.Namespace
    policies: list[Policy]
    scenario: Scenario
    economics: Economics
    guardrails: Guardrails
    frequency: Frequency
    campaign_budgets: dict[str, float] | None
    users: Table | None
    exposure: pd.DataFrame | None
    stock: pd.Series[Any] | None
    facts: list[FactsTable]
    lists: ScenarioTables
    attributes: tuple[str, ...] = ()
    serving: Serving | None = None
    costs: pd.DataFrame | None = None
    kept: Calibration | None = None
    risk: FloatArray | None = None

    @classmethod
    def of(cls, options: argparse.Namespace) -> Request:
        """Raise `InputError` for what is wrong, before anything is loaded."""
        check_ranges(options)
        serving = None if options.serving is None else read_serving(options.serving)
        policies = [policy_of(one, options.rate, options.trust) for one in _named(options, serving)]
        check_needs(options, policies)
        given, text = reading(options, FILES)
        columns = {ours: theirs for ours, theirs in given.items() if ours in _KNOWN}
        scenario = scenario_of(options.scenario).aiming_at(options.objective)
        economics = Economics(options.margin, options.funded_share)
        check_scenario(scenario, options)
        if options.satisfaction is not None and scenario.rule != "retention":
            what = "only the scenario retention asks who is at risk"
            hint = "add --scenario retention, or leave it out"
            raise InputError(what, column="--satisfaction", hint=hint)
        found = cls(
            options,
            policies,
            scenario,
            economics,
            _guardrails(scenario, options),
            Frequency(options.max_offers_per_user, options.window_weeks or 1, options.cool_down_weeks or 0),
            campaign_budgets(options.campaign_budgets),
            read_users(options.users, columns, text),
            None if options.exposure is None else read_exposure(options.exposure, columns, text),
            None if options.stock is None else read_stock(options.stock, columns, text),
            read_facts(options.costs or [], given, text),
            ScenarioTables.read(scenario),
            tuple(ours for ours in given if ours not in _KNOWN),
            serving,
        )
        found._check_stock()
        return found

    def during(self, event: Event, money: float | None) -> Request:
        """Take the rates and the budget of an event.

        Args:
            event: Of the weeks that are decided for.
            money: Its budget in them; None without one.
        """
        scenario = self.scenario.during(event)
        both = [one for one in (self.options.budget, money) if one is not None]
        options = argparse.Namespace(**{**vars(self.options), "budget": min(both, default=None)})
        return replace(
            self, options=options, scenario=scenario, guardrails=_guardrails(scenario, self.options)
        )

    def joined(self, data: RecommenderData, weeks: Sequence[int] | None) -> Request:
        """Write ids of past offers and stock as the log does; find the facts that hold and who is at risk.

        Args:
            data: With the log.
            weeks: The weeks that are decided for.

        Raises:
            InputError: If none of them is in the log.
        """
        exposure, stock, costs, risk = self.exposure, self.stock, None, None
        if exposure is not None:
            exposure = joined_exposure(exposure, self.options.exposure, data.split)
        if stock is not None:
            stock = joined_stock(stock, self.options.stock, data.split)
        if self.facts:
            launched = self.lists.tables.get("launch")
            unsold = None if launched is None else launched.frame
            costs, told = joined_facts(self.facts, data, weeks, self.attributes, unsold)
            stock = stock if told is None else told
        if self.options.satisfaction is not None:
            from graphrec.cli.offers.at_risk import risk_of  # it brings torch along

            risk = risk_of(self.options, data, weeks[0] if weeks else None)
        return replace(self, exposure=exposure, stock=stock, costs=costs, risk=risk)

    def _check_stock(self) -> None:
        """Refuse stock that two options tell, and stock where a basket is offered."""
        tables = [table for table in self.facts if STOCK in table.told]
        if not tables:
            return
        what, hint = None, "leave the column out: stock= after --columns"
        if self.options.promotion == "threshold":
            what = "a threshold is on a whole basket, which has no stock of items"
        elif self.stock is not None:
            what, hint = "--stock tells it, too", "leave --stock out, or take the column out of the table"
        if what is not None:
            raise InputError(what, file=tables[0].file, column=STOCK, hint=hint)


def _named(options: argparse.Namespace, serving: Serving | None) -> list[Any]:
    """List the policies that are asked for: those named, that of what serves, or the default.

    Raises:
        InputError: If both are given, or what serves tries a challenger that nothing is left to chance for.
    """
    if serving is None or serving.response is None:
        if serving is not None and options.explore is None:
            hint = "add --explore, or leave --serving out"
            what = f"{options.serving} has promoted nothing yet: it has a challenger, which chance tries"
            raise InputError(what, column="--serving", hint=hint)
        return [DEFAULT] if options.policy is None else list(options.policy)
    if options.policy is not None:
        hint = "leave one of the two out"
        raise InputError(f"{options.serving} says which policy serves", column="--policy", hint=hint)
    return [POLICY]


def _guardrails(scenario: Scenario, options: argparse.Namespace) -> Guardrails:
    """Find what is allowed: as the user says, then as the scenario does."""
    opened = scenario.guardrails(Guardrails())
    given = {name: getattr(options, name) for name in ("max_rate", "min_margin")}
    return replace(
        opened,
        salvage=opened.salvage if options.min_margin is None else None,
        observed_depths=options.depths != "any",
        max_spread=options.max_spread,
        max_parity_gap=options.max_parity_gap,
        **{name: value for name, value in given.items() if value is not None},
    )


def joined_exposure(exposure: pd.DataFrame, file: Path, split: Split) -> pd.DataFrame:
    """Write the ids of past offers as the log does; an offer on a whole basket is on no item.

    Raises:
        InputError: If none of the users, or of the items, is in the log.
    """
    if exposure.empty:
        note(f"{file} holds no offer: every rate in it is 0")
        return exposure
    users = join(exposure[Columns.USER], split.users.ids, file=file, column=Columns.USER)
    items, of_item = exposure[Columns.ITEM], exposure[Columns.ITEM] != BASKET
    if of_item.any():
        joined = join(items[of_item], split.items.ids, file=file, column=Columns.ITEM)
        items = joined.reindex(items.index).where(of_item, BASKET)
    return exposure.assign(**{Columns.USER: users, Columns.ITEM: items})


def joined_stock(stock: pd.Series[Any], file: Path, split: Split) -> pd.Series[Any]:
    """Write the ids of the stock as the log does.

    Raises:
        InputError: If none of the items is in the log.
    """
    ids = join(pd.Series(stock.index, dtype="str"), split.items.ids, file=file, column=Columns.ITEM)
    found = stock.groupby(ids.to_numpy()).sum()
    unknown = len(split.items) - int(pd.Index(split.items.ids).astype("str").isin(found.index).sum())
    if unknown:
        note(f"{file} tells no stock of {unknown:,} of the {len(split.items):,} items, which limits nothing")
    return found
