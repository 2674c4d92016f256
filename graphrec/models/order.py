"""The order in which items are ranked: by score, and equal scores by a fixed pseudo-random key."""

from __future__ import annotations

import torch
from torch import Tensor

_TIE_SEED = 20_200_725


def tie_order(num_items: int, device: torch.device) -> Tensor:
    """The fixed pseudo-random order in which items with equal scores are ranked. Shape ``[I]``."""
    order = torch.randperm(num_items, generator=torch.Generator().manual_seed(_TIE_SEED))
    return order.to(device)


def top_items(scores: Tensor, k: int, order: Tensor) -> tuple[Tensor, Tensor]:
    """The `k` best items of each row, equal scores in the given order.

    ``torch.topk`` leaves the order of ties undefined, so the rows in which a tie crosses the cut are
    selected again, and equal scores inside the list are sorted.

    Args:
        scores: Raw scores, −inf where an item may not be ranked. Shape ``[B, I]``.
        k: Length of the lists.
        order: A permutation of the items. Shape ``[I]``.

    Returns:
        Scores and items, each ``[B, K]``.
    """
    k = min(k, scores.shape[1])
    top = scores.topk(min(k + 1, scores.shape[1]), dim=1)
    items = top.indices[:, :k]
    if top.values.shape[1] > k:
        last, following = top.values[:, k - 1], top.values[:, k]
        tied = ((last == following) & ~last.isneginf()).nonzero().flatten()
        if len(tied):
            items = items.index_copy(0, tied, _select_tied(scores[tied], last[tied], k, order))
    rank = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
    items = items.gather(1, rank[items].argsort(dim=1))
    values, place = scores.gather(1, items).sort(dim=1, descending=True, stable=True)
    return values, items.gather(1, place)


def _select_tied(scores: Tensor, threshold: Tensor, k: int, order: Tensor) -> Tensor:
    """Items above the threshold and the first of those on it, in the given order. Shape ``[rows, k]``."""
    shuffled = scores[:, order]
    above = shuffled > threshold[:, None]
    equal = shuffled == threshold[:, None]
    room = k - above.sum(dim=1, keepdim=True)
    chosen = above | (equal & (equal.cumsum(dim=1) <= room))
    return order[chosen.nonzero()[:, 1].view(len(scores), k)]
