"""The order in which items are ranked: by score, and equal scores by a fixed pseudo-random key.

Selection reads the scores once. It looks for the blocks of the catalogue with the largest maxima and then
inside those blocks only, which is exact. It writes to the scores only where the user has bought before.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

Candidates = Literal["all", "repeat", "new"]
"""Which items may be listed: all, those seen, those not seen."""
_TIE_SEED = 20_200_725
_BLOCK = 64  # items; 32 and 128 take longer on 40,000 items


@lru_cache(maxsize=8)  # asked for with every batch of users
@torch.inference_mode(False)
def tie_order(num_items: int, device: torch.device) -> Tensor:
    """Draw the fixed pseudo-random order of items with equal scores, ``[I]``; all share it, to read only."""
    order = torch.randperm(num_items, generator=torch.Generator().manual_seed(_TIE_SEED))
    return order.to(device)


def top_items(scores: Tensor, k: int, order: Tensor) -> tuple[Tensor, Tensor]:
    """Find the `k` best items of each row, equal scores in the given order.

    ``torch.topk`` leaves the order of ties undefined. So the rows in which a tie crosses the cut are
    selected again, and equal scores inside the list are sorted. A score that is not a number comes first.

    Args:
        scores: Raw scores, −inf where an item may not be ranked. Shape ``[B, I]``.
        k: Length of the lists.
        order: A permutation of the items. Shape ``[I]``.

    Returns:
        Scores and items, each ``[B, min(k, I)]``. An item with score −inf is an arbitrary one.
    """
    k = min(k, scores.shape[1])
    top, items = _largest(scores, min(k + 1, scores.shape[1]))
    items = items[:, :k]
    rank = rank_of(order)
    if top.shape[1] > k:
        last, following = top[:, k - 1], top[:, k]
        tied = ((last == following) & ~last.isneginf()).nonzero().flatten()
        if len(tied):
            items = items.index_copy(0, tied, _select_tied(scores[tied], last[tied], k, rank))
    items = items.gather(1, rank[items].argsort(dim=1))
    values, place = scores.gather(1, items).sort(dim=1, descending=True, stable=True)
    return values, items.gather(1, place)


def top_unseen(scores: Tensor, seen: tuple[Tensor, Tensor], k: int, order: Tensor) -> tuple[Tensor, Tensor]:
    """Find `top_items` without those a user has seen; `scores` are as before when it returns.

    Args:
        scores: Raw scores, which are overwritten meanwhile. Shape ``[B, I]``.
        seen: Row and item of each seen pair. Two tensors of the same length.
        k: Length of the lists.
        order: A permutation of the items. Shape ``[I]``.
    """
    kept = scores[seen]
    scores[seen] = -torch.inf
    try:
        return top_items(scores, k, order)
    finally:
        scores[seen] = kept


def top_seen(scores: Tensor, seen: tuple[Tensor, Tensor], k: int, order: Tensor) -> tuple[Tensor, Tensor]:
    """Find `top_items` among those a user has seen; needs memory for these pairs only.

    Args and results are those of `top_unseen`; `scores` are only read.
    """
    rows, items = seen
    # the columns of each user are filled in the given order, so that ties go to the first column
    by_order = (rows * len(order) + rank_of(order)[items]).argsort()
    rows, items = rows[by_order], items[by_order]
    counts = torch.bincount(rows, minlength=len(scores))
    columns = torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]
    k = min(k, scores.shape[1])
    width = max(k, int(counts.max()) if len(counts) else 0)
    candidates = scores.new_full((len(scores), width), -torch.inf)
    candidates[rows, columns] = scores[rows, items]
    names = torch.zeros(candidates.shape, dtype=items.dtype, device=items.device)
    names[rows, columns] = items
    values, best = top_items(candidates, k, torch.arange(width, device=order.device))
    return values, names.gather(1, best)


def top_candidates(
    scores: Tensor,
    seen: tuple[Tensor, Tensor],
    candidates: Literal["all", "repeat", "new"],
    k: int,
    order: Tensor,
) -> tuple[Tensor, Tensor]:
    """Find the `k` best items that may be ranked, equal scores in the given order.

    Args:
        scores: Raw scores; overwritten meanwhile, and as before in the end. Shape ``[B, I]``.
        seen: Row and item of each pair that was seen in training. Two tensors of the same length.
        candidates: Which items may be ranked: all, those seen (``repeat``) or those not seen (``new``).
        k: Length of the lists.
        order: A permutation of the items. Shape ``[I]``.

    Returns:
        Scores and items, each ``[B, min(k, I)]``; −inf with an arbitrary item where a user has fewer.
    """
    if candidates == "all":
        return top_items(scores, k, order)
    return (top_unseen if candidates == "new" else top_seen)(scores, seen, k, order)


def rank_of(order: Tensor) -> Tensor:
    """Find the place of each item in the order, the inverse permutation. Shape ``[I]``."""
    return torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))


def _largest(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Select values and places of the `count` largest of each row, of equal ones any. Each ``[B, count]``.

    A block that is not among the `count` with the largest maxima holds nothing larger than `count` others.
    So what is searched are those blocks and the rest that fills no block.
    """
    blocks = scores.shape[1] // _BLOCK
    if blocks <= 2 * count:
        return scores.topk(count, dim=1)
    end = blocks * _BLOCK
    maxima = scores[:, :end].reshape(len(scores), blocks, _BLOCK).amax(dim=2)
    best = maxima.topk(count, dim=1, sorted=False).indices
    inside = torch.arange(_BLOCK, device=scores.device)
    rest = torch.arange(end, scores.shape[1], device=scores.device).expand(len(scores), -1)
    places = torch.cat([(best[:, :, None] * _BLOCK + inside).flatten(1), rest], dim=1)
    values, chosen = scores.gather(1, places).topk(count, dim=1)
    return values, places.gather(1, chosen)


def _select_tied(scores: Tensor, threshold: Tensor, k: int, rank: Tensor) -> Tensor:
    """Select items above the threshold and the first of those on it, by their rank. Shape ``[rows, k]``."""
    size = len(rank)
    # distinct keys: every item above the threshold before every item on it, earlier ranks first
    key = (size - rank).to(torch.int32)
    on_it = key.where(scores == threshold[:, None], 0)
    return _largest(torch.where(scores > threshold[:, None], key + size, on_it), k)[1]
