"""Sums over baskets of users that training never saw: what propagation sends from items to such users."""

from __future__ import annotations

from torch import Tensor

from graphrec.graph import BipartiteGraph

UNTRAINED = (
    "the vectors of their own that only training gives are 0, and the items do not know of these edges"
)
"""What of a fold-in by propagation is not as in training."""


def basket_sums(baskets: BipartiteGraph, items: Tensor) -> Tensor:
    """Sum the vectors of the items in each basket, by their relative weights. ``[I, D]`` to ``[n, D]``."""
    sums, chosen = items.new_zeros(baskets.num_users, items.shape[1]), items[baskets.edge_item]
    return sums.index_add_(0, baskets.edge_user, chosen * baskets.relative().to(chosen)[:, None])


def basket_sizes(baskets: BipartiteGraph) -> Tensor:
    """Sum the relative weights of each basket, or count its items; 1 for an empty one. ``[n, 1]``."""
    return baskets.strength()[: baskets.num_users, None]
