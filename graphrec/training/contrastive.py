"""A ranking loss with a contrastive one beside it: SimGCL, XSimGCL and their like."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor

from graphrec.errors import InputError, check_above, check_at_least
from graphrec.graph import BipartiteGraph
from graphrec.losses import info_nce
from graphrec.models.base import Decoder, Embeddings, Rows
from graphrec.models.embedding import EmbeddingRecommender
from graphrec.models.encoders.contrastive import ContrastiveEncoder, XSimGCL
from graphrec.training.batch import Batch, vectors_of
from graphrec.training.ranking import RankingTask
from graphrec.training.steps import Loss


class ContrastiveTask(RankingTask):
    """Adds ``λ`` times the InfoNCE between two views of the batch's users, and of its items.

    Yu et al., SimGCL, SIGIR 2022. Each user and item of a batch counts once; all others of the batch are its
    negatives. With several processes, each takes this part over the whole batch and not over its share. So
    they train as one process does; the ranking loss is shared out as ever.

    Args:
        encoder: Graph to embeddings and their views, ``SimGCL`` or ``XSimGCL``.
        decoder: Embeddings to raw scores; as in `RankingTask` if missing.
        loss: Function of the scores of bought and of sampled items, as in `RankingTask`.
        learning_rate: Of Adam.
        l2: Weight of half the squared length of the ego embeddings in the batch, per edge.
        weight_decay: L2 of Adam on every weight, the same for rare and frequent nodes.
        negatives: Sampled items ``K``, per edge or per batch.
        sampling: Where negatives come from, as in `RankingTask`.
        contrast: Weight ``λ`` of the contrastive loss.
        temperature: ``τ`` of the contrastive loss.
        prior: Weight of the number of buyers in every score, as in `RankingTask`.

    Raises:
        InputError: If the encoder gives no views.
    """

    shares_rows = False
    logs_only_known: ClassVar[bool] = True
    reads_weights: ClassVar[bool] = True

    def __init__(
        self,
        encoder: Callable[[BipartiteGraph], ContrastiveEncoder] = XSimGCL,
        decoder: Decoder | None = None,
        loss: Loss | None = None,
        learning_rate: float = 3e-3,
        l2: float = 1e-4,
        weight_decay: float = 0.0,
        negatives: int | None = None,
        sampling: Literal["pair", "shared", "batch"] | None = None,
        contrast: float = 0.2,
        temperature: float = 0.15,
        prior: float | None = None,
    ) -> None:
        super().__init__(
            encoder, decoder, loss, learning_rate, l2, weight_decay, negatives, sampling, prior=prior
        )
        check_at_least(0, contrast=contrast)
        check_above(0, temperature=temperature)
        self.contrast, self.temperature = contrast, temperature

    def build(self, graph: BipartiteGraph) -> EmbeddingRecommender:
        """Build encoder and decoder over the graph.

        Raises:
            InputError: If the encoder gives no views.
        """
        recommender = super().build(graph)
        if not recommender.encoder.gives_views:
            what = f"the encoder {type(recommender.encoder).__name__} gives no views to contrast"
            raise InputError(what, column="encoder", hint="choose SimGCL or XSimGCL, or RankingTask")
        return recommender

    def _losses(self, batch: Batch) -> tuple[Tensor, Callable[[], Tensor]]:
        """Compute both losses in one, and the penalty."""
        encoder, graph = cast(ContrastiveEncoder, self.recommender.encoder), self.recommender.graph
        (ranked, first, second), ego = encoder.contrast(graph), encoder.ego(graph)
        vectors = vectors_of(batch, lambda users, items: Rows.of(ranked, ego, users, items))
        contrast = self._contrast(batch.edges, first, second)
        return self._sampled_loss(batch, vectors) + self.contrast * contrast, vectors.penalty

    def _contrast(self, edges: Tensor, first: Embeddings, second: Embeddings) -> Tensor:
        """Compute InfoNCE of the distinct users and of the distinct items of a whole batch."""
        graph = self.recommender.graph
        users, items = torch.unique(graph.edge_user[edges]), torch.unique(graph.edge_item[edges])
        of_users = info_nce(first.user[users], second.user[users], self.temperature)
        return of_users + info_nce(first.item[items], second.item[items], self.temperature)
