"""From a trained recommender to pairs with a probability, a price and an elasticity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from graphrec.arrays import BoolArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.data.splits import Split
from graphrec.errors import InputError
from graphrec.evaluation.calibration import Calibrator
from graphrec.evaluation.finite import check_scores
from graphrec.notices import note
from graphrec.offers.candidates.calibrate import batches, on_device
from graphrec.offers.candidates.eligibility import Eligibility
from graphrec.offers.candidates.prices import discount_affinities, observed_depths, regular_prices
from graphrec.offers.candidates.table import Candidates
from graphrec.offers.horizon import Horizon, Period
from graphrec.response.curves import MEDIAN_ELASTICITY, elasticity_from_affinity

if TYPE_CHECKING:  # both bring PyG along, which offers must do without
    from graphrec.graph import BipartiteGraph
    from graphrec.models.base import ItemSet, Recommender


def build_candidates(
    recommender: Recommender,
    graph: BipartiteGraph,
    split: Split,
    calibrator: Calibrator,
    users: IntArray,
    k: int = 20,
    items: ItemSet = "all",
    eligible: Eligibility | None = None,
    product_sets: pd.Series[Any] | None = None,
    period: Period | None = None,
    weeks: int = 1,
    prices: pd.Series[Any] | None = None,
) -> Candidates:
    """Find the best `k` items of each user, with all that a policy wants to know.

    Items without a price cannot be discounted and are left out, with a warning. Elasticities follow from
    the user's discount affinity where the training part has shelf prices, and are 1.5 elsewhere.

    Args:
        recommender: Trained on `graph`.
        graph: Graph of the training part.
        split: Its training part gives prices and affinities.
        calibrator: Fitted with `fit_calibrator` for this recommender.
        users: Codes of the users. Shape ``[B]``.
        k: Items per user; fewer where the item set has fewer.
        items: ``all``, ``repeat`` (bought in training) or ``new``.
        eligible: What a scenario may offer to whom; everything if missing.
        product_sets: Name of each item's product set by ``item_id``, for coupons and campaigns.
        period: What the calibrated probability is of, to turn it into that of a week. If missing, an offer
            is for that period, however long it is.
        weeks: Weeks that an offer is for, where the period is known.
        prices: Regular prices by ``item_id`` that the training part does not know.

    Raises:
        InputError: If the training part has no price, or no user has a candidate.
    """
    if eligible is not None:
        users = users[eligible.users[users]]
    ranked = [
        _top_items(recommender, graph, batch, k, items, eligible)
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
    within = calibrator.probability(score, seen)
    frame["probability"] = within if period is None else period.of_a_week(within)
    frame["unit_score"] = calibrator.unit_score(score)
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
    return Candidates(frame, horizon=None if period is None else Horizon(weeks, period.spread))


def _tell_of_unpriced(frame: pd.DataFrame, unpriced: pd.Series[bool]) -> None:
    """Count the items without a price, and the users who are left with nothing."""
    items = frame.loc[unpriced, Columns.ITEM].nunique()
    users = frame[Columns.USER].nunique() - frame.loc[~unpriced, Columns.USER].nunique()
    none = f", and {users:,} users have no other item" if users else ""
    note(f"{items:,} items have no price in training and get no offer{none}")


@torch.no_grad()
def _top_items(
    recommender: Recommender,
    graph: BipartiteGraph,
    users: IntArray,
    k: int,
    items: ItemSet,
    eligible: Eligibility | None,
) -> pd.DataFrame:
    """Rank items as columns ``user``, ``item`` (codes), ``score``, ``seen``; best first within a user."""
    codes = on_device(graph, users)
    if eligible is None:
        ranking = recommender.recommend(codes, k, items)
        ranked, scores = ranking.items.cpu(), ranking.scores.cpu()
    else:
        ranked, scores = _top_eligible(recommender, graph, codes, k, items, eligible.mask(users))
    seen = graph.bought.mask(codes).cpu().gather(1, ranked.clamp(min=0))
    there = (ranked >= 0).numpy()
    check_scores(scores.numpy()[there])
    return pd.DataFrame(
        {
            Columns.USER_CODE: np.repeat(users, ranked.shape[1])[there.ravel()],
            Columns.ITEM_CODE: ranked.numpy()[there],
            "score": scores.numpy().astype(np.float64)[there],
            "seen": seen.numpy()[there],
        }
    )


def _top_eligible(
    recommender: Recommender,
    graph: BipartiteGraph,
    codes: torch.Tensor,
    k: int,
    items: ItemSet,
    mask: BoolArray,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the best eligible items and their scores, -1 where there are fewer. ``[B, k]`` each."""
    allowed = torch.as_tensor(mask, device=codes.device)
    if items != "all":
        seen = graph.bought.mask(codes)
        allowed = allowed & (seen if items == "repeat" else ~seen)
    scores = recommender.score(codes).masked_fill(~allowed, -torch.inf)
    best, place = scores.topk(min(k, scores.shape[1]))
    return place.masked_fill(best == -torch.inf, -1).cpu(), best.cpu()
