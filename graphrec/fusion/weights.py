"""The weights of a fusion, found on validation: what the members say about a few candidates of each user."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from graphrec.errors import InputError
from graphrec.evaluation.finite import bad_scores
from graphrec.fusion.model import Fusion
from graphrec.graph import BipartiteGraph, ItemLists
from graphrec.kernels.topk import rank_of, tie_order, top_candidates, top_items
from graphrec.models.base import ItemSet

_FIRST_STEP, _LAST_STEP = 1 / 4, 1 / 64
_DRAWS = 4  # random starts per member

NO_CANDIDATE = -1e9
"""Score of a place without an item; finite, so that a weight of 0 makes no NaN of it."""


@dataclass(frozen=True)
class MemberScores:
    """The items that could be ranked first for some users, with what every member says about them.

    Args:
        users: User codes, each with something to find. Shape ``[n]``.
        scores: Comparable scores ``z_m``, `NO_CANDIDATE` where a user has fewer. Shape ``[M, n, C]``.
        relevant: What the user bought in the validation part. Shape ``[n, C]``, bool.
        ideal: DCG of a perfect list. Shape ``[n]``.
        k: Length of the lists.
    """

    users: Tensor
    scores: Tensor
    relevant: Tensor
    ideal: Tensor
    k: int

    def fused(self, weights: Tensor) -> Tensor:
        """Add the members up by weights, ``[M]`` or ``[n, M]`` to ``[n, C]``."""
        if weights.dim() == 1:
            same: Tensor = torch.tensordot(weights, self.scores, 1)
            return same
        columns = weights.T[:, :, None]
        total = columns[0] * self.scores[0]
        for column, scores in zip(columns[1:], self.scores[1:], strict=True):
            total = total + column * scores
        return total

    def ndcg(self, weights: Tensor) -> Tensor:
        """Compute NDCG@k of each user under these weights, ``[M]`` or ``[n, M]``. Shape ``[n]``."""
        scores = self.fused(weights)
        order = torch.arange(scores.shape[1], device=scores.device)
        _, places = top_items(scores, self.k, order)
        gain = discounts(places.shape[1], scores.device)
        return (self.relevant.gather(1, places) * gain).sum(dim=1) / self.ideal

    def of(self, rows: Tensor) -> MemberScores:
        """Take those of some users only. Rows of shape ``[m]``."""
        scores, relevant = self.scores[:, rows], self.relevant[rows]
        return MemberScores(self.users[rows], scores, relevant, self.ideal[rows], self.k)


def discounts(length: int, device: torch.device) -> Tensor:
    """Compute ``1 / log2(1 + place)``. Shape ``[length]``."""
    return 1.0 / torch.log2(torch.arange(2, length + 2, device=device))


@torch.no_grad()
def collect_candidates(
    fusion: Fusion,
    truth: ItemLists,
    item_set: ItemSet = "all",
    k: int = 20,
    depth: int = 100,
    batch_size: int = 128,
) -> MemberScores:
    """Collect the best items of every member, for each user with something to find: one pass over them.

    Args:
        fusion: The members; its weights play no part.
        truth: What each user bought in the validation part.
        item_set: Which items may be ranked, and found.
        k: Length of the lists that will be judged.
        depth: Best items taken from each member.
        batch_size: Users at a time.

    Raises:
        InputError: If no user has an item to find.
    """
    graph = fusion.graph
    everybody = torch.arange(graph.num_users, device=graph.edge_item.device)
    count = _found_in(graph, truth, item_set)
    users = everybody[count > 0]
    if not len(users):
        raise InputError(
            f"no user has validation items among {item_set} items",
            column="--items",
            hint="choose another set",
        )
    order = tie_order(graph.num_items, everybody.device)
    batches = track(torch.split(users, batch_size), "Scoring validation users", transient=True)
    parts = [_candidates_of(fusion, truth, batch, item_set, depth, order) for batch in batches]
    width = max(scores.shape[2] for scores, _ in parts)
    scores = torch.full((len(fusion.members), len(users), width), NO_CANDIDATE, device=users.device)
    relevant = torch.zeros(len(users), width, dtype=torch.bool, device=users.device)
    start = 0
    for part, found in parts:
        rows = slice(start, start + len(found))
        scores[:, rows, : part.shape[2]], relevant[rows, : part.shape[2]] = part, found
        start += len(found)
    best = discounts(min(k, graph.num_items), users.device).cumsum(0)
    return MemberScores(users, scores, relevant, best[count[users].clamp_max(len(best)) - 1], k)


def _found_in(graph: BipartiteGraph, truth: ItemLists, item_set: ItemSet) -> Tensor:
    """Count how many items each user has to find. Shape ``[U]``."""
    users = torch.arange(graph.num_users, device=graph.edge_item.device)
    rows, items = truth.pairs(users)
    seen = graph.bought.contains(rows, items[:, None])[:, 0] if len(rows) else rows.bool()
    kept = {"all": torch.ones_like(seen), "repeat": seen, "new": ~seen}[item_set]
    return torch.bincount(rows[kept], minlength=graph.num_users)


def _candidates_of(
    fusion: Fusion, truth: ItemLists, users: Tensor, item_set: ItemSet, depth: int, order: Tensor
) -> tuple[Tensor, Tensor]:
    """Collect scores ``[M, B, C]`` and relevance ``[B, C]`` of a batch, columns in the order of ties."""
    seen = fusion.graph.bought.pairs(users)
    members = [fusion.comparable(users, member) for member in range(len(fusion.members))]
    if any(scores.isnan().any() for scores in members):
        raise bad_scores()
    lists = [top_candidates(scores, seen, item_set, depth, order) for scores in members]
    none, by_rank = len(order), rank_of(order)
    ranks = torch.cat([by_rank[items].where(~top.isneginf(), none) for top, items in lists], dim=1)
    ranks = ranks.sort(dim=1).values
    ranks[:, 1:] = ranks[:, 1:].where(ranks[:, 1:] != ranks[:, :-1], none)
    ranks = ranks.sort(dim=1).values
    ranks = ranks[:, : int((ranks < none).sum(dim=1).max())]
    missing = ranks == none
    items = order[ranks.clamp_max(none - 1)]
    scores = torch.stack([scores.gather(1, items) for scores in members])
    relevant = truth.contains(users, items) & ~missing
    return scores.masked_fill(missing, NO_CANDIDATE), relevant


def find_weights(candidates: MemberScores, seed: int = 0) -> Tensor:
    """Find the weights with the best mean NDCG, by a search without derivatives. Shape ``[M]``, sum 1.

    Starts from the best of the single members, the plain mean and some random weights; moves a quarter of
    the whole from one member to another, the best such move first, and halves the step when none helps. In
    the end a member leaves if the others do as well without it, the smallest weight first. As well means
    within one standard error of the paired difference over users. What is left is searched again.

    Args:
        candidates: Of the validation users.
        seed: Of the random starts.
    """
    # a line of text: in a notebook rich leaves a warning about ipywidgets in the cell
    with Console(stderr=True, force_jupyter=False).status("Weighing the members"):
        return _pruned(candidates, _climb(candidates, _start(candidates, seed)))


def _pruned(candidates: MemberScores, weights: Tensor) -> Tensor:
    """Leave out the members that the others do as well without."""
    for member in weights.argsort().tolist():
        without = weights.clone()
        without[member] = 0.0
        if weights[member] == 0 or not without.any():
            continue
        without = _climb(candidates, without / without.sum())
        if not is_better(candidates.ndcg(weights), candidates.ndcg(without)):
            weights = without
    return weights


def is_better(values: Tensor, others: Tensor) -> bool:
    """Tell whether the mean over users is larger by more than a standard error of the paired difference."""
    difference = values.double() - others.double()
    error = difference.std() / len(difference) ** 0.5 if len(difference) > 1 else 0.0
    return bool(difference.mean() > error)


def _start(candidates: MemberScores, seed: int) -> Tensor:
    members = len(candidates.scores)
    generator = torch.Generator().manual_seed(seed)
    draws = -torch.rand(_DRAWS * members, members, generator=generator).clamp_min(1e-9).log()
    plain = torch.full((1, members), 1.0 / members)
    starts = torch.cat([torch.eye(members), plain, draws / draws.sum(dim=1, keepdim=True)])
    starts = starts.to(candidates.scores.device)
    values = [_mean(candidates, one) for one in starts]
    return starts[values.index(max(values))]


def _climb(candidates: MemberScores, weights: Tensor) -> Tensor:
    """Find better weights for the members that have one, none for the others."""
    value, step = _mean(candidates, weights), _FIRST_STEP
    members = weights.nonzero().flatten().tolist()
    while step >= _LAST_STEP:
        moved = [_move(weights, a, b, step) for a, b in permutations(members, 2) if weights[a] > 0]
        values = [_mean(candidates, one) for one in moved]
        if values and max(values) > value:
            value = max(values)
            weights = moved[values.index(value)]
        else:
            step /= 2
    return weights


def _move(weights: Tensor, source: int, target: int, step: float) -> Tensor:
    moved, amount = weights.clone(), weights[source].clamp_max(step)
    moved[source] -= amount
    moved[target] += amount
    return moved


def _mean(candidates: MemberScores, weights: Tensor) -> float:
    return float(candidates.ndcg(weights).double().mean())
