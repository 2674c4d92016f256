"""NGCF: message passing with weights, activations and products of neighbours."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from graphrec.errors import check_between, check_share
from graphrec.graph import BipartiteGraph
from graphrec.kernels.memory import check_room
from graphrec.models.base import Embeddings
from graphrec.models.encoders.baskets import UNTRAINED, basket_sizes, basket_sums
from graphrec.models.encoders.table import MOST_LAYERS, EmbeddingTable, Start

_SLOPE = 0.2
"""Of the negative side of the activation, as in the authors' code."""


class NGCF(EmbeddingTable):
    """Layers ``E^(l+1) = LeakyReLU((Â + I) E^(l) W₁ + (Â E^(l) ⊙ E^(l)) W₂)``, put side by side.

    Wang et al., "Neural graph collaborative filtering", SIGIR 2019, eq. 7, with ``Â = D^-1/2 A D^-1/2``. As
    in the authors' code, each layer's vectors have length 1 where they are put side by side, so the
    embeddings have ``(L + 1) D`` columns.

    Args:
        graph: Gives the number of users and items.
        dim: Dimension ``D`` of the table and of every layer.
        num_layers: Layers ``L``.
        dropout: Share of a layer's numbers that is left out in training; the paper's message dropout.
        init_std: Standard deviation of the start.
        start: Where training begins, as in `EmbeddingTable`.
    """

    reads_weights: ClassVar[bool] = True

    def __init__(
        self,
        graph: BipartiteGraph,
        dim: int = 64,
        num_layers: int = 3,
        dropout: float = 0.0,
        init_std: float = 0.1,
        start: Start = "auto",
    ) -> None:
        super().__init__(graph, dim, init_std, start)
        check_between(1, MOST_LAYERS, num_layers=num_layers)
        check_share(dropout=dropout)
        check_room(8 * num_layers * dim * dim, dim=dim)
        self.num_layers = num_layers
        self.sums, self.products = (
            nn.ModuleList(nn.Linear(dim, dim, bias=False) for _ in range(num_layers)) for _ in range(2)
        )
        self.dropout = nn.Dropout(dropout)
        for linear in (*self.sums, *self.products):
            nn.init.xavier_uniform_(linear.weight)

    def forward(self, graph: BipartiteGraph) -> Embeddings:
        """Propagate the table through the graph and the layers."""
        layers: list[Tensor] = [self.table()]
        for place in range(self.num_layers):
            layers.append(self._layer(place, graph.propagate(layers[-1]), layers[-1]))
        return Embeddings(*torch.split(_side_by_side(layers), [self.num_users, self.num_items]))

    fold_in_note: ClassVar[str] = UNTRAINED

    def fold_in(self, graph: BipartiteGraph, baskets: BipartiteGraph) -> Tensor:
        """Send the users of the baskets through the layers from what is added, beside the items' layers."""
        layer: Tensor = self.table()
        near = graph.strength()[graph.num_users :, None].sqrt()
        users = [self.unseen_users(baskets)]
        for place in range(self.num_layers):
            sums = basket_sums(baskets, layer[self.num_users :] / near) / basket_sizes(baskets).sqrt()
            users.append(self._layer(place, sums, users[-1]))
            layer = self._layer(place, graph.propagate(layer), layer)
        return _side_by_side(users)

    def embed_items(self, graph: BipartiteGraph, items: BipartiteGraph) -> Tensor:
        """Send what is added through the layers, with nothing from neighbours."""
        layers = [self.unseen_items(items)]
        for place in range(self.num_layers):
            layers.append(self._layer(place, torch.zeros_like(layers[-1]), layers[-1]))
        return _side_by_side(layers)

    def _layer(self, place: int, near: Tensor, layer: Tensor) -> Tensor:
        """Make the next layer of a layer and of what its neighbours send. ``[n, D]`` twice to ``[n, D]``."""
        message = self.sums[place](near + layer) + self.products[place](near * layer)
        following: Tensor = self.dropout(functional.leaky_relu(message, _SLOPE))
        return following

    def extra_repr(self) -> str:
        """Show the sizes."""
        return f"{super().extra_repr()}, num_layers={self.num_layers}"


def _side_by_side(layers: list[Tensor]) -> Tensor:
    """Put the table and its layers side by side, the layers in length 1."""
    return torch.cat([layers[0], *(functional.normalize(layer, dim=1) for layer in layers[1:])], dim=1)
