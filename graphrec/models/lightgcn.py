"""LightGCN: message passing without weights or activations."""

from __future__ import annotations

import torch
from torch import Tensor

from graphrec.errors import check_at_least
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Embeddings
from graphrec.models.table import EmbeddingTable


class LightGCN(EmbeddingTable):
    """Mean of the embeddings of layers 0..L, ``E^(l+1) = D^-1/2 A D^-1/2 E^(l)``.

    He et al., "LightGCN", SIGIR 2020, eq. 4 and 7. The numbers are those of
    ``torch_geometric.nn.LightGCN`` on ``graph.edge_index`` (tested); that class normalises the graph again
    in each layer of each step and keeps a message per edge, this one asks the graph for one product.

    Args:
        graph: Gives the number of users and items.
        dim: Dimension ``D``.
        num_layers: Layers ``L`` of propagation.
        init_std: Standard deviation of the normal start.
    """

    def __init__(
        self, graph: BipartiteGraph, dim: int = 64, num_layers: int = 3, init_std: float = 0.1
    ) -> None:
        super().__init__(graph, dim, init_std)
        check_at_least(0, num_layers=num_layers)
        self.num_layers = num_layers

    def forward(self, graph: BipartiteGraph) -> Embeddings:
        """Propagate the table through the graph."""
        layer: Tensor = self.weight
        total = layer
        for _ in range(self.num_layers):
            layer = graph.propagate(layer)
            total = total + layer
        mean = total / (self.num_layers + 1)
        return Embeddings(*torch.split(mean, [self.num_users, self.num_items]))

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{super().extra_repr()}, num_layers={self.num_layers}"
