"""A batch of edges with what they are held against, and its vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from graphrec.models.base import Rows


@dataclass(frozen=True)
class Batch:
    """The edges of a global batch that this process computes the loss of.

    Args:
        users: User of each edge. Shape ``[b]``.
        items: Item of each edge. Shape ``[b]``.
        negatives: Sampled items of each edge ``[b, K]``, or of the whole batch ``[K]``; none if missing.
        own: Place of each edge among the negatives, where these are the items of the whole batch, ``[b]``; a
            lone edge is its own negative.
        weight: Of a mean over these edges in that over the whole batch.
        edges: Edge ids of the whole batch. Shape ``[B]``.
    """

    users: Tensor
    items: Tensor
    negatives: Tensor | None
    weight: float
    edges: Tensor
    own: Tensor | None = None

    @property
    def is_shared(self) -> bool:
        """Whether one set of negatives serves the whole batch."""
        return self.negatives is not None and self.negatives.dim() == 1


@dataclass(frozen=True)
class Vectors:
    """The vectors of a batch: users and items ``[b, D]``, negatives ``[b, K, D]`` or ``[K, D]``.

    Args:
        user: Of the users.
        item: Of the items.
        negative: Of the negatives, if there are any.
        penalty: Half the squared length of the ego embeddings used, per edge (LightGCN, eq. 15).
    """

    user: Tensor
    item: Tensor
    negative: Tensor | None
    penalty: Tensor


def vectors_of(batch: Batch, embed: Callable[[Tensor, Tensor], Rows]) -> Vectors:
    """Embed each distinct user and item of a batch once, and lay the vectors out as the batch has them."""
    count = len(batch.items)
    negatives = batch.items[:0] if batch.negatives is None else batch.negatives
    users, user_place = torch.unique(batch.users, return_inverse=True)
    items, item_place = torch.unique(torch.cat([batch.items, negatives.flatten()]), return_inverse=True)
    rows = embed(users, items)
    own, sampled = item_place[:count], item_place[count:].view_as(negatives)
    penalty = (batch.weight / (2 * count)) * (_times(rows.ego_user, user_place) + _times(rows.ego_item, own))
    if batch.own is None:
        # what is sampled for the whole batch counts once in it, what is sampled for an edge with that edge
        share = 1 / (2 * len(batch.edges)) if batch.is_shared else batch.weight / (2 * count)
        penalty = penalty + share * _times(rows.ego_item, sampled)
    return Vectors(
        _laid_out(rows.user, user_place),
        _laid_out(rows.item, own),
        None if batch.negatives is None else _laid_out(rows.item, sampled),
        penalty,
    )


def _laid_out(rows: Tensor, place: Tensor) -> Tensor:
    """``rows[place]``; the gradient of ``index_select`` takes half the time of that of an embedding."""
    return rows.index_select(0, place.flatten()).view(*place.shape, rows.shape[1])


def _times(rows: Tensor, place: Tensor) -> Tensor:
    """Sum of the squared lengths of ``rows[place]``."""
    counts = torch.bincount(place.flatten(), minlength=len(rows))
    return counts.to(rows.dtype) @ rows.square().sum(1)
