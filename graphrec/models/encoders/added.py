"""What is added to a table of ids: a linear map of the features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphrec.graph import BipartiteGraph
from graphrec.models.encoders.features import features_of


class AddedVectors(nn.Module):
    """A linear map of each side's features to the width of a table; it begins at 0.

    Args:
        graph: Gives the features.
        dim: Width ``D`` of the table.
        id_dropout: Share of the rows of the table that are left out in training.
    """

    user: Tensor
    item: Tensor

    def __init__(self, graph: BipartiteGraph, dim: int, id_dropout: float) -> None:
        super().__init__()
        for side, features in zip(("user", "item"), features_of(graph), strict=True):
            self.register_buffer(side, features, persistent=False)
            self.register_parameter(f"of_{side}", nn.Parameter(torch.zeros(features.shape[1], dim)))
        self.id_dropout = id_dropout

    of_user: Tensor
    of_item: Tensor

    def forward(self, weight: Tensor) -> Tensor:
        """Add the features of all nodes to their rows of a table. ``[N, D]`` to ``[N, D]``."""
        if self.training and self.id_dropout:
            weight = weight * (torch.rand(len(weight), 1, device=weight.device) >= self.id_dropout)
        return weight + torch.cat([self.user @ self.of_user, self.item @ self.of_item])

    def of_users(self, baskets: BipartiteGraph) -> Tensor:
        """Map the features of users of another graph; 0 where it has none. ``[n, D]`` or a number."""
        return _mapped(baskets.user_features, self.of_user)

    def of_items(self, items: BipartiteGraph) -> Tensor:
        """Map the features of items of another graph; 0 where it has none. ``[n, D]`` or a number."""
        return _mapped(items.item_features, self.of_item)


def _mapped(features: Tensor | None, weight: Tensor) -> Tensor:
    return weight.new_zeros(()) if features is None else features.to(weight) @ weight
