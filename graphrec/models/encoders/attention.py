"""Message passing with learnt attention, on PyG's own layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from graphrec.errors import InputError, check_at_least, check_between, check_share
from graphrec.graph import BipartiteGraph
from graphrec.kernels.memory import check_room
from graphrec.models.base import Embeddings
from graphrec.models.encoders.baskets import UNTRAINED
from graphrec.models.encoders.table import MOST_LAYERS, EmbeddingTable, Start


class GATv2(EmbeddingTable):
    """Mean of a table and of its layers of attention, which weighs a node's neighbours anew for each node.

    Brody et al., "How attentive are graph attention networks?", ICLR 2022, as ``GATv2Conv`` of PyG, with ELU
    between the layers. A partner for ablations: does it pay to learn what `LightGCN` takes from the degrees?

    It costs far more than a product with a constant matrix: each layer keeps about three vectors for each
    direction of each edge for its gradient. At the peak it holds twice as many: 2.4 GB for one layer of 64
    columns on 719,081 edges. Every training step goes over all of them. So it is meant for a GPU or a small
    graph.

    Args:
        graph: Gives the number of users and items.
        dim: Dimension ``D`` of the table and of every layer.
        num_layers: Layers ``L``.
        heads: Attentions side by side, each of ``D / heads`` columns.
        dropout: Share of the neighbours that is left out in training.
        init_std: Standard deviation of the start.
        start: Where training begins, as in `EmbeddingTable`.

    Raises:
        InputError: If `dim` is not a multiple of `heads`.
    """

    def __init__(
        self,
        graph: BipartiteGraph,
        dim: int = 64,
        num_layers: int = 2,
        heads: int = 1,
        dropout: float = 0.0,
        init_std: float = 0.1,
        start: Start = "auto",
    ) -> None:
        from torch_geometric.nn import GATv2Conv  # takes long to import, and one model in many needs it

        super().__init__(graph, dim, init_std, start)
        check_at_least(1, heads=heads)
        check_between(1, MOST_LAYERS, num_layers=num_layers)
        check_share(dropout=dropout)
        check_room(8 * num_layers * dim * dim, dim=dim)
        if dim % heads:
            raise InputError(f"{dim} columns for {heads} heads", column="heads", hint="give a divisor of dim")
        # the table itself is in the mean, so a node need not attend to itself
        self.layers = nn.ModuleList(
            GATv2Conv(dim, dim // heads, heads, dropout=dropout, add_self_loops=False)
            for _ in range(num_layers)
        )

    def forward(self, graph: BipartiteGraph) -> Embeddings:
        """Pass messages along every edge in both directions, once a layer."""
        *_, mean = self._layers_of(graph)
        return Embeddings(*torch.split(mean, [self.num_users, self.num_items]))

    fold_in_note: ClassVar[str] = UNTRAINED

    def fold_in(self, graph: BipartiteGraph, baskets: BipartiteGraph) -> Tensor:
        """Let users attend to the layers of what they bought; their own rows are what is added."""
        edges = torch.stack([baskets.edge_item, baskets.edge_user])
        return self._attended(graph, self.unseen_users(baskets), edges)

    def embed_items(self, graph: BipartiteGraph, items: BipartiteGraph) -> Tensor:
        """Send what is added through the layers, with nobody to attend to."""
        return self._attended(graph, self.unseen_items(items), items.edge_index[:, :0])

    def _attended(self, graph: BipartiteGraph, start: Tensor, edges: Tensor) -> Tensor:
        """Send nodes of their own through the layers, along edges from items. ``[n, D]`` to ``[n, D]``."""
        layer, total = start, start
        for near, attention in zip(self._layers_of(graph), self.layers, strict=False):
            layer = attention((near[self.num_users :], layer), edges)
            total, layer = total + layer, functional.elu(layer)
        return total / (len(self.layers) + 1)

    def _layers_of(self, graph: BipartiteGraph) -> Iterator[Tensor]:
        """Compute what goes into each layer in turn, and in the end the mean of all. Each ``[N, D]``."""
        edges, layer = graph.edge_index, self.table()
        total = layer
        for attention in self.layers:
            yield layer
            layer = attention(layer, edges)
            total, layer = total + layer, functional.elu(layer)
        yield total / (len(self.layers) + 1)

    def extra_repr(self) -> str:
        """Show the sizes."""
        return f"{super().extra_repr()}, num_layers={len(self.layers)}"
