"""Encoders that give two noisy views of the same nodes in training: SimGCL and XSimGCL."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from graphrec.errors import InputError, check_at_least, check_between
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Embeddings, Encoder
from graphrec.models.encoders.baskets import UNTRAINED
from graphrec.models.encoders.lightgcn import LightGCN
from graphrec.models.encoders.table import MOST_LAYERS, Start


class Contrast(NamedTuple):
    """The embeddings that the ranking loss is taken on, and two views that are to agree on every node."""

    ranked: Embeddings
    first: Embeddings
    second: Embeddings


class ContrastiveEncoder(Encoder):
    """An encoder with two views of every node, for `graphrec.training.ContrastiveTask`."""

    gives_views: ClassVar[bool] = True

    @abstractmethod
    def contrast(self, graph: BipartiteGraph) -> Contrast:
        """Embed every user and item for a training step; `forward` stays free of noise."""


class SimGCL(LightGCN, ContrastiveEncoder):
    """Mean of layers 1..L of LightGCN; its views have noise of length ``ε`` on every layer.

    Yu et al., "Are graph augmentations necessary? Simple graph contrastive learning for recommendation",
    SIGIR 2022: the noise is uniform, scaled to length ``ε`` and given the signs of the vector it
    is added to; the table itself is left out of the mean. Ranking is without noise.

    The noise depends on the weights through signs alone, so a view has the gradient of the embeddings without
    noise (tested). Hence one pass with its gradient serves the ranking loss and both views, and the noisy
    passes need none: 3 L products forwards, and L backwards instead of 3 L.

    Args:
        graph: Gives the number of users and items.
        dim: Dimension ``D``.
        num_layers: Layers ``L`` of propagation.
        noise: Length ``ε`` of the noise on each vector of each layer.
        init_std: Standard deviation of the start.
        start: Where training begins, as in `EmbeddingTable`.
    """

    shardable: ClassVar[bool] = True
    reads_weights: ClassVar[bool] = True
    fold_in_note: ClassVar[str] = UNTRAINED

    def __init__(
        self,
        graph: BipartiteGraph,
        dim: int = 128,
        num_layers: int = 3,
        noise: float = 0.1,
        init_std: float = 0.1,
        start: Start = "auto",
    ) -> None:
        check_between(1, MOST_LAYERS, num_layers=num_layers)
        weights = [0.0] + [1 / num_layers] * num_layers
        super().__init__(graph, dim, num_layers, init_std, layer_weights=weights, start=start)
        check_at_least(0, noise=noise)
        self.noise = noise

    def contrast(self, graph: BipartiteGraph) -> Contrast:
        """Make the embeddings without noise, and two views with noise of their own."""
        clean = graph.filter(self.table(), self.coefficients, self.storage_type)
        with torch.no_grad():
            shifts = [weighted_sum(self.coefficients, self.noisy_layers(graph)) - clean for _ in range(2)]
        return Contrast(self._split(clean), self._split(clean + shifts[0]), self._split(clean + shifts[1]))

    def noisy_layers(self, graph: BipartiteGraph) -> list[Tensor]:
        """Compute the table and its L layers, each with noise before further propagation. Each ``[N, D]``."""
        layers: list[Tensor] = [self.table()]
        for _ in range(self.num_layers):
            layer = graph.propagate(layers[-1])
            noise = functional.normalize(torch.rand_like(layer), dim=1)
            layers.append(torch.addcmul(layer, layer.detach().sign(), noise, value=self.noise))
        return layers

    def _split(self, table: Tensor) -> Embeddings:
        return Embeddings(*torch.split(table, [self.num_users, self.num_items]))


class XSimGCL(SimGCL):
    """The same with one noisy pass, which is ranked by too; its other view is one of its own layers.

    Yu et al., "XSimGCL: Towards extremely simple graph contrastive learning for recommendation", TKDE 2024.

    Args:
        graph: Gives the number of users and items.
        dim: Dimension ``D``.
        num_layers: Layers ``L`` of propagation.
        noise: Length ``ε`` of the noise on each vector of each layer.
        contrast_layer: The layer ``l*`` that is the other view of the mean of layers 1..L; 0 is the table.
        init_std: Standard deviation of the start.
        start: Where training begins, as in `EmbeddingTable`.

    Raises:
        InputError: If there is no such layer.
    """

    shardable: ClassVar[bool] = True
    reads_weights: ClassVar[bool] = True

    def __init__(
        self,
        graph: BipartiteGraph,
        dim: int = 128,
        num_layers: int = 2,
        noise: float = 0.2,
        contrast_layer: int = 1,
        init_std: float = 0.1,
        start: Start = "auto",
    ) -> None:
        super().__init__(graph, dim, num_layers, noise, init_std, start)
        if not 0 <= contrast_layer <= num_layers:
            hint = f"give 0 to {num_layers}"
            raise InputError(
                f"{num_layers} layers have no {contrast_layer}", column="contrast_layer", hint=hint
            )
        self.contrast_layer = contrast_layer

    def contrast(self, graph: BipartiteGraph) -> Contrast:
        """Make the noisy embeddings twice, and one of the layers that they are the mean of."""
        layers = self.noisy_layers(graph)
        noisy = self._split(weighted_sum(self.coefficients, layers))
        return Contrast(noisy, noisy, self._split(layers[self.contrast_layer]))


def weighted_sum(coefficients: list[float], layers: list[Tensor]) -> Tensor:
    """Compute ``Σ_l c_l E^(l)``, without the layers whose coefficient is 0. ``[N, D]``."""
    total = torch.zeros_like(layers[0])
    for coefficient, layer in zip(coefficients, layers, strict=True):
        total = total + coefficient * layer if coefficient else total
    return total
