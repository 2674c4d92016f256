"""From a trained recommender to pairs with a probability, a price and an elasticity."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from rich.progress import track

from graphrec.data.interactions import Columns, Interactions
from graphrec.data.splits import Split
from graphrec.errors import InputError
from graphrec.evaluation.calibration import Calibrator, CalibratorKind
from graphrec.offers.economics import BoolArray, FloatArray
from graphrec.offers.response import MEDIAN_ELASTICITY, discount_affinity, elasticity_from_affinity
from graphrec.offers.table import Candidates

if TYPE_CHECKING:  # both bring PyG along, which offers must do without
    from graphrec.graph import BipartiteGraph
    from graphrec.models.base import ItemSet, Recommender

IntArray = npt.NDArray[np.int64]

BATCH_SCORES = 4_000_000
"""Scores of a batch, 16 MB in float32: the batch size follows from the catalogue."""

PRICE_WEEKS = 8
"""Weeks at the end of training that the regular price is read from."""


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
) -> Calibrator:
    """Learn the probability of a purchase within the validation window from raw scores.

    Users are drawn from all of the training part, those who bought nothing in validation included: leaving
    them out would promise more purchases than there are. Each brings the whole catalogue. Where that is
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

    Raises:
        InputError: If the split has no validation part.
    """
    if not len(split.val):
        mend = "calibrate on a split made without refit"
        raise InputError("there is no validation part to calibrate on", column="refit", mend=mend)
    rng = np.random.default_rng(seed)
    users = np.arange(len(split.users))
    if sample_users is not None and sample_users < len(users):
        users = np.sort(rng.choice(users, sample_users, replace=False))
    keep = min(1.0, max_pairs / (len(users) * len(split.items)))
    parts = [
        _labelled(recommender, graph, split.val.pairs(), batch, keep, rng)
        for batch in _batches(users, len(split.items), "Calibrating")
    ]
    score, bought, seen, weight = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("score", "bought", "seen", "weight")
    )
    return Calibrator.fit(score, bought, seen, kind, weight)


def regular_prices(train: pd.DataFrame) -> pd.Series[Any]:
    """Regular price of each item: the median over the last weeks of training, or over all where it rested.

    Args:
        train: Rows of the training part with ``item_id`` and ``regular_price`` or ``price`` (money per
            unit), and ``week`` if there is one.

    Returns:
        Price by ``item_id``; items without any price above 0 are left out.

    Raises:
        InputError: If there is no price column, or nothing in it.
    """
    column = Columns.REGULAR_PRICE if Columns.REGULAR_PRICE in train else Columns.PRICE
    if column not in train:
        mend = "map a column to regular_price or price in the source's `columns`"
        raise InputError("offers need a price", file=train.attrs.get("file"), column=column, mend=mend)
    priced = train[train[column] > 0]
    if priced.empty:
        mend = "map a column with prices above 0"
        raise InputError("no price is above 0", file=train.attrs.get("file"), column=column, mend=mend)
    prices = priced.groupby(Columns.ITEM)[column].median()
    if Columns.WEEK in train:
        late = priced[priced[Columns.WEEK] > train[Columns.WEEK].max() - PRICE_WEEKS]
        prices = late.groupby(Columns.ITEM)[column].median().reindex(prices.index).fillna(prices)
    return prices.rename("price")


def build_candidates(
    recommender: Recommender,
    graph: BipartiteGraph,
    split: Split,
    calibrator: Calibrator,
    users: IntArray,
    k: int = 20,
    items: ItemSet = "all",
) -> Candidates:
    """The best `k` items of each user, with all that a policy wants to know.

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

    Raises:
        InputError: If the training part has no price, or no user has a candidate.
    """
    batches = [
        _top_items(recommender, graph, batch, k, items)
        for batch in _batches(users, len(split.items), "Ranking")
    ]
    if not batches or not sum(map(len, batches)):
        raise InputError("no user has an item to offer", column="items", mend="choose the item set all")
    frame = pd.concat(batches, ignore_index=True)
    frame[Columns.USER] = split.users.ids[frame[Columns.USER_CODE]]
    frame[Columns.ITEM] = split.items.ids[frame[Columns.ITEM_CODE]]
    frame["price"] = frame[Columns.ITEM].map(regular_prices(split.train.frame))
    frame["elasticity"] = frame[Columns.USER].map(_elasticities(split.train)).fillna(MEDIAN_ELASTICITY)
    score, seen = frame["score"].to_numpy(), frame["seen"].to_numpy()
    frame["probability"] = calibrator.probability(score, seen)
    frame["unit_score"] = calibrator.unit_score(score)
    unpriced = frame["price"].isna()
    if unpriced.any():
        count = frame.loc[unpriced, Columns.ITEM].nunique()
        warnings.warn(f"{count} items have no price in training and get no offer", stacklevel=2)
    return Candidates(frame[~unpriced].reset_index(drop=True))


def _batches(users: IntArray, num_items: int, title: str) -> Iterable[IntArray]:
    """Cut users so that a batch's scores fit in memory; a bar shows where there are several."""
    size = max(1, BATCH_SCORES // max(1, num_items))
    batches = [users[start : start + size] for start in range(0, len(users), size)]
    return track(batches, title, transient=True) if len(batches) > 1 else batches


def _on_device(graph: BipartiteGraph, users: IntArray) -> torch.Tensor:
    return torch.as_tensor(users, dtype=torch.long, device=graph.edge_user.device)


@torch.no_grad()
def _labelled(
    recommender: Recommender,
    graph: BipartiteGraph,
    bought_pairs: IntArray,
    users: IntArray,
    keep: float,
    rng: np.random.Generator,
) -> _Labelled:
    """Score whole catalogues, look up what was bought, and thin the rest."""
    codes = _on_device(graph, users)
    score = recommender.score(codes).cpu().numpy().astype(np.float64)
    seen = graph.seen_mask(codes).cpu().numpy()
    bought = np.zeros(score.shape, dtype=np.bool_)
    of_batch = bought_pairs[np.isin(bought_pairs[:, 0], users)]
    bought[np.searchsorted(users, of_batch[:, 0]), of_batch[:, 1]] = True
    certain = bought | seen
    kept = certain | (rng.random(score.shape) < keep)
    return _Labelled(score[kept], bought[kept], seen[kept], np.where(certain, 1.0, 1.0 / keep)[kept])


def _top_items(
    recommender: Recommender, graph: BipartiteGraph, users: IntArray, k: int, items: ItemSet
) -> pd.DataFrame:
    """Columns ``user``, ``item`` (codes), ``score``, ``seen``; best first within a user."""
    codes = _on_device(graph, users)
    ranking = recommender.recommend(codes, k, items)
    ranked, scores = ranking.items.cpu(), ranking.scores.cpu()
    seen = graph.seen_mask(codes).cpu().gather(1, ranked.clamp(min=0))
    there = (ranked >= 0).numpy()
    return pd.DataFrame(
        {
            Columns.USER_CODE: np.repeat(users, ranked.shape[1])[there.ravel()],
            Columns.ITEM_CODE: ranked.numpy()[there],
            "score": scores.numpy().astype(np.float64)[there],
            "seen": seen.numpy()[there],
        }
    )


def _elasticities(train: Interactions) -> pd.Series[Any]:
    """Elasticity by ``user_id``; empty where the log has no shelf prices."""
    if not {Columns.REGULAR_PRICE, Columns.SHELF_PRICE} <= set(train.frame):
        return pd.Series(dtype=np.float64)
    frame = train.frame if Columns.QUANTITY in train.frame else train.frame.assign(quantity=1)
    return elasticity_from_affinity(discount_affinity(frame))
