"""The best items of each user, a batch of users at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from rich.progress import track

from graphrec.arrays import BoolArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.evaluation.finite import check_scores
from graphrec.kernels.topk import tie_order
from graphrec.kernels.topk import top_items as best_items
from graphrec.offers.candidates.eligibility import Eligibility

if TYPE_CHECKING:  # both bring PyG along, which offers must do without
    from graphrec.graph import BipartiteGraph
    from graphrec.models.base import ItemSet, Recommender

BATCH_SCORES = 4_000_000
"""Scores of a batch, 16 MB in float32: the batch size follows from the catalogue."""


def batches(users: IntArray, num_items: int, title: str) -> Iterable[IntArray]:
    """Cut users so that a batch's scores fit in memory; a bar shows where there are several."""
    size = max(1, BATCH_SCORES // max(1, num_items))
    cut = [users[start : start + size] for start in range(0, len(users), size)]
    return track(cut, title, transient=True) if len(cut) > 1 else cut


def on_device(graph: BipartiteGraph, users: IntArray) -> torch.Tensor:
    """Bring codes of users to where the graph is. ``[B]`` to ``[B]``."""
    return torch.as_tensor(users, dtype=torch.long, device=graph.edge_user.device)


@torch.no_grad()
def top_items(
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


def places_in(lists: pd.DataFrame) -> dict[str, IntArray]:
    """Find user, item and the place among the user's items of its kind, seen or new, from 0.

    Args:
        lists: As `top_items` returns them, one below the other.

    Returns:
        ``user``, ``item`` and ``place``. Shape ``[P]`` each.
    """
    place = lists.groupby([Columns.USER_CODE, "seen"]).cumcount()
    found = {"user": lists[Columns.USER_CODE], "item": lists[Columns.ITEM_CODE], "place": place}
    return {name: np.asarray(of, dtype=np.int64) for name, of in found.items()}


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
    best, place = best_items(scores, k, tie_order(scores.shape[1], scores.device))
    return place.masked_fill(best == -torch.inf, -1).cpu(), best.cpu()
