"""What ``graphrec offers`` does once the checkpoint is loaded."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.cli.commands.recommend import read_users, user_codes
from graphrec.cli.offering_checks import campaign_budgets, check_options, check_scenario
from graphrec.cli.offering_terms import (
    capped_groups,
    item_attribute,
    joined_exposure,
    joined_stock,
    tell_of_parity,
    terms_of,
    user_groups,
)
from graphrec.cli.table_options import reading
from graphrec.cli.terminal import print_frame
from graphrec.data.interactions import Columns
from graphrec.data.table_kinds import Kind
from graphrec.data.tables import Table
from graphrec.files import source_of
from graphrec.offers.candidate_table import Candidates
from graphrec.offers.candidates import build_candidates, fit_calibrator
from graphrec.offers.decided_week import decided_week
from graphrec.offers.economics import Economics, percent
from graphrec.offers.eligibility import Eligibility, eligibility
from graphrec.offers.embedding import user_embedding
from graphrec.offers.exposure import Frequency, check_past, read_exposure
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
K = 20
"""Candidate items of each user."""
PRODUCT_SET = "product_category"
"""Item attribute that tells the sets of coupons."""
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
        check_options(options)
        columns, text = reading(options, FILES)
        scenario = scenario_of(options.scenario).aiming_at(options.objective)
        economics = Economics(options.margin, options.funded_share)
        given = {name: getattr(options, name) for name in ("max_rate", "min_margin")}
        guardrails = replace(
            scenario.guardrails(Guardrails(), economics),
            observed_depths=options.depths != "any",
            max_spread=options.max_spread,
            max_parity_gap=options.max_parity_gap,
            **{name: value for name, value in given.items() if value is not None},
        )
        check_scenario(scenario, options)
        return cls(
            options,
            [_policy(name, options.rate) for name in options.policy],
            scenario,
            economics,
            guardrails,
            Frequency(options.max_offers_per_user, options.window_weeks or 1, options.cool_down_weeks or 0),
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
        exposure, stock = self.exposure, self.stock
        if exposure is not None:
            exposure = joined_exposure(exposure, self.options.exposure, data.split)
        if stock is not None:
            stock = joined_stock(stock, self.options.stock, data.split)
        return replace(self, exposure=exposure, stock=stock)


def _policy(name: str, rate: float | None) -> Policy:
    return Uniform(rate) if name == Uniform.name and rate is not None else policy_named(name)


def make(request: Request, task: RankedTask, data: RecommenderData) -> Path:
    """Decide, write, print."""
    request = request.joined(data)
    groups = None if request.options.parity is None else user_groups(data, request.options.parity)
    week = decided_week(data.source.log, data.split.train.frame, request.options.week)
    if request.exposure is not None:
        check_past(request.exposure, week.week, request.options.exposure, request.frequency)
    if request.options.promotion == "threshold":
        from graphrec.cli.offering_thresholds import threshold_offers

        offers = threshold_offers(request, data, week.week, capped_groups(request, data))
    else:
        offers = _item_offers(request, task, data, week.week)
    offers.attrs = source_of(request.options.ckpt_path, data.split.sha256())
    if request.options.max_parity_gap is not None:
        tell_of_parity(offers)
    path = write_offers(offers, request.options.out)
    print_totals(offers)
    print_frame(examples(offers, data.source.items), "The offers that are expected to do most")
    if groups is not None:
        table = parity_report(offers, groups)
        print_frame(table, f"What the groups of {request.options.parity} get")
    print(week)
    _print_assumptions(request)
    print(f"{len(offers):,} rows: {path}")
    return path


def _item_offers(request: Request, task: RankedTask, data: RecommenderData, week: int | None) -> pd.DataFrame:
    """Offers on items: per cent, amounts or coupons."""
    options, aim = request.options, request.scenario
    eligible = None
    if aim.name != "promotion":
        user = user_embedding(task.recommender, data.split.train) if aim.name == "launch" else None
        eligible = eligibility(aim.name, data.split.train, data.source.items, user, request.economics.margin)
    sets = None
    if options.promotion == "coupon":
        sets = item_attribute(data, options.product_set or PRODUCT_SET)
    items = options.items or ITEMS[aim.pairs]
    candidates = offer_candidates(task, data, request.users, options.k or K, items, eligible, sets)
    if options.response is not None:
        candidates = _with_response(candidates, options.response, week, options.trust)
    if request.stock is not None:
        stock = candidates.frame[Columns.ITEM].astype("str").map(request.stock)
        candidates = replace(candidates, frame=candidates.frame.assign(stock=stock))
    terms = terms_of(request, data, candidates, week)
    return decide(
        candidates, request.policies, aim, options.budget, request.economics, request.guardrails, terms
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


def _with_response(candidates: Candidates, checkpoint: Path, week: int | None, trusted: bool) -> Candidates:
    """The same pairs with learnt curves."""
    from graphrec.cli.learned_response import learned_response

    return replace(candidates, response=learned_response(checkpoint, candidates.frame, week, trusted))


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
