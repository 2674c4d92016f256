"""Sums over baskets of users that training never saw: what propagation sends from items to such users."""

from __future__ import annotations

import torch
from torch import Tensor

from graphrec.graph import BipartiteGraph

UNTRAINED = (
    "the vectors of their own that only training gives are 0, and the items do not know of these edges"
)
"""What of a fold-in by propagation is not as in training."""


def basket_sums(baskets: BipartiteGraph, items: Tensor) -> Tensor:
    """Sum the vectors of the items in each basket. ``[I, D]`` to ``[n, D]``."""
    sums = items.new_zeros(baskets.num_users, items.shape[1])
    return sums.index_add_(0, baskets.edge_user, items[baskets.edge_item])


def basket_sizes(baskets: BipartiteGraph) -> Tensor:
    """Count the items of each basket, 1 for an empty one. Shape ``[n, 1]``."""
    users = torch.arange(baskets.num_users, device=baskets.edge_user.device)
    return baskets.seen.counts(users).clamp_min(1).float()[:, None]
