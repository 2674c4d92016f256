"""Sums over baskets of users that training never saw: what propagation sends from items to such users."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from graphrec.graph import BipartiteGraph

UNTRAINED = (
    "the vectors of their own that only training gives are 0, and the items do not know of these edges"
)
"""What of a fold-in by propagation is not as in training."""
TOLD_ROWS = (
    "the vectors of their own that only training gives are told from their items, by least squares over the"
    " users of training, and the items do not know of these edges"
)
"""The same where least squares stand for the vectors of their own."""
LEAST_SQUARES = (
    "their vectors are told from the mean of what they bought, by least squares over the users of training"
)
"""What a fold-in does where vectors are free numbers."""
_SMALLEST = 1e-3
"""Penalty of the least squares, as a share of the mean square of a column."""


def basket_sums(baskets: BipartiteGraph, items: Tensor) -> Tensor:
    """Sum the vectors of the items in each basket, by their relative weights. ``[I, D]`` to ``[n, D]``."""
    # one gather and no row per edge, which for the graph of training takes a fifth of the time
    sums: Tensor = functional.embedding_bag(
        baskets.edge_item,
        items,
        baskets.seen.start,
        mode="sum",
        per_sample_weights=baskets.relative().to(items),
        include_last_offset=True,
    )
    return sums


def basket_sizes(baskets: BipartiteGraph) -> Tensor:
    """Sum the relative weights of each basket, or count its items; 1 for an empty one. ``[n, 1]``."""
    return baskets.strength()[: baskets.num_users, None]


def basket_means(baskets: BipartiteGraph, items: Tensor) -> Tensor:
    """Take the mean of the items in each basket, by their relative weights. ``[I, D]`` to ``[n, D]``."""
    return basket_sums(baskets, items) / basket_sizes(baskets)


@dataclass(frozen=True)
class Readout:
    """A linear map, fitted by least squares with a small penalty: what is known to what training found.

    Gantner et al., "Learning attribute-to-feature mappings for cold-start recommendations", ICDM 2010, map
    attributes to trained vectors in this way.

    Args:
        weight: Shape ``[F, D]``.
    """

    weight: Tensor

    @classmethod
    def fitted(cls, known: Tensor, found: Tensor) -> Readout:
        """Fit it.

        Args:
            known: Of each node of training. Shape ``[n, F]``.
            found: Its trained vector. Shape ``[n, D]``.
        """
        known, wanted = known.double(), found.double()
        gram = known.T @ known
        penalty = _SMALLEST * gram.diagonal().mean().clamp_min(1e-12)
        gram.diagonal().add_(penalty)
        return cls(torch.linalg.solve(gram, known.T @ wanted).to(found))

    def __call__(self, known: Tensor) -> Tensor:
        """Apply it. ``[m, F]`` to ``[m, D]``."""
        return known @ self.weight
