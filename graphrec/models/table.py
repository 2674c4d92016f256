"""A vector for each user and item, without propagation: matrix factorisation when decoded by `Dot`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphrec.errors import check_at_least
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Embeddings, Encoder, Rows


class EmbeddingTable(Encoder):
    """Free vectors, trained directly (Koren et al., 2009).

    Args:
        graph: Gives the number of users and items.
        dim: Dimension ``D``.
        init_std: Standard deviation of the normal start.
    """

    def __init__(self, graph: BipartiteGraph, dim: int = 64, init_std: float = 0.1) -> None:
        super().__init__()
        check_at_least(1, dim=dim)
        self.num_users, self.num_items = graph.num_users, graph.num_items
        self.weight = nn.Parameter(torch.empty(graph.num_nodes, dim))
        self.init_std = init_std
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the vectors anew."""
        nn.init.normal_(self.weight, std=self.init_std)

    def forward(self, graph: BipartiteGraph) -> Embeddings:
        """The table itself."""
        return self.ego(graph)

    def ego(self, graph: BipartiteGraph) -> Embeddings:
        """The table itself, users and items apart."""
        user, item = torch.split(self.weight, [self.num_users, self.num_items])
        return Embeddings(user, item)

    def rows(self, graph: BipartiteGraph, users: Tensor, items: Tensor) -> Rows:
        """Rows of the table."""
        rows = self.weight[torch.cat([users, items + self.num_users])]
        user, item = torch.split(rows, [len(users), len(items)])
        return Rows(user, item, user, item)

    def extra_repr(self) -> str:
        """Sizes."""
        return f"users={self.num_users}, items={self.num_items}, dim={self.weight.shape[1]}"
