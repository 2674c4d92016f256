"""Scored pairs with what happened in validation: what a calibration is learnt and checked on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.data.splits import Split
from graphrec.errors import InputError
from graphrec.evaluation.finite import check_scores
from graphrec.evaluation.probability.standing import Standing
from graphrec.offers.candidates.eligibility import Eligibility
from graphrec.offers.candidates.listed import batches, on_device

if TYPE_CHECKING:  # both bring PyG along, which offers must do without
    from graphrec.graph import BipartiteGraph
    from graphrec.models.base import Recommender


@dataclass(frozen=True)
class Labelled:
    """Scored pairs with what happened in validation; arrays of one length.

    Args:
        weeks: In how many of its weeks each pair was bought, where it is a period of time.
        user: Codes.
        item: Codes.
        place: Of the item among those of its kind in the user's list, from 0.
    """

    score: FloatArray
    bought: BoolArray
    seen: BoolArray
    weight: FloatArray
    weeks: IntArray
    user: IntArray
    item: IntArray
    place: IntArray

    def standing(self, graph: BipartiteGraph) -> Standing:
        """Look up what training knows of the pairs."""
        return standing_of(graph, self.user, self.item, self.place)


def standing_of(graph: BipartiteGraph, user: IntArray, item: IntArray, place: IntArray) -> Standing:
    """Look up what training knows of pairs, besides their score. Codes and places of shape ``[P]``."""
    items_of = graph.bought.counts(torch.arange(graph.num_users)).cpu().numpy()
    return Standing.of(place, user, item, items_of, graph.item_degree().cpu().numpy())


def all_labelled(
    recommender: Recommender,
    graph: BipartiteGraph,
    split: Split,
    users: IntArray,
    keep: float,
    rng: np.random.Generator,
    eligible: Eligibility | None,
) -> Labelled:
    """Score and label the pairs of some users, a batch at a time; raise `InputError` if there is none."""
    bought = weeks_bought(split)
    parts = [
        _labelled(recommender, graph, bought, batch, keep, rng, eligible)
        for batch in batches(users, len(split.items), "Calibrating")
    ]
    if not sum(len(part.score) for part in parts):
        what = "no user has an item that this scenario is for"
        raise InputError(what, column="scenario", hint="choose another scenario")
    names = (one.name for one in fields(Labelled))
    return Labelled(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def weeks_bought(split: Split) -> IntArray:
    """Count the weeks of validation in which each pair of it was bought, 1 where it has none. ``[E, 3]``."""
    pairs, span = split.val.pairs(), split.val_span
    if span is None:
        return np.column_stack([pairs, np.ones(len(pairs), dtype=np.int64)])
    rows = split.val.targets().frame
    keys = rows[[Columns.USER_CODE, Columns.ITEM_CODE]].assign(week=span.week_of(rows)).drop_duplicates()
    counts = keys.groupby([Columns.USER_CODE, Columns.ITEM_CODE], sort=True).size()
    return np.column_stack([np.array(counts.index.tolist(), dtype=np.int64).reshape(-1, 2), counts])


@torch.no_grad()
def _labelled(
    recommender: Recommender,
    graph: BipartiteGraph,
    bought_pairs: IntArray,
    users: IntArray,
    keep: float,
    rng: np.random.Generator,
    eligible: Eligibility | None,
) -> Labelled:
    """Score whole catalogues, look up what was bought, and thin the rest; only what is eligible."""
    codes = on_device(graph, users)
    score = recommender.score(codes).cpu().numpy().astype(np.float64)
    check_scores(score)
    seen = graph.bought.mask(codes).cpu().numpy()
    weeks = np.zeros(score.shape, dtype=np.int64)
    of_batch = bought_pairs[np.isin(bought_pairs[:, 0], users)]
    weeks[np.searchsorted(users, of_batch[:, 0]), of_batch[:, 1]] = of_batch[:, 2]
    bought = weeks > 0
    certain = bought | seen
    kept = certain | (rng.random(score.shape) < keep)
    allowed = np.ones(score.shape, dtype=np.bool_) if eligible is None else eligible.mask(users)
    kept &= allowed
    weight, place = np.where(certain, 1.0, 1.0 / keep), _places(score, seen, allowed)
    row, item = np.nonzero(kept)
    return Labelled(
        score=score[kept],
        bought=bought[kept],
        seen=seen[kept],
        weight=weight[kept],
        weeks=weeks[kept],
        user=users[row],
        item=item,
        place=place[kept],
    )


def _places(score: FloatArray, seen: BoolArray, allowed: BoolArray) -> IntArray:
    """Find the place of each item among the allowed ones of its kind, the best first. ``[B, I]``."""
    place = np.zeros(score.shape, dtype=np.int64)
    for kind in (seen & allowed, ~seen & allowed):
        order = np.argsort(np.where(kind, -score, np.inf), axis=1, kind="stable")
        mine = np.empty_like(order)
        np.put_along_axis(mine, order, np.arange(order.shape[1])[None], axis=1)
        place[kind] = mine[kind]
    return place
