"""A batch of edges with their negatives, and its vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from graphrec.kernels.inner_products import pair_products
from graphrec.models.base import Decoder, Rows


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

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> Batch:
        """Make a batch that is not shared out over processes, from what `tensors` gives."""
        users, items, negatives, edges, *own = tensors
        return cls(users, items, negatives, 1.0, edges, own[0] if own else None)

    def tensors(self) -> list[Tensor]:
        """List all but the weight; there must be negatives."""
        assert self.negatives is not None
        return [self.users, self.items, self.negatives, self.edges, *([] if self.own is None else [self.own])]

    @property
    def is_shared(self) -> bool:
        """Whether one set of negatives serves the whole batch."""
        return self.negatives is not None and self.negatives.dim() == 1


@dataclass(frozen=True)
class Vectors:
    """The vectors of a batch, laid out as the batch has them when they are asked for.

    Args:
        batch: The batch.
        rows: Of its distinct users and items, first the bought ones and then the sampled.
        user_place: Row of each user; each in its own place if missing.
        item_place: Row of each item.
    """

    batch: Batch
    rows: Rows
    user_place: Tensor | None
    item_place: Tensor | None

    @cached_property
    def user(self) -> Tensor:
        """Of the users. Shape ``[b, D]``."""
        return _laid_out(self.rows.user, self.user_place)

    @property
    def item(self) -> Tensor:
        """Of the items. Shape ``[b, D]``."""
        return self._items[0]

    @property
    def negative(self) -> Tensor | None:
        """Of the negatives, if there are any. Shape ``[b, K, D]`` or ``[K, D]``."""
        if self.batch.negatives is None:
            return None
        return self._items[1].view(*self.batch.negatives.shape, self._items[1].shape[1])

    @cached_property
    def _items(self) -> tuple[Tensor, Tensor]:
        laid_out = _laid_out(self.rows.item, self.item_place)
        own, sampled = torch.split(laid_out, [len(self.batch.items), len(laid_out) - len(self.batch.items)])
        return own, sampled

    def scores(self, decoder: Decoder) -> tuple[Tensor, Tensor]:
        """Score the items ``[b]``, and the negatives that are sampled for each edge ``[b, K]``."""
        assert self.batch.negatives is not None
        product = decoder.by_factors
        if product is None or self.user_place is None or self.item_place is None:
            assert self.negative is not None
            return decoder(self.user, self.item), decoder(self.user[:, None], self.negative)
        count, sampled = self.batch.negatives.shape
        of_sampled = self.user_place[:, None].expand(count, sampled)
        users = torch.cat([self.user_place, of_sampled.reshape(-1)])
        factors = product.factors(self.rows.user, self.rows.item)
        scores = pair_products(*factors, users, self.item_place)
        parts = torch.split(scores, [count, count * sampled])
        own, others = (part.clone() for part in parts)  # a loss may change them in place
        return own, others.view(count, sampled)

    def penalty(self) -> Tensor:
        """Compute half the squared length of the ego embeddings used, per edge (LightGCN, eq. 15)."""
        batch, ego, count = self.batch, self.rows.ego(), len(self.batch.items)
        sampled = 0 if batch.negatives is None else batch.negatives.numel()
        each = batch.weight / (2 * count)
        # what is sampled for the whole batch counts once in it, what is sampled for an edge with that edge
        share = 1 / (2 * len(batch.edges)) if batch.is_shared else each
        if batch.own is not None:  # the edges' items themselves
            share = 0.0
        of_edges, of_sampled = ego.user.new_full((count,), each), ego.user.new_full((sampled,), share)
        squares = _weighted_squares(ego.user, _summed(of_edges, self.user_place, len(ego.user)))
        weights = _summed(torch.cat([of_edges, of_sampled]), self.item_place, len(ego.item))
        return squares + _weighted_squares(ego.item, weights)


def vectors_of(batch: Batch, embed: Callable[[Tensor, Tensor], Rows]) -> Vectors:
    """Embed the distinct users and items of a batch."""
    negatives = batch.items[:0] if batch.negatives is None else batch.negatives
    users, user_place = _distinct(batch.users)
    items, item_place = _distinct(torch.cat([batch.items, negatives.flatten()]))
    return Vectors(batch, embed(users, items), user_place, item_place)


def _distinct(codes: Tensor) -> tuple[Tensor, Tensor | None]:
    """Find the distinct codes, and the place of each among them.

    A GPU would have to be asked how many they are, and waited for; it embeds codes as often as they come,
    each in its own place.
    """
    if not codes.is_cpu:
        return codes, None
    among = codes.numpy()
    size = int(among.max(initial=-1)) + 1
    marked, number = np.zeros(size, dtype=bool), np.empty(size, dtype=np.int64)
    marked[among] = True
    distinct = np.flatnonzero(marked)
    number[distinct] = np.arange(len(distinct))
    return torch.from_numpy(distinct), torch.from_numpy(number[among])


def _laid_out(rows: Tensor, place: Tensor | None) -> Tensor:
    """Lay out the codes' vectors; the gradient of ``index_select`` takes half the time of an index's."""
    return rows if place is None else rows.index_select(0, place)


def _summed(weights: Tensor, place: Tensor | None, rows: int) -> Tensor:
    """Sum the weights of the codes, by row."""
    return weights if place is None else weights.new_zeros(rows).index_add_(0, place, weights)


def _weighted_squares(rows: Tensor, weights: Tensor) -> Tensor:
    """Compute ``Σ_n w_n ‖x_n‖²``."""
    squares: Tensor = _WeightedSquares.apply(rows, weights)  # type: ignore[no-untyped-call]
    return squares


class _WeightedSquares(torch.autograd.Function):
    """`_weighted_squares` in three passes over the rows, of which autograd takes eight."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weights: Tensor) -> Tensor:
        """Keep the weighted rows, which are half the gradient."""
        weighted = rows * weights[:, None]
        ctx.save_for_backward(weighted)
        return torch.dot(weighted.flatten(), rows.flatten())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Compute ``2 w_n x_n``."""
        (weighted,) = ctx.saved_tensors
        return weighted * (2 * gradient), None
