"""``graphrec export --offers``: the facts that a live service decides offers with, out of the options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from graphrec.cli.experiment.loading import as_ranker, load_lister
from graphrec.cli.offers.candidates import K, Offered, offered
from graphrec.cli.offers.decide import prepared
from graphrec.cli.offers.request import ITEMS, Request
from graphrec.cli.offers.terms import terms_of
from graphrec.data.choice.known import as_text
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.candidates.prices import discount_affinities, observed_depths, regular_prices
from graphrec.offers.decide import decide
from graphrec.offers.decided_week import Decided
from graphrec.offers.levels import AMOUNTS, LEVELS
from graphrec.offers.pairs import Pairs
from graphrec.offers.policies.by_value import ExpectedProfit, Knapsack
from graphrec.offers.table import budget_of, pairs_of
from graphrec.response.curves import MEDIAN_ELASTICITY, elasticity_from_affinity
from graphrec.serving.offers.facts import OfferFacts, OfferTerms

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData
    from graphrec.training import RankedTask
    from graphrec.training.experiment import ListingTask

OPTION = "--offers"
OUT = "offers.parquet"
"""What the words of `graphrec offers` are read with; nothing is written."""
BY_VALUE = (Knapsack.name, ExpectedProfit.name)
_SEVERAL = "it is a limit over offers that are made at different times"
_PAST = "past offers of a service are in its own store"
NOT_LIVE = {
    "users": "a service answers whoever asks",
    "explore": "a service leaves nothing to chance yet",
    "explore_seed": "a service leaves nothing to chance yet",
    "sentences": "a service says its own",
    "name_column": "a service says its own",
    "exposure": _PAST,
    "window_weeks": _PAST,
    "cool_down_weeks": _PAST,
    "campaign": _SEVERAL,
    "campaign_budgets": _SEVERAL,
    "max_spread": _SEVERAL,
    "parity": _SEVERAL,
    "max_parity_gap": _SEVERAL,
    "response": "its features are of the log, which stays behind; --serving takes what offers have taught",
}
"""Options of `graphrec offers` that a service cannot keep, and why."""
KINDS = ("percent", "amount")
OF_EXPORT = ("--ckpt", "--ckpt_path", "--out", "--strict", "--trust")


class Packable(NamedTuple):
    """What an export is made of.

    Args:
        task: The model.
        data: Its data.
        offers: Name → content of what offers need; None where they were not asked for.
    """

    task: ListingTask
    data: RecommenderData
    offers: dict[str, bytes] | None


def parsed(words: list[str], kind: type[argparse.ArgumentParser], checkpoint: Path) -> argparse.Namespace:
    """Read the words behind ``--offers`` as `graphrec offers` reads them.

    Args:
        words: As they stand on the command line.
        kind: Class of the parser.
        checkpoint: That the offers are of.

    Raises:
        InputError: If one is unknown, or is nothing that a service keeps to.
    """
    from graphrec.cli.commands.offers import add_parser

    own = [word for word in words if word.split("=")[0] in OF_EXPORT]
    if own:
        hint = f"leave it out, or name it before {OPTION}"
        raise InputError(f"{own[0]} is of the export itself", column=OPTION, hint=hint)
    root = kind(prog=f"graphrec export RUN {OPTION}")
    add_parser(root.add_subparsers(dest="command"))
    options = root.parse_args(["offers", "--ckpt", str(checkpoint), "--out", OUT, *words])
    for name, why in NOT_LIVE.items():
        if getattr(options, name) not in (None, False):
            raise InputError(f"not for live offers: {why}", column=f"--{name}", hint="leave it out")
    if len(options.policy or BY_VALUE[:1]) > 1 or not {*(options.policy or ())} <= {*BY_VALUE}:
        what = "a service takes the level that is worth most at the price of the budget"
        hint = f"name one policy, {' or '.join(BY_VALUE)}"
        raise InputError(what, column="--policy", hint=hint)
    if options.promotion not in KINDS:
        what = f"a service offers rates or amounts on items, no {options.promotion}"
        raise InputError(what, column="--promotion", hint="choose percent or amount")
    return options


def live_parts(options: argparse.Namespace, checkpoint: Path, out: Path, strict: bool = False) -> Packable:
    """Rebuild a run, and gather what its export holds beside the model.

    Args:
        options: Of the command, with ``offers``, ``parser`` and ``trust``.
        checkpoint: Of the run.
        out: Where the export will be.
        strict: Refuse to leave out a row of the log.

    Raises:
        InputError: If the run cannot be loaded, or an option of the offers does not go with it.
    """
    asked = None if options.offers is None else parsed(options.offers, options.parser, checkpoint)
    wanted: Literal["recommends", "ranks"] = "recommends" if asked is None else "ranks"
    task, data = load_lister(checkpoint, strict, options.trust, out, wanted)
    more = None if asked is None else live_facts(asked, as_ranker(task, checkpoint), data).parts()
    return Packable(task, data, more)


def live_facts(options: argparse.Namespace, task: RankedTask, data: RecommenderData) -> OfferFacts:
    """Decide once for everybody to find the price of the budget, and gather what a service needs.

    Args:
        options: Of `parsed`.
        task: The ranker.
        data: Its data.

    Raises:
        InputError: If an option does not go with the data, or with a service.
    """
    request, week = prepared(Request.of(options), data)
    policy = request.policies[0]
    if request.scenario.launch is not None:
        what = "an export holds no items that were never sold, which the scenario launches"
        raise InputError(what, column="--scenario", hint="leave launch out, and export again once they sell")
    found = offered(request, task, data, week)
    terms = terms_of(request, data, found.shelf.table, found.candidates, week.week)
    economics, limits = request.economics, request.guardrails
    pairs = pairs_of(found.candidates, request.scenario, limits, economics, terms)
    budget = budget_of(found.candidates, pairs, request.options.budget, terms)
    price = decide(policy, pairs, budget).budget_price
    told = _terms(request, week, policy, price)
    _tell(told, budget)
    serving = None if request.serving is None else request.serving.response
    return OfferFacts(
        told,
        found.calibration,
        request.scenario,
        economics,
        limits,
        _items(request, data, found, pairs),
        _users(data),
        found.shelf.eligible,
        serving,
    )


def _terms(request: Request, week: Decided, policy: Any, price: float) -> OfferTerms:
    options, own = request.options, getattr(policy, "levels", LEVELS)
    levels = tuple(request.scenario.levels or own)
    if options.promotion == "amount":
        levels = (0.0, *sorted(set(options.amounts))) if options.amounts else AMOUNTS
    return OfferTerms(
        policy.name,
        levels,
        options.promotion,
        options.items or ITEMS[request.scenario.pairs],
        options.k or K,
        week.horizon,
        week.week,
        options.budget,
        price,
        options.max_offers_per_user,
    )


def _tell(terms: OfferTerms, budget: Budget) -> None:
    if budget.total is None:
        note("no --budget: a service makes each offer that pays")
    elif not terms.price:
        note(f"a budget of {budget.total:g} is more than all offers that pay cost: its price is 0")
    else:
        note(f"the price of a budget of {budget.total:g} is {terms.price:.4g} for each unit of money")


def _items(request: Request, data: RecommenderData, found: Offered, pairs: Pairs) -> pd.DataFrame:
    """Gather the facts of all items, by code; who sells out is told by what everybody is expected to buy."""
    items, train = data.split.items, data.split.train.frame
    ids = pd.Series(items.ids)
    frame = pd.DataFrame(
        {"price": ids.map(regular_prices(train)), "max_depth": ids.map(observed_depths(train))}
    ).astype("float64")
    texts = pd.Series(as_text(items).ids).astype("str")
    if request.costs is not None:
        facts = request.costs.reindex(texts).reset_index(drop=True)
        frame = frame.assign(**{str(name): of for name, of in facts.items()})
    if request.stock is not None:
        frame["stock"] = texts.map(request.stock).astype("float64")
        codes = items.codes(found.candidates.frame["item_id"])
        wanted = np.bincount(codes, pairs.units(np.zeros(len(pairs))), len(items))
        frame["gone"] = wanted >= frame["stock"].fillna(np.inf)
    return frame


def _users(data: RecommenderData) -> pd.DataFrame:
    """Gather how users take discounts, by code."""
    affinity, ids = discount_affinities(data.split.train), pd.Series(data.split.users.ids)
    elasticity = ids.map(elasticity_from_affinity(affinity)).fillna(MEDIAN_ELASTICITY)
    return pd.DataFrame({"affinity": ids.map(affinity).fillna(0.0), "elasticity": elasticity}).astype(
        "float64"
    )
