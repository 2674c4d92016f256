"""What ``graphrec offers`` does once the checkpoint is loaded."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.cli.commands.recommend import read_users, user_codes
from graphrec.cli.table_options import reading
from graphrec.cli.terminal import print_frame
from graphrec.data.interactions import Columns
from graphrec.data.joins import join
from graphrec.data.table_kinds import Kind
from graphrec.data.tables import Table
from graphrec.errors import InputError
from graphrec.files import source_of
from graphrec.offers.candidate_table import Candidates
from graphrec.offers.candidates import build_candidates, fit_calibrator
from graphrec.offers.economics import Economics, percent
from graphrec.offers.eligibility import Eligibility, eligibility, log_weeks
from graphrec.offers.embedding import user_embedding
from graphrec.offers.exposure import Frequency, read_exposure
from graphrec.offers.guardrails import Guardrails
from graphrec.offers.parity import parity_report
from graphrec.offers.policies import Policy, Uniform, policy_named
from graphrec.offers.scenarios import Scenario, scenario_of
from graphrec.offers.stock import read_stock
from graphrec.offers.table import make_offers, write_offers
from graphrec.offers.terms import Terms
from graphrec.report.offer_summary import examples, policy_totals

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData
    from graphrec.models.base import ItemSet
    from graphrec.training import RankedTask

FILES: dict[str, Kind] = {"users": "user_list", "stock": "stock", "exposure": "exposure"}
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

    @classmethod
    def of(cls, options: argparse.Namespace) -> Request:
        """Raise `InputError` for what is wrong, before anything is loaded."""
        columns, text = reading(options, FILES)
        scenario = scenario_of(options.scenario).aiming_at(options.objective)
        economics = Economics(options.margin, options.funded_share)
        given = {name: getattr(options, name) for name in ("max_rate", "min_margin")}
        guardrails = replace(
            scenario.guardrails(Guardrails(), economics),
            observed_depths=options.depths == "observed",
            max_spread=options.max_spread,
            max_parity_gap=options.max_parity_gap,
            **{name: value for name, value in given.items() if value is not None},
        )
        if options.max_parity_gap is not None and options.parity is None:
            mend = "name the user attribute with --parity"
            raise InputError("a parity gap needs groups", column="--max_parity_gap", mend=mend)
        return cls(
            options,
            [Uniform(options.rate) if name == "uniform" else policy_named(name) for name in options.policy],
            scenario,
            economics,
            guardrails,
            Frequency(options.max_offers_per_user, options.window_weeks, options.cool_down_weeks),
            campaign_budgets(options.campaign_budgets),
            read_users(options.users, columns, text),
            None if options.exposure is None else read_exposure(options.exposure, columns, text),
            None if options.stock is None else read_stock(options.stock, columns, text),
        )

    def joined(self, data: RecommenderData) -> Request:
        """The same with the ids of past offers and stock as the log writes them.

        Raises:
            InputError: If none of them is in the log.
        """
        exposure, stock, users, items = self.exposure, self.stock, data.split.users.ids, data.split.items.ids
        if exposure is not None:
            file = self.options.exposure
            for column, known in ((Columns.USER, users), (Columns.ITEM, items)):
                ids = join(exposure[column], known, file=file, column=column)
                exposure = exposure.assign(**{column: ids})
        if stock is not None:
            ids = pd.Series(stock.index, dtype="str")
            ids = join(ids, items, file=self.options.stock, column=Columns.ITEM)
            stock = stock.groupby(ids.to_numpy()).sum()
        return replace(self, exposure=exposure, stock=stock)


def campaign_budgets(given: list[str] | None) -> dict[str, float] | None:
    """``NAME=MONEY`` as a mapping.

    Raises:
        InputError: If one has another form.
    """
    if given is None:
        return None
    budgets = {}
    for text in given:
        name, equals, money = text.rpartition("=")
        try:
            budgets[name] = float(money)
        except ValueError:
            equals = ""
        if not equals or not name:
            mend = "give NAME=MONEY, as GROCERY=400"
            raise InputError(f"'{text}' is no budget", column="--campaign_budgets", mend=mend)
    return budgets


def make(request: Request, task: RankedTask, data: RecommenderData) -> Path:
    """Decide, write, print."""
    request = request.joined(data)
    if request.options.promotion == "threshold":
        from graphrec.cli.offering_thresholds import threshold_offers

        offers = threshold_offers(request, data)
    else:
        offers = _item_offers(request, task, data)
    offers.attrs = source_of(request.options.ckpt_path, data.split.sha256())
    path = write_offers(offers, request.options.out)
    print_totals(offers)
    print_frame(examples(offers, data.source.items), "The offers that are expected to do most")
    if request.options.parity is not None:
        table = parity_report(offers, user_groups(data, request.options.parity))
        print_frame(table, f"What the groups of {request.options.parity} get")
    _print_assumptions(request)
    print(f"{len(offers):,} rows: {path}")
    return path


def _item_offers(request: Request, task: RankedTask, data: RecommenderData) -> pd.DataFrame:
    """Offers on items: per cent, amounts or coupons."""
    options, aim = request.options, request.scenario
    eligible = None
    if aim.name != "promotion":
        user = user_embedding(task.recommender, data.split.train) if aim.name == "launch" else None
        eligible = eligibility(aim.name, data.split.train, data.source.items, user, request.economics.margin)
    sets = item_attribute(data, options.product_set) if options.promotion == "coupon" else None
    items = options.items or ITEMS[aim.pairs]
    candidates = offer_candidates(task, data, request.users, options.k, items, eligible, sets)
    if options.response is not None:
        candidates = _with_response(candidates, options.response)
    if request.stock is not None:
        stock = candidates.frame[Columns.ITEM].astype("str").map(request.stock)
        candidates = replace(candidates, frame=candidates.frame.assign(stock=stock))
    terms = _terms(request, data, candidates)
    return decide(
        candidates, request.policies, aim, options.budget, request.economics, request.guardrails, terms
    )


def _terms(request: Request, data: RecommenderData, candidates: Candidates) -> Terms:
    """Campaigns, past offers and groups of these candidates."""
    options, train = request.options, data.split.train
    campaign = None
    if request.campaign_budgets is not None:
        campaign = candidates.frame[Columns.ITEM].map(item_attribute(data, options.campaign))
    needs_week = request.exposure is not None
    return Terms(
        frequency=request.frequency,
        exposure=request.exposure,
        week=int(log_weeks(train.frame, "a table of past offers").max()) + 1 if needs_week else 0,
        campaign=campaign,
        campaign_budgets=request.campaign_budgets,
        groups=None if options.max_parity_gap is None else user_groups(data, options.parity),
        promotion=options.promotion,
    )


def offer_candidates(
    task: RankedTask,
    data: RecommenderData,
    users: Table | None = None,
    k: int = 20,
    items: ItemSet = "all",
    eligible: Eligibility | None = None,
    product_sets: pd.Series[Any] | None = None,
) -> Candidates:
    """The best `k` items of each user with calibrated probabilities and prices."""
    recommender, graph, split = task.recommender, task.recommender.graph, data.split
    calibrator = fit_calibrator(recommender, graph, split, eligible=eligible)
    codes = user_codes(users, split.users)
    return build_candidates(
        recommender, graph, split, calibrator, codes, k, items, eligible=eligible, product_sets=product_sets
    )


def _with_response(candidates: Candidates, checkpoint: Path) -> Candidates:
    """The same pairs with learnt curves."""
    from graphrec.cli.learned_response import learned_response

    return replace(candidates, response=learned_response(checkpoint, candidates.frame))


def decide(
    candidates: Candidates,
    policies: list[Policy],
    scenario: str | Scenario,
    budget: float | None,
    economics: Economics,
    guardrails: Guardrails,
    terms: Terms | None = None,
) -> pd.DataFrame:
    """The offers of every policy, one below the other."""
    tables = [
        make_offers(candidates, policy, scenario, budget, guardrails, economics, terms) for policy in policies
    ]
    return pd.concat(tables, ignore_index=True)


def item_attribute(data: RecommenderData, column: str) -> pd.Series[Any]:
    """An attribute by ``item_id``.

    Raises:
        InputError: If the items have none of that name.
    """
    return _attribute(data.source.items, column, Columns.ITEM, data)


def user_groups(data: RecommenderData, column: str) -> pd.Series[Any]:
    """A demographic group by ``user_id``.

    Raises:
        InputError: If the users have no such attribute.
    """
    return _attribute(data.source.users, column, Columns.USER, data)


def _attribute(table: pd.DataFrame | None, column: str, key: str, data: RecommenderData) -> pd.Series[Any]:
    if table is None or column not in table:
        known = "none" if table is None else ", ".join(name for name in table.columns if name != key)
        what = "items" if key == Columns.ITEM else "users"
        file = data.source.file or data.source.name
        raise InputError(
            f"the {what} have no such attribute", file=file, column=column, mend=f"known: {known}"
        )
    return table.set_index(key)[column].astype("str")


def print_totals(offers: pd.DataFrame) -> None:
    """A small table on the terminal."""
    totals = policy_totals(offers)
    for column in ("units", "revenue", "profit", "spend", "gain"):
        totals[column] = totals[column].map(lambda value: "–" if pd.isna(value) else f"{value:,.0f}")
    totals["mean_rate"] = totals["mean_rate"].map(lambda rate: "–" if np.isnan(rate) else f"{rate:.2%}")
    print_frame(totals, "What each policy is expected to bring (gain: profit beyond the policy none)")


def _print_assumptions(request: Request) -> None:
    """What the figures rest on."""
    economics = request.economics
    print(
        f"Assumed: margin {percent(economics.margin)} at the regular price, the retailer pays"
        f" {percent(economics.funded_share)} of a discount."
    )
    if request.options.response is None:
        print(
            "Assumed: the response to a discount (elasticity 0.8 to 2.25 by a user's past use of discounts);"
            " give --response CKPT for one that was learnt."
        )
