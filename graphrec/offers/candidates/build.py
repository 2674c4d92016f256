"""From a trained recommender to pairs with a probability, a price and an elasticity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.arrays import IntArray
from graphrec.data.interactions import Columns
from graphrec.data.splits import Split
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.offers.candidates.calibration import Calibration
from graphrec.offers.candidates.eligibility import Eligibility
from graphrec.offers.candidates.labelled import standing_of
from graphrec.offers.candidates.listed import batches, places_in, top_items
from graphrec.offers.candidates.prices import discount_affinities, observed_depths, regular_prices
from graphrec.offers.candidates.table import Candidates
from graphrec.response.curves import MEDIAN_ELASTICITY, elasticity_from_affinity

if TYPE_CHECKING:  # both bring PyG along, which offers must do without
    from graphrec.graph import BipartiteGraph
    from graphrec.models.base import ItemSet, Recommender


def build_candidates(
    recommender: Recommender,
    graph: BipartiteGraph,
    split: Split,
    calibration: Calibration,
    users: IntArray,
    k: int = 20,
    items: ItemSet = "all",
    eligible: Eligibility | None = None,
    product_sets: pd.Series[Any] | None = None,
    weeks: int | None = None,
    prices: pd.Series[Any] | None = None,
) -> Candidates:
    """Find the best `k` items of each user, with all that a policy wants to know.

    Items without a price cannot be discounted and are left out, with a warning. Elasticities follow from
    the user's discount affinity where the training part has shelf prices, and are 1.5 elsewhere.

    Args:
        recommender: Trained on `graph`.
        graph: Graph of the training part.
        split: Its training part gives prices and affinities.
        calibration: What the scores of this recommender mean.
        users: Codes of the users. Shape ``[B]``.
        k: Items per user; fewer where the item set has fewer.
        items: ``all``, ``repeat`` (bought in training) or ``new``.
        eligible: What a scenario may offer to whom; everything if missing.
        product_sets: Name of each item's product set by ``item_id``, for coupons and campaigns.
        weeks: Weeks that an offer is for. If missing, it is for a time as long as the validation part.
        prices: Regular prices by ``item_id`` that the training part does not know.

    Raises:
        InputError: If the training part has no price, or no user has a candidate.
    """
    if eligible is not None:
        users = users[eligible.users[users]]
    ranked = [
        top_items(recommender, graph, batch, k, items, eligible)
        for batch in batches(users, len(split.items), "Ranking")
    ]
    if not ranked or not sum(map(len, ranked)):
        raise InputError("no user has an item to offer", column="items", hint="choose the item set all")
    frame = pd.concat(ranked, ignore_index=True)
    frame[Columns.USER] = split.users.ids[frame[Columns.USER_CODE]]
    frame[Columns.ITEM] = split.items.ids[frame[Columns.ITEM_CODE]]
    known = regular_prices(split.train.frame)
    frame["price"] = frame[Columns.ITEM].map(known if prices is None else known.combine_first(prices))
    affinity = discount_affinities(split.train)
    frame["affinity"] = frame[Columns.USER].map(affinity).fillna(0.0)
    elasticity = frame[Columns.USER].map(elasticity_from_affinity(affinity))
    frame["elasticity"] = elasticity.fillna(MEDIAN_ELASTICITY)
    frame["max_depth"] = frame[Columns.ITEM].map(observed_depths(split.train.frame))
    score, seen = frame["score"].to_numpy(), frame["seen"].to_numpy()
    standing = standing_of(graph, **places_in(frame))
    frame["probability"] = calibration.calibrator.probability(score, seen, standing)
    if weeks is not None:
        frame["probability"], frame["growth"] = calibration.in_a_week(score, seen, standing)
    frame["unit_score"] = calibration.calibrator.unit_score(score)
    if product_sets is not None:
        frame["product_set"] = frame[Columns.ITEM].map(product_sets)
    unpriced = frame["price"].isna()
    if unpriced.any():
        _tell_of_unpriced(frame, unpriced)
    frame = frame[~unpriced].reset_index(drop=True)
    if frame.empty:
        hint = "offer items that have one, or map a column with prices"
        raise InputError("no item that could be offered has a price", column="price", hint=hint)
    if eligible is not None:
        user, item = (np.asarray(frame[name]) for name in (Columns.USER_CODE, Columns.ITEM_CODE))
        frame["worth"] = eligible.worth(user, item, np.asarray(frame["price"], dtype=np.float64))
    return Candidates(frame, weeks=weeks)


def _tell_of_unpriced(frame: pd.DataFrame, unpriced: pd.Series[bool]) -> None:
    """Count the items without a price, and the users who are left with nothing."""
    items = frame.loc[unpriced, Columns.ITEM].nunique()
    users = frame[Columns.USER].nunique() - frame.loc[~unpriced, Columns.USER].nunique()
    none = f", and {users:,} users have no other item" if users else ""
    note(f"{items:,} items have no price in training and get no offer{none}")
