"""The options of ``graphrec offers``, checked, with the tables that they name."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from graphrec.cli.frames import read_users
from graphrec.cli.offers.checks import campaign_budgets, check_needs, check_ranges, check_scenario
from graphrec.cli.offers.policies import policy_of
from graphrec.cli.table_options import reading
from graphrec.data.interactions import Columns
from graphrec.data.joins import join
from graphrec.data.splits import Split
from graphrec.data.tables.kinds import Kind
from graphrec.data.tables.read import Table
from graphrec.notices import note
from graphrec.offers.economics import Economics
from graphrec.offers.limits.exposure import Frequency, read_exposure
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.limits.item_facts import read_item_facts
from graphrec.offers.limits.stock import read_stock
from graphrec.offers.policies.base import Policy
from graphrec.offers.scenarios import Scenario, scenario_of
from graphrec.offers.table import BASKET

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
    costs: pd.DataFrame | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> Request:
        """Raise `InputError` for what is wrong, before anything is loaded."""
        check_ranges(options)
        policies = [policy_of(one, options.rate, options.trust) for one in options.policy]
        check_needs(options, policies)
        columns, text = reading(options, FILES)
        scenario = scenario_of(options.scenario).aiming_at(options.objective)
        economics = Economics(options.margin, options.funded_share)
        given = {name: getattr(options, name) for name in ("max_rate", "min_margin")}
        opened = scenario.guardrails(Guardrails())
        guardrails = replace(
            opened,
            salvage=opened.salvage if options.min_margin is None else None,
            observed_depths=options.depths != "any",
            max_spread=options.max_spread,
            max_parity_gap=options.max_parity_gap,
            **{name: value for name, value in given.items() if value is not None},
        )
        check_scenario(scenario, options)
        return cls(
            options,
            policies,
            scenario,
            economics,
            guardrails,
            Frequency(options.max_offers_per_user, options.window_weeks or 1, options.cool_down_weeks or 0),
            campaign_budgets(options.campaign_budgets),
            read_users(options.users, columns, text),
            None if options.exposure is None else read_exposure(options.exposure, columns, text),
            None if options.stock is None else read_stock(options.stock, columns, text),
            None if options.costs is None else read_item_facts(options.costs, columns, text),
        )

    def joined(self, data: RecommenderData) -> Request:
        """Write the ids of past offers and stock as the log does.

        Raises:
            InputError: If none of them is in the log.
        """
        exposure, stock, costs = self.exposure, self.stock, self.costs
        if exposure is not None:
            exposure = joined_exposure(exposure, self.options.exposure, data.split)
        if stock is not None:
            stock = joined_stock(stock, self.options.stock, data.split)
        if costs is not None:
            costs = joined_facts(costs, self.options.costs, data.split)
        return replace(self, exposure=exposure, stock=stock, costs=costs)


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


def joined_facts(facts: pd.DataFrame, file: Path, split: Split) -> pd.DataFrame:
    """Write the ids of item facts as the log does.

    Raises:
        InputError: If none of the items is in the log.
    """
    ids = join(pd.Series(facts.index, dtype="str"), split.items.ids, file=file, column=Columns.ITEM)
    found = facts.set_axis(ids.to_numpy(), axis=0)
    known = pd.Index(split.items.ids).astype("str")
    for name in found.columns:
        lacking = len(known) - int(found[name].reindex(known).notna().sum())
        if lacking:
            note(
                f"{file} tells no {name} of {lacking:,} of {len(known):,} items: what is assumed holds there"
            )
    return found
