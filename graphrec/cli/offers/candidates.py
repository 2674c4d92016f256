"""The pairs that ``graphrec offers`` decides for, with all that the options tell of them."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from graphrec.cli.frames import user_codes
from graphrec.cli.offers.chance import with_reference
from graphrec.cli.offers.request import ITEMS, Request
from graphrec.cli.offers.shelf import Shelf
from graphrec.cli.offers.terms import item_attribute
from graphrec.data.interactions import Columns
from graphrec.data.tables.read import Table
from graphrec.notices import note
from graphrec.offers.candidates.build import build_candidates
from graphrec.offers.candidates.calibrate import calibrate
from graphrec.offers.candidates.calibration import Calibration
from graphrec.offers.candidates.table import Candidates
from graphrec.offers.decided_week import Decided

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData
    from graphrec.models.base import ItemSet
    from graphrec.training import RankedTask

K = 20
"""Candidate items of each user."""
PRODUCT_SET = "product_category"
"""Item attribute that tells the sets of coupons."""


class Offered(NamedTuple):
    """What is decided on.

    Args:
        candidates: With all that is known of them.
        known: What was known of them before a response that serves and the shop's facts.
        shelf: That they were taken from.
        calibration: What their scores mean.
    """

    candidates: Candidates
    known: pd.DataFrame
    shelf: Shelf
    calibration: Calibration


def offered(request: Request, task: RankedTask, data: RecommenderData, week: Decided) -> Offered:
    """Find the best items of each user, and say what their probabilities are of.

    Args:
        request: The options, joined with the data.
        task: The ranker.
        data: Its data.
        week: The weeks that are decided for.

    Raises:
        InputError: If an option does not go with the data.
    """
    options, aim = request.options, request.scenario
    shelf, sets = Shelf.of(request, task, data, week), None
    if options.promotion == "coupon":
        sets = item_attribute(shelf.table, options.product_set or PRODUCT_SET, data)
    items = options.items or ITEMS[aim.pairs]
    found = request.kept
    if found is None:
        ranker, k = shelf.fitted, options.k or K
        found = calibrate(ranker, ranker.graph, data.split, shelf.rule, k, items)
    elif shelf.rule is not None:
        note(f"the calibration of a refit is of all pairs, not of those that the scenario {aim.name} is for")
    candidates = offer_candidates(
        shelf, data, found, week.horizon, request.users, options.k or K, items, sets
    )
    print(found.line(week.horizon))
    if options.response is not None:
        candidates = _with_response(candidates, options, week.week, found, data.split.train.frame)
    if request.serving is not None or options.explore is not None:
        candidates = with_reference(candidates)
    known = candidates.frame
    if request.serving is not None and request.serving.response is not None:
        response = request.serving.response.response(known)
        candidates = replace(candidates, response=response, hindsight=None)
    if request.stock is not None:
        stock = candidates.frame[Columns.ITEM].astype("str").map(request.stock)
        candidates = replace(candidates, frame=candidates.frame.assign(stock=stock))
    if request.costs is not None:
        facts = request.costs.reindex(candidates.frame[Columns.ITEM].astype("str")).reset_index(drop=True)
        candidates = replace(
            candidates, frame=candidates.frame.assign(**{str(name): of for name, of in facts.items()})
        )
    return Offered(candidates, known, shelf, found)


def offer_candidates(
    shelf: Shelf,
    data: RecommenderData,
    calibration: Calibration,
    weeks: int | None = None,
    users: Table | None = None,
    k: int = 20,
    items: ItemSet = "all",
    product_sets: pd.Series[Any] | None = None,
) -> Candidates:
    """Find the best `k` items of each user on a shelf with calibrated probabilities and prices.

    Without `weeks` an offer is for a time as long as the validation part.
    """
    return build_candidates(
        shelf.recommender,
        shelf.recommender.graph,
        shelf.split,
        calibration,
        user_codes(users, data.split.users),
        k,
        items,
        eligible=shelf.eligible,
        product_sets=product_sets,
        weeks=weeks,
        prices=shelf.prices,
    )


def _with_response(
    candidates: Candidates,
    options: argparse.Namespace,
    week: int | None,
    found: Calibration,
    trained: pd.DataFrame,
) -> Candidates:
    """Give the same pairs learnt curves, with what past weeks say of them."""
    from graphrec.cli.offers.curves.hindsight import curves_and_hindsight

    response, hindsight = curves_and_hindsight(
        options.response, candidates.frame, week, options.trust, found, trained
    )
    return replace(candidates, response=response, hindsight=hindsight)
