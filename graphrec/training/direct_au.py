"""Training on the vectors of edges alone, without negatives: DirectAU."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from graphrec.errors import InputError, check_at_least
from graphrec.graph import BipartiteGraph
from graphrec.losses import alignment, uniformity
from graphrec.models.base import Decoder, Encoder
from graphrec.models.decoders import Dot
from graphrec.models.encoders.table import EmbeddingTable
from graphrec.training.batch import Batch, vectors_of
from graphrec.training.ranking import RankingTask


class DirectAUTask(RankingTask):
    """Draws the two ends of edges together and spreads users, and items, over the sphere.

    Wang et al., "Towards representation alignment and uniformity in collaborative filtering", KDD 2022:
    ``alignment(u, i) + γ (uniformity(u) + uniformity(i)) / 2`` on the edges of a batch, on vectors of
    length 1. As in the authors' code, ranking is by the decoder on the vectors as they are. Spread over a
    sphere they cannot tell how often an item is bought: where that matters, give ``prior`` and a cosine.
    With several processes, each takes the whole batch, so that they train as one process does, in its time.

    Args:
        encoder: Graph to embeddings, for example ``EmbeddingTable`` or ``LightGCN``.
        decoder: Embeddings to raw scores in ranking, which has no part in training; inner product if missing.
        gamma: Weight ``γ`` of uniformity.
        learning_rate: Of Adam.
        l2: Weight of half the squared length of the ego embeddings in the batch, per edge.
        weight_decay: L2 of Adam on every weight.
        prior: Weight of ``log(1 + buyers)`` of an item beside the decoder's score, in ranking alone.

    Raises:
        InputError: If a number is out of its range, or the decoder has weights.
    """

    logs_only_known: ClassVar[bool] = True

    def __init__(
        self,
        encoder: Callable[[BipartiteGraph], Encoder] = EmbeddingTable,
        decoder: Decoder | None = None,
        gamma: float = 1.0,
        learning_rate: float = 1e-3,
        l2: float = 0.0,
        weight_decay: float = 1e-6,
        prior: float = 0.0,
    ) -> None:
        super().__init__(
            encoder,
            decoder or Dot(),
            learning_rate=learning_rate,
            l2=l2,
            weight_decay=weight_decay,
            sampling="batch",
            prior=prior,
        )
        check_at_least(0, gamma=gamma)
        self.gamma = gamma
        if any(True for _ in self.decoder.parameters()):
            what = f"the decoder {type(self.decoder).__name__} has weights, which DirectAU would not train"
            raise InputError(what, column="decoder", hint="choose Dot, or RankingTask")

    def _batch(self, edges: Tensor) -> Batch:
        """Take the whole batch: the spread of its vectors is not the mean of its parts'."""
        graph = self.recommender.graph
        return Batch(graph.edge_user[edges], graph.edge_item[edges], None, 1.0, edges)

    def _losses(self, batch: Batch) -> tuple[Tensor, Callable[[], Tensor]]:
        """Compute alignment and uniformity in one, and the penalty."""
        encoder, graph = self.recommender.encoder, self.recommender.graph
        vectors = vectors_of(batch, lambda users, items: encoder.rows(graph, users, items))
        spread = (uniformity(vectors.user) + uniformity(vectors.item)) / 2
        return alignment(vectors.user, vectors.item) + self.gamma * spread, vectors.penalty
