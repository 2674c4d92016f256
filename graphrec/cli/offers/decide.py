"""What ``graphrec offers`` does once the checkpoint is loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.cli.offers.candidates import offered
from graphrec.cli.offers.chance import exploration, left_to_chance
from graphrec.cli.offers.curves.calibration import calibration_kept
from graphrec.cli.offers.event import in_its_event
from graphrec.cli.offers.request import Request
from graphrec.cli.offers.shelf import Shelf
from graphrec.cli.offers.telling.sentences import told
from graphrec.cli.offers.telling.totals import print_totals
from graphrec.cli.offers.terms import capped_groups, tell_of_parity, terms_of, user_groups
from graphrec.cli.terminal import print_frame
from graphrec.errors import InputError
from graphrec.offers.candidates.calibrate import calibration_check
from graphrec.offers.candidates.table import Candidates
from graphrec.offers.decided_week import Decided, decided_week
from graphrec.offers.economics import Economics, percent
from graphrec.offers.exploration import Exploration
from graphrec.offers.limits.exposure import check_past
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.limits.parity import parity_report
from graphrec.offers.limits.terms import Terms
from graphrec.offers.policies.base import Policy
from graphrec.offers.scenarios import Scenario
from graphrec.offers.table import FOR_MANAGER, FOR_SHOPPER, check_offers, make_offers, write_offers
from graphrec.report.offer_summary import examples
from graphrec.results import source_of

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData
    from graphrec.training import RankedTask


def make(request: Request, task: RankedTask, data: RecommenderData) -> Path:
    """Decide, write, print."""
    request, week = prepared(request, data)
    groups = None if request.options.parity is None else user_groups(data, request.options.parity)
    offers = offers_of(request, task, data, week)
    path = write_offers(offers, request.options.out)
    print_totals(offers)
    print_frame(examples(offers, data.source.items), "The offers that are expected to do most")
    if groups is not None:
        table = parity_report(offers, groups)
        print_frame(table, f"What the groups of {request.options.parity} get")
    print(week)
    print_assumptions(request)
    if request.options.sentences:
        print_sentences(offers)
    print(f"{len(offers):,} rows: {path}")
    _track(request, task, data, offers)
    return path


def prepared(request: Request, data: RecommenderData) -> tuple[Request, Decided]:
    """Join the options with the data, and find the weeks that are decided for with their event."""
    if request.options.promotion != "threshold":  # which needs no probability
        request = replace(request, kept=calibration_kept(data, request.options.ckpt_path))
    week = _week_of(request, data)
    return in_its_event(request.joined(data, week.weeks), data, week)


def _week_of(request: Request, data: RecommenderData) -> Decided:
    """Find the weeks that are decided for.

    Raises:
        InputError: If one is past, or probabilities are of no weeks and some are asked for.
    """
    options = request.options
    return decided_week(
        data.source.log, data.split.train.frame, options.week, options.date, _horizon(request, data)
    )


def _horizon(request: Request, data: RecommenderData) -> int | None:
    """Find how many weeks an offer is for; None where validation is no time."""
    weeks: int | None = request.options.weeks
    is_time = data.split.val_span is not None if request.kept is None else request.kept.weeks is not None
    if request.options.promotion == "threshold" or is_time:
        return weeks or 1
    if weeks is None:
        return None
    raise InputError(
        f"the split {type(data.splitter).__name__} holds out no weeks, so no probability is of {weeks}",
        column="--weeks",
        hint="fit with the split Temporal, or leave it out",
    )


def _track(request: Request, task: RankedTask, data: RecommenderData, offers: pd.DataFrame) -> None:
    """Show W&B some of the offers, where it knows the run."""
    from graphrec.cli.experiment.tracking.offers import record_offers

    options, ranker = request.options, task.recommender
    asked = {"scenario": request.scenario.name, "objective": options.objective, "budget": options.budget}
    asked |= {"policies": list(dict.fromkeys(offers["policy"])), "promotion": options.promotion}
    asked |= {name: int(offers[name].iloc[0]) for name in ("week", "horizon") if offers[name].notna().all()}
    check = None
    if len(data.split.val):  # on what was trained on, nothing can be checked
        check = lambda: calibration_check(ranker, ranker.graph, data.split)  # noqa: E731
    record_offers(options.ckpt_path, asked, offers, check)


def offers_of(request: Request, task: RankedTask, data: RecommenderData, week: Decided) -> pd.DataFrame:
    """Decide the offers of every policy, with what they are of in `DataFrame.attrs`.

    Args:
        request: The options, joined with the data.
        task: The ranker.
        data: Its data.
        week: The week that is decided for.

    Raises:
        InputError: If an option does not go with the data.
    """
    if request.exposure is not None:
        check_past(request.exposure, week.week, request.options.exposure, request.frequency)
    if request.options.promotion == "threshold":
        from graphrec.cli.offers.thresholds import threshold_offers

        offers = threshold_offers(request, task, data, week, capped_groups(request, data))
        if request.options.sentences:
            trips = offers["expected_units"].to_numpy(dtype=np.float64)
            offers = told(offers, Shelf.plain(task, data), data, trips, request.options.name_column)
    else:
        offers = _item_offers(request, task, data, week)
    source = source_of(request.options.ckpt_path, data.split.sha256())
    offers.attrs = {**source, **left_to_chance(request)}
    if request.options.max_parity_gap is not None:
        tell_of_parity(offers)
    check_offers(offers)
    return offers


def _item_offers(request: Request, task: RankedTask, data: RecommenderData, week: Decided) -> pd.DataFrame:
    """Decide the offers on items: per cent, amounts or coupons."""
    options, aim = request.options, request.scenario
    found = offered(request, task, data, week)
    candidates, shelf = found.candidates, found.shelf
    terms = terms_of(request, data, shelf.table, candidates, week.week)
    money, limits = request.economics, request.guardrails
    chance = exploration(request, found.known, week.week)
    offers = decide(candidates, request.policies, aim, options.budget, money, limits, terms, chance)
    if not options.sentences:
        return offers
    pairs = candidates.pairs()
    units = np.tile(pairs.units(np.zeros(len(pairs))), len(offers) // len(pairs))
    return told(offers, shelf, data, units, options.name_column)


def decide(
    candidates: Candidates,
    policies: list[Policy],
    scenario: str | Scenario,
    budget: float | None,
    economics: Economics,
    guardrails: Guardrails,
    terms: Terms | None = None,
    chance: Exploration | None = None,
) -> pd.DataFrame:
    """Decide the offers of every policy, one below the other."""
    tables = [
        make_offers(candidates, policy, scenario, budget, guardrails, economics, terms, chance)
        for policy in policies
    ]
    return pd.concat(tables, ignore_index=True)


def print_sentences(offers: pd.DataFrame) -> None:
    """Print what is said of the offer that is expected to add most sales, of the last policy with one."""
    made = offers[offers["rate"] > 0]
    if made.empty:
        return
    last = made[made["policy"] == made["policy"].iloc[-1]]
    added = (last["probability_at_rate"] - last["probability"]) * last["price"]
    best = last.iloc[int(added.to_numpy().argmax())]
    print(f"For the manager: {best[FOR_MANAGER]}\nFor the shopper: {best[FOR_SHOPPER]}")


def print_assumptions(request: Request) -> None:
    """Print what the figures rest on."""
    economics, costs = request.economics, request.costs
    files, tell = ", ".join(map(str, request.options.costs or ())), "tells"
    if len(request.options.costs or ()) > 1:
        tell = "tell"
    where = "" if costs is None else f", but where {files} {tell} {', '.join(costs.columns)}"
    print(
        f"Assumed: margin {percent(economics.margin)} at the regular price, the retailer pays"
        f" {percent(economics.funded_share)} of a discount{where}."
    )
    if request.serving is not None and (serves := request.serving.response) is not None:
        version = f"version {request.serving.version} of {request.options.serving}"
        print(f"Served by {version}, learnt from {serves.rows:,} decisions.")
    elif request.options.response is None:
        print(
            "Assumed: the response to a discount (elasticity 0.8 to 2.25 by a user's past use of discounts),"
            " so the gain has no interval; give --response CKPT for one that was learnt."
        )
