"""Training free vectors under the constraints that endless propagation would fulfil: UltraGCN."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal

from torch import Tensor
from torch.nn import functional

from graphrec.errors import check_above, check_at_least
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Decoder, Encoder
from graphrec.models.decoders import Dot
from graphrec.models.embedding import EmbeddingRecommender
from graphrec.models.encoders.table import EmbeddingTable
from graphrec.training.batch import Batch, Vectors
from graphrec.training.ranking import RankingTask
from graphrec.training.ultragcn.weights import degree_weights, item_neighbours


class UltraGCNTask(RankingTask):
    """Weighs a cross-entropy by degrees, and draws users to what goes with their items.

    Mao et al., "UltraGCN: ultra simplification of graph convolutional networks for recommendation", CIKM
    2021, eq. 9 and 12. An edge costs ``(a + b β_ui) ℓ(s_ui)``, each of its ``K`` sampled items ``w / K (a' +
    b' β_uj) ℓ(−s_uj)``, and each of the items that go best with ``i`` costs ``λ ω_ij ℓ(s_uj)``. ``ℓ(s)`` is
    ``log(1 + e^-s)``. The loss is the sum over the batch, as in the authors' program, and not its mean: only
    so does their L2 weigh as much.

    Args:
        encoder: Graph to embeddings; the paper's has no propagation, ``EmbeddingTable``.
        decoder: Embeddings to raw scores; inner product if missing.
        learning_rate: Of Adam.
        weight_decay: L2 of Adam on every weight, the paper's ``γ``.
        negatives: Sampled items ``K``, per edge or per batch.
        sampling: ``shared`` draws one set for the whole batch; ``pair``, as in the paper, for each edge.
        positive: ``a`` and ``b`` of an edge.
        negative: ``a'`` and ``b'`` of a sampled item.
        negative_weight: ``w``, of the sampled items against the edge.
        neighbours: Items that are drawn near for an edge.
        item_weight: ``λ``, of these.
        prior: Weight of the log share of users who bought an item in every score; 0 in the paper.

    Raises:
        InputError: If a number is out of its range.
    """

    user_weight: Tensor
    item_weights: Tensor
    near: Tensor
    near_weights: Tensor
    shares_rows = False
    logs_only_known: ClassVar[bool] = True

    def __init__(
        self,
        encoder: Callable[[BipartiteGraph], Encoder] = EmbeddingTable,
        decoder: Decoder | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        negatives: int = 300,
        sampling: Literal["pair", "shared"] = "shared",
        positive: tuple[float, float] = (1e-6, 1.0),
        negative: tuple[float, float] = (1e-6, 1.0),
        negative_weight: float = 300.0,
        neighbours: int = 10,
        item_weight: float = 5e-4,
        prior: float = 0.0,
    ) -> None:
        super().__init__(
            encoder,
            decoder or Dot(),
            learning_rate=learning_rate,
            l2=0.0,
            weight_decay=weight_decay,
            negatives=negatives,
            sampling=sampling,
            prior=prior,
        )
        check_at_least(0, positive=min(positive), negative=min(negative), item_weight=item_weight)
        check_above(0, negative_weight=negative_weight)
        check_at_least(1, neighbours=neighbours)
        self.positive, self.negative, self.negative_weight = positive, negative, negative_weight
        self.neighbours, self.item_weight = neighbours, item_weight

    def build(self, graph: BipartiteGraph) -> EmbeddingRecommender:
        """Weigh users and items by their degrees and find what goes together; build as any other task."""
        near, near_weights = item_neighbours(graph, min(self.neighbours, graph.num_items))
        user, item = degree_weights(graph)
        parts = {"user_weight": user, "item_weights": item, "near": near, "near_weights": near_weights}
        for name, value in parts.items():
            self.register_buffer(name, value.to(graph.edge_item.device), persistent=False)
        return super().build(graph)

    def _sampled_loss(self, batch: Batch, vectors: Vectors) -> Tensor:
        """Sum the costs of the batch's edges, sampled items and neighbours."""
        assert batch.negatives is not None
        assert vectors.negative is not None
        own = self.user_weight[batch.users]
        scores = self.decoder(vectors.user, vectors.item) + self._offset(batch.items)
        loss = _weights(self.positive, own * self.item_weights[batch.items]) * functional.softplus(-scores)
        if batch.is_shared:
            sampled = self.decoder.matrix(vectors.user, vectors.negative)
        else:
            sampled = vectors.scores(self.decoder)[1]
        sampled = sampled + self._offset(batch.negatives)
        weights = _weights(self.negative, own[:, None] * self.item_weights[batch.negatives])
        loss = loss + self.negative_weight * (weights * functional.softplus(sampled)).mean(dim=1)
        if self.item_weight:
            loss = loss + self.item_weight * self._near_loss(batch, vectors)
        return batch.weight * len(batch.edges) * loss.mean()

    def _offset(self, items: Tensor) -> Tensor | float:
        """Compute the log odds that a user buys an item, as far as its buyers tell. Shape of `items`."""
        if self.item_offset is None:
            return 0.0
        return self.item_offset[items] - self.prior * math.log1p(self.recommender.graph.num_users)

    def _near_loss(self, batch: Batch, vectors: Vectors) -> Tensor:
        """Sum the costs of the items that go with each edge's. Shape ``[b]``."""
        encoder, graph = self.recommender.encoder, self.recommender.graph
        near = self.near[batch.items]
        items = encoder.rows(graph, batch.users[:0], near.flatten()).item
        scores = self.decoder(vectors.user[:, None], items.view(*near.shape, -1)) + self._offset(near)
        return (self.near_weights[batch.items] * functional.softplus(-scores)).sum(dim=1)


def _weights(both: tuple[float, float], beta: Tensor) -> Tensor:
    constant, factor = both
    return constant + factor * beta
