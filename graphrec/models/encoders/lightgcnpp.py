"""LightGCN++: propagation of directions, with exponents of the degrees and a weight of the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from graphrec.errors import check_between, check_finite
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Embeddings, Rows
from graphrec.models.encoders.baskets import UNTRAINED, basket_sizes, basket_sums
from graphrec.models.encoders.table import MOST_LAYERS, EmbeddingTable, Start


class LightGCNpp(EmbeddingTable):
    """Weighs the table against the mean of its layers, ``γ E^(0) + (1 − γ) mean_l E^(l)``, ``l = 1..L``.

    ``E^(l+1) = D^-α A D^-β Ē^(l)``, where ``Ē`` has the rows of ``E`` in length 1. Lee, Kim and Shin,
    "Revisiting LightGCN: unexpected inflexibility, inconsistency, and a remedy towards improved
    recommendation", RecSys 2024, eq. 5 to 7. LightGCN has ``α = β = ½`` and lengths as they are. Settings
    by default are those that the paper recommends.

    Args:
        graph: Gives the number of users and items.
        dim: Dimension ``D``.
        num_layers: Layers ``L`` of propagation.
        init_std: Standard deviation of the start.
        alpha: Exponent ``α`` of a node's own degree; the larger, the shorter are vectors of popular nodes.
        beta: Exponent ``β`` of a neighbour's degree; below 0, active neighbours count more.
        gamma: Weight ``γ`` of the table, from 0 to 1.
        start: Where training begins, as in `EmbeddingTable`.
    """

    static_step: ClassVar[bool] = True
    reads_weights: ClassVar[bool] = True

    def __init__(
        self,
        graph: BipartiteGraph,
        dim: int = 128,
        num_layers: int = 2,
        init_std: float = 0.1,
        alpha: float = 0.6,
        beta: float = -0.1,
        gamma: float = 0.2,
        start: Start = "auto",
    ) -> None:
        super().__init__(graph, dim, init_std, start)
        check_between(1, MOST_LAYERS, num_layers=num_layers)
        check_finite(alpha=alpha, beta=beta)
        check_between(0, 1, gamma=gamma)
        self.num_layers, self.alpha, self.beta, self.gamma = num_layers, alpha, beta, gamma
        degree = graph.strength()
        # the graph's own matrix has a half for both
        self.register_buffer("before", degree[:, None] ** (0.5 - beta), persistent=False)
        self.register_buffer("after", degree[:, None] ** (0.5 - alpha), persistent=False)

    before: Tensor
    after: Tensor

    def forward(self, graph: BipartiteGraph) -> Embeddings:
        """Propagate the table through the graph."""
        table = self.table()
        layers = self._layers(graph, table, self.num_layers)
        total = self._pooled(table, sum(layers, torch.zeros_like(table)))
        return Embeddings(*torch.split(total, [self.num_users, self.num_items]))

    def own_rows(self, graph: BipartiteGraph, users: Tensor, items: Tensor) -> Rows:
        """Propagate, the last layer for the batch alone."""
        nodes = torch.cat([users, items + self.num_users])
        table = self.table()
        layers = self._layers(graph, table, self.num_layers - 1)
        lengthened = self._directions(layers[-1] if layers else table)
        last, _ = graph.filter_nodes(lengthened, [0.0, 1.0], nodes)
        ego = table[nodes]
        propagated = sum((layer[nodes] for layer in layers), last * self.after[nodes])
        sizes = [len(users), len(items)]
        user, item = torch.split(self._pooled(ego, propagated), sizes)
        return Rows(user, item, lambda: Embeddings(*torch.split(ego, sizes)))

    own_sample = EmbeddingTable.own_sample
    """Layers are as wide as the table."""

    fold_in_note: ClassVar[str] = UNTRAINED

    def fold_in(self, graph: BipartiteGraph, baskets: BipartiteGraph) -> Tensor:
        """Propagate from the layers of the items; the users' own rows are what is added."""
        return self.own_folding(graph)(baskets)

    def own_folding(self, graph: BipartiteGraph) -> Callable[[BipartiteGraph], Tensor]:
        """Propagate once; a basket then costs a sum."""
        table = self.table()
        layers = [table, *self._layers(graph, table, self.num_layers - 1)]
        items = sum((functional.normalize(layer, dim=1)[self.num_users :] for layer in layers), start=0.0)
        degree = graph.strength()[graph.num_users :]
        sent = items * degree[:, None] ** -self.beta

        def fold(baskets: BipartiteGraph) -> Tensor:
            near = basket_sums(baskets, sent) * basket_sizes(baskets) ** -self.alpha
            return self._pooled(self.unseen_users(baskets), near)

        return fold

    @property
    def embeds_items(self) -> bool:
        """Whether features stand for an item's row of the table, and the table is in the sum."""
        return super().embeds_items and self.gamma != 0

    def embed_items(self, graph: BipartiteGraph, items: BipartiteGraph) -> Tensor:
        """Weigh what is added as the table is; nobody sends anything to an item that nobody bought."""
        return self.gamma * self.unseen_items(items)

    def _layers(self, graph: BipartiteGraph, table: Tensor, count: int) -> list[Tensor]:
        """Compute ``E^(1) … E^(count)``, each ``[N, D]``."""
        layers: list[Tensor] = []
        for _ in range(count):
            last = layers[-1] if layers else table
            layers.append(graph.propagate(self._directions(last)) * self.after)
        return layers

    def _directions(self, x: Tensor) -> Tensor:
        """Bring rows to length 1 and weigh them as neighbours. ``[N, D]`` to ``[N, D]``."""
        return functional.normalize(x, dim=1) * self.before

    def _pooled(self, ego: Tensor, layers: Tensor) -> Tensor:
        """Weigh the table against the sum of the layers."""
        return self.gamma * ego + (1 - self.gamma) / self.num_layers * layers

    def extra_repr(self) -> str:
        """Show the sizes."""
        return f"{super().extra_repr()}, num_layers={self.num_layers}"
