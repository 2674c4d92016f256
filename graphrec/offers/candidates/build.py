"""From a trained recommender to pairs with a probability, a price and an elasticity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from rich.progress import track

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.data.splits import Split
from graphrec.errors import InputError
from graphrec.evaluation.calibration import Calibrator, CalibratorKind, calibration_table
from graphrec.evaluation.finite import check_scores
from graphrec.notices import note
from graphrec.offers.candidates.eligibility import Eligibility
from graphrec.offers.candidates.prices import discount_affinities, observed_depths, regular_prices
from graphrec.offers.candidates.table import Candidates
from graphrec.response.curves import MEDIAN_ELASTICITY, elasticity_from_affinity

if TYPE_CHECKING:  # both bring PyG along, which offers must do without
    from graphrec.graph import BipartiteGraph
    from graphrec.models.base import ItemSet, Recommender


BATCH_SCORES = 4_000_000
"""Scores of a batch, 16 MB in float32: the batch size follows from the catalogue."""


@dataclass(frozen=True)
class _Labelled:
    """Scored pairs with what happened in validation; arrays of one length."""

    score: FloatArray
    bought: BoolArray
    seen: BoolArray
    weight: FloatArray


def fit_calibrator(
    recommender: Recommender,
    graph: BipartiteGraph,
    split: Split,
    sample_users: int | None = 500,
    seed: int = 0,
    kind: CalibratorKind = "isotonic",
    max_pairs: int = 2_000_000,
    eligible: Eligibility | None = None,
) -> Calibrator:
    """Learn the probability of a purchase within the validation window from raw scores.

    Users are drawn from all of the training part, those who bought nothing in validation included: leaving
    them out would predict more purchases than there are. Each brings the whole catalogue. Where that is
    more than `max_pairs`, pairs that are neither bought nor seen are thinned and weighted up again, which
    keeps the probabilities unbiased.

    Args:
        recommender: Trained on `graph`, without the validation part.
        graph: Graph of the training part.
        split: With a validation part.
        sample_users: Users to draw; all if missing or more than there are.
        seed: Of the draws.
        kind: See `Calibrator.fit`.
        max_pairs: Bound of memory, about 20 bytes a pair.
        eligible: Learn from these pairs alone, of all their users: an item whose sales fade, or a household
            that comes less often, buys less than its score says elsewhere.

    Raises:
        InputError: If the split has no validation part, or no pair is eligible.
    """
    if not len(split.val):
        hint = "calibrate on a split made without refit"
        raise InputError("there is no validation part to calibrate on", column="refit", hint=hint)
    rng = np.random.default_rng(seed)
    users, items = np.arange(len(split.users)), len(split.items)
    if eligible is not None:
        users, items, sample_users = users[eligible.users], int(eligible.items.sum()), None
    if sample_users is not None and sample_users < len(users):
        users = np.sort(rng.choice(users, sample_users, replace=False))
    keep = min(1.0, max_pairs / max(len(users) * items, 1))
    whole = _all_labelled(recommender, graph, split, users, keep, rng, eligible)
    return Calibrator.fit(whole.score, whole.bought, whole.seen, kind, whole.weight)


def calibration_check(
    recommender: Recommender,
    graph: BipartiteGraph,
    split: Split,
    sample_users: int = 400,
    seed: int = 1,
    max_pairs: int = 1_000_000,
) -> pd.DataFrame:
    """Calibrate on one half of some users, and compare with what the other half bought in validation.

    Args:
        recommender: Trained on `graph`, without the validation part.
        graph: Graph of the training part.
        split: With a validation part.
        sample_users: Users of both halves; all if there are fewer.
        seed: Of the draws.
        max_pairs: Bound of memory, see `fit_calibrator`.

    Returns:
        What `graphrec.evaluation.calibration.calibration_table` returns, for the second half.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(len(split.users))[: max(2, sample_users)]
    keep = min(1.0, max_pairs / max(len(drawn) * len(split.items), 1))
    fitted, judged = (
        _all_labelled(recommender, graph, split, np.sort(half), keep, rng, None)
        for half in np.array_split(drawn, 2)
    )
    calibrator = Calibrator.fit(fitted.score, fitted.bought, fitted.seen, weight=fitted.weight)
    probability = calibrator.probability(judged.score, judged.seen)
    return calibration_table(probability, judged.bought, weight=judged.weight)


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

    Raises:
        InputError: If the training part has no price, or no user has a candidate.
    """
    if eligible is not None:
        users = users[eligible.users[users]]
    batches = [
        _top_items(recommender, graph, batch, k, items, eligible)
        for batch in _batches(users, len(split.items), "Ranking")
    ]
    if not batches or not sum(map(len, batches)):
        raise InputError("no user has an item to offer", column="items", hint="choose the item set all")
    frame = pd.concat(batches, ignore_index=True)
    frame[Columns.USER] = split.users.ids[frame[Columns.USER_CODE]]
    frame[Columns.ITEM] = split.items.ids[frame[Columns.ITEM_CODE]]
    frame["price"] = frame[Columns.ITEM].map(regular_prices(split.train.frame))
    affinity = discount_affinities(split.train)
    frame["affinity"] = frame[Columns.USER].map(affinity).fillna(0.0)
    elasticity = frame[Columns.USER].map(elasticity_from_affinity(affinity))
    frame["elasticity"] = elasticity.fillna(MEDIAN_ELASTICITY)
    frame["max_depth"] = frame[Columns.ITEM].map(observed_depths(split.train.frame))
    score, seen = frame["score"].to_numpy(), frame["seen"].to_numpy()
    frame["probability"] = calibrator.probability(score, seen)
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
    return Candidates(frame)


def _tell_of_unpriced(frame: pd.DataFrame, unpriced: pd.Series[bool]) -> None:
    """Count the items without a price, and the users who are left with nothing."""
    items = frame.loc[unpriced, Columns.ITEM].nunique()
    users = frame[Columns.USER].nunique() - frame.loc[~unpriced, Columns.USER].nunique()
    none = f", and {users:,} users have no other item" if users else ""
    note(f"{items:,} items have no price in training and get no offer{none}")


def _batches(users: IntArray, num_items: int, title: str) -> Iterable[IntArray]:
    """Cut users so that a batch's scores fit in memory; a bar shows where there are several."""
    size = max(1, BATCH_SCORES // max(1, num_items))
    batches = [users[start : start + size] for start in range(0, len(users), size)]
    return track(batches, title, transient=True) if len(batches) > 1 else batches


def _on_device(graph: BipartiteGraph, users: IntArray) -> torch.Tensor:
    return torch.as_tensor(users, dtype=torch.long, device=graph.edge_user.device)


def _all_labelled(
    recommender: Recommender,
    graph: BipartiteGraph,
    split: Split,
    users: IntArray,
    keep: float,
    rng: np.random.Generator,
    eligible: Eligibility | None,
) -> _Labelled:
    """Score and label the pairs of some users, a batch at a time; raise `InputError` if there is none."""
    parts = [
        _labelled(recommender, graph, split.val.pairs(), batch, keep, rng, eligible)
        for batch in _batches(users, len(split.items), "Calibrating")
    ]
    if not sum(len(part.score) for part in parts):
        what = "no user has an item that this scenario is for"
        raise InputError(what, column="scenario", hint="choose another scenario")
    names = ("score", "bought", "seen", "weight")
    return _Labelled(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@torch.no_grad()
def _labelled(
    recommender: Recommender,
    graph: BipartiteGraph,
    bought_pairs: IntArray,
    users: IntArray,
    keep: float,
    rng: np.random.Generator,
    eligible: Eligibility | None,
) -> _Labelled:
    """Score whole catalogues, look up what was bought, and thin the rest; only what is eligible."""
    codes = _on_device(graph, users)
    score = recommender.score(codes).cpu().numpy().astype(np.float64)
    check_scores(score)
    seen = graph.bought.mask(codes).cpu().numpy()
    bought = np.zeros(score.shape, dtype=np.bool_)
    of_batch = bought_pairs[np.isin(bought_pairs[:, 0], users)]
    bought[np.searchsorted(users, of_batch[:, 0]), of_batch[:, 1]] = True
    certain = bought | seen
    kept = certain | (rng.random(score.shape) < keep)
    if eligible is not None:
        kept &= eligible.mask(users)
    return _Labelled(score[kept], bought[kept], seen[kept], np.where(certain, 1.0, 1.0 / keep)[kept])


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
    codes = _on_device(graph, users)
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
