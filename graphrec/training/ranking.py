"""Training by gradient: batches of edges, sampled negatives or the whole catalogue, Adam."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from graphrec.capabilities import declares
from graphrec.data.module import run_seed
from graphrec.errors import check_above, check_at_least
from graphrec.graph import BipartiteGraph
from graphrec.kernels.inner_products import log_sum_products
from graphrec.kernels.memory import check_room
from graphrec.kernels.shards import Shard, training_shard
from graphrec.losses import by_log_sum, total_square
from graphrec.models.base import Decoder, Encoder, Rows
from graphrec.models.embedding import EmbeddingRecommender, item_prior, with_offset
from graphrec.models.encoders.lightgcn import LightGCN
from graphrec.models.encoders.spectral_init import weights_follow
from graphrec.notices import note
from graphrec.sampling import (
    log_probability,
    pair_negatives,
    shared_negatives,
    step_generator,
    step_randomness,
)
from graphrec.training.batch import Batch, Vectors, vectors_of
from graphrec.training.divergence import LossTrail, check_epoch, check_step
from graphrec.training.graphed import LossGraph
from graphrec.training.ranked import RankedTask
from graphrec.training.steps import (
    UNOBSERVED,
    Loss,
    Sampling,
    Step,
    check_options,
    check_sharded,
    check_weighable,
    check_weights,
    weighted_loss,
)


class RankingTask(RankedTask):
    """Trains an encoder and a decoder by gradient, on sampled negatives or on the whole catalogue.

    Args:
        encoder: Graph to embeddings, for example ``LightGCN`` or ``EmbeddingTable``.
        decoder: Embeddings to raw scores. If missing, ``ScaledCosine`` where no loss is given, and the inner
            product ``Dot`` where one is.
        loss: Function of the scores of bought and of sampled items, from ``graphrec.losses``. If missing, the
            softmax of ``BilateralSoftmax``; ``bpr`` for a decoder that is no inner product.
        learning_rate: Of Adam; batches k times as large learn about as much in an epoch with one that is
            higher by the square root of k (experiments/benchmarks/batch_size.py).
        l2: Weight of half the squared length of the ego embeddings in the batch, per edge.
        weight_decay: L2 of Adam on every weight, the same for rare and frequent nodes.
        negatives: Sampled items ``K``, per edge or per batch. If missing, 1,024 with sampling ``shared`` and
            1 with any other.
        sampling: ``pair`` draws negatives for each edge and avoids what the user bought; ``shared`` draws
            one set for the whole batch, which suits the softmax; ``batch`` takes the batch's other items,
            which come as often as they are bought; ``none`` is for ``catalogue_squares``. If missing, what
            the loss is made for.
        unobserved: Weight ``α`` of every pair of the catalogue, with sampling ``none``.
        popularity: Power of the number of buyers that ``shared`` items are drawn in proportion to; 0 is
            uniform, 1 is as often as they are bought.
        log_q: Correct a softmax for popular items coming more often: ``log q`` is taken from every score,
            bought and sampled. ``q`` is the probability with which sampling yields the item (Bengio and
            Senecal, IEEE TNN 2008; Yi et al., RecSys 2019). With sampling ``shared`` or ``batch``. The
            papers of BSL and Adap-τ do without: their in-batch negatives are to hold popular items down.
        prior: Weight of ``log(1 + buyers)`` of an item, which is added to its scores in training and in
            ranking. So training begins at the most bought items, and learns what is different about a user.
            If missing, 1 where no loss is given and 0 where one is.

    Where edges have weights, an edge counts in the loss as its weight relative to the mean of all.

    Raises:
        InputError: If options do not go together.
    """

    recommender: EmbeddingRecommender
    item_offset: Tensor | None
    shares_rows = True
    logs_only_known: ClassVar[bool] = True
    static_step: ClassVar[bool] = True
    """A step is the same operations each time, if encoder, decoder and loss declare it too."""
    reads_weights: ClassVar[bool] = True
    """An edge counts in the loss as its weight, if encoder and loss allow it."""

    def __init__(
        self,
        encoder: Callable[[BipartiteGraph], Encoder] = LightGCN,
        decoder: Decoder | None = None,
        loss: Loss | None = None,
        learning_rate: float = 3e-3,
        l2: float = 1e-4,
        weight_decay: float = 0.0,
        negatives: int | None = None,
        sampling: Sampling | None = None,
        unobserved: float = UNOBSERVED,
        popularity: float = 0.0,
        log_q: bool = False,
        prior: float | None = None,
    ) -> None:
        super().__init__()
        self.encoder_factory = encoder
        if negatives is not None:
            check_at_least(1, negatives=negatives)
        step = Step.of(loss, decoder, sampling, negatives, prior)
        self.loss, self.decoder, self.sampling, self.negatives, self.prior = step
        self.learning_rate, self.l2, self.weight_decay = learning_rate, l2, weight_decay
        self.unobserved, self.popularity, self.log_q = unobserved, popularity, log_q
        self._trail = LossTrail()
        self._graphed: LossGraph | None = None
        check_above(0, learning_rate=learning_rate)
        check_at_least(0, l2=l2, weight_decay=weight_decay, unobserved=unobserved, popularity=popularity)
        check_at_least(0, prior=self.prior)
        check_options(self)

    def build(self, graph: BipartiteGraph) -> EmbeddingRecommender:
        """Build encoder and decoder over the graph.

        Raises:
            InputError: If the model cannot be shared out over processes, or reads no weights of edges.
        """
        encoder = self.encoder_factory(graph)
        check_weighable(graph, encoder, self.loss, self.sampling)
        check_weights(encoder, self.decoder)
        if graph.sharded is not None:
            if (line := self.decoder.hold()) is not None:
                note(f"row_sharded: {line}, for processes share no weight but the table")
            check_sharded(encoder, self.decoder, self.sampling)
        offset = self.prior * item_prior(graph) if self.prior else None
        if self.log_q:
            power = self.popularity if self.sampling == "shared" else 1.0
            offset = (0.0 if offset is None else offset) - log_probability(graph, power)
        self.register_buffer("item_offset", offset, persistent=False)
        return EmbeddingRecommender(graph, encoder, self.decoder, self.prior)

    def rebuild(self, graph: BipartiteGraph, state: Mapping[str, Tensor]) -> EmbeddingRecommender:
        """Build it without a start that the weights of a checkpoint replace."""
        with weights_follow():
            return self.build(graph)

    def configure_model(self) -> None:
        """Build once; a table shared out over processes is declared as such, which takes a running group."""
        super().configure_model()
        if self.recommender.graph.sharded is not None:
            assert self.device_mesh is not None
            self.recommender.encoder.distribute(self.device_mesh["tensor_parallel"])

    def holding(self) -> str | None:
        """Say how much of a model that is shared out over processes this one holds; None if it is not."""
        graph, table = self.recommender.graph, self.recommender.encoder.shared_table
        if graph.sharded is None or table is None:
            return None
        here, whole = (size / 1e6 for size in graph.sharded.sizes(table.shape[1]))
        nodes = f"rank {graph.sharded.rank} holds {len(graph.nodes):,} of {graph.num_nodes:,} nodes"
        return f"{nodes}, {here:,.1f} MB of {whole:,.1f} MB"

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Find the shapes of the weights by name, of all processes together."""
        shapes, table = super().weight_shapes(), self.recommender.encoder.shared_table
        if table is not None:
            name = next(name for name, value in self.named_parameters() if value is table)
            shapes[name] = (self.recommender.graph.num_nodes, table.shape[1])
        return shapes

    def training_step(self, edges: Tensor, batch_idx: int) -> Tensor:
        """Compute the loss of this process's edges of a batch, ``[B]`` ids; the batch's is their mean."""
        with step_randomness(run_seed(), self.global_step, edges.device):
            loss = self._loss_of(self._batch(edges))
        self._trail.add(loss.detach(), len(edges))
        check_step(self, loss, self._trail, self.learning_rate)
        return loss

    def check_trained(self) -> None:
        """Raise `InputError` if this epoch left a loss or a weight that is no number."""
        check_epoch(self, self._trail, self.learning_rate)

    def on_train_epoch_end(self) -> None:
        """Log the mean loss; to do so in each step takes Lightning as long as a tenth of a small step."""
        super().on_train_epoch_end()
        if self._trail.rows:
            self.log("train_loss", self._trail.mean(), prog_bar=True, sync_dist=True)
        self._trail.start_epoch()

    def on_train_start(self) -> None:
        """Forget an earlier fit: the losses it had summed up, and what it captured of its weights."""
        self._trail = LossTrail()
        self._graphed = LossGraph(self._loss_of_parts, self.recommender) if self._is_graphable() else None

    def _is_graphable(self) -> bool:
        """Tell whether a GPU may replay a step, as all parts of it declare."""
        parts = (self, self.recommender.encoder, self.decoder, self.loss)
        return (
            self.device.type == "cuda"
            and self.trainer.world_size == 1
            and self.sampling != "none"
            and self.recommender.graph.relative_weight is None
            and all(declares(part, "static_step") for part in parts)
        )

    def _loss_of(self, batch: Batch) -> Tensor:
        """Compute the loss of a batch, with its penalty."""
        return self._total(batch) if self._graphed is None else self._graphed(*batch.tensors())

    def _loss_of_parts(self, *tensors: Tensor) -> Tensor:
        """Compute the same of a batch's tensors, where there is one process."""
        return self._total(Batch.of(tensors))

    def _total(self, batch: Batch) -> Tensor:
        loss, penalty = self._losses(batch)
        return loss + self.l2 * penalty() if self.l2 else loss

    def _batch(self, edges: Tensor) -> Batch:
        """Draw negatives for the whole batch, so that they do not depend on the number of processes."""
        graph = self.recommender.graph
        shard, weight = training_shard(self._trainer).weighted(len(edges))
        users, items = graph.edge_user[edges], graph.edge_item[edges]
        mine, weight_of = shard.rows(users), (weight, edges)
        if self.sampling == "batch":
            own = shard.rows(torch.arange(len(edges), device=users.device)) if len(edges) > 1 else None
            return Batch(mine, shard.rows(items), items, *weight_of, own)
        return Batch(mine, shard.rows(items), self._negatives(users, shard), *weight_of)

    def _negatives(self, users: Tensor, shard: Shard) -> Tensor | None:
        if self.sampling == "none":
            return None
        graph, pairwise = self.recommender.graph, self.sampling == "pair"
        if users.is_cpu:
            check_room(8 * self.negatives * (len(users) if pairwise else 1), negatives=self.negatives)
        generator = step_generator(run_seed(), self.global_step, users.device)
        if pairwise:
            return shard.rows(pair_negatives(graph, users, self.negatives, generator))
        return shared_negatives(graph, self.negatives, generator, self.popularity)

    def _losses(self, batch: Batch) -> tuple[Tensor, Callable[[], Tensor]]:
        """Compute loss and penalty; against sampled items, only the rows of the batch are embedded."""
        if batch.negatives is None:
            return self._catalogue_loss(batch)
        encoder, graph = self.recommender.encoder, self.recommender.graph
        vectors = vectors_of(batch, lambda users, items: encoder.rows(graph, users, items))
        return self._sampled_loss(batch, vectors), vectors.penalty

    def _sampled_loss(self, batch: Batch, vectors: Vectors) -> Tensor:
        """Compute the loss against sampled items."""
        assert batch.negatives is not None
        offsets = None  # what is added to the scores of bought and of sampled items
        if self.item_offset is not None:
            offsets = self.item_offset[batch.items], self.item_offset[batch.negatives]
        if batch.is_shared:
            assert vectors.negative is not None
            positive = self.decoder(vectors.user, vectors.item)
            loss, product = by_log_sum(self.loss), self.decoder.by_factors
            if loss is not None and product is not None:
                factors = product.factors(vectors.user, vectors.negative)
                if offsets is not None:
                    positive = positive + offsets[0]
                    factors = with_offset(*factors, offsets[1])
                log_sum = log_sum_products(*factors, batch.own)
                return self._mean(loss.of_log_sum, positive, log_sum, batch)
            negative = self.decoder.matrix(vectors.user, vectors.negative)
        else:
            positive, negative = vectors.scores(self.decoder)
        if offsets is not None:
            positive, negative = positive + offsets[0], negative + offsets[1]
        if batch.own is not None:
            negative.scatter_(1, batch.own[:, None], -torch.inf)
        return self._mean(self.loss, positive, negative, batch)

    def _mean(self, loss: Loss, positive: Tensor, other: Tensor, batch: Batch) -> Tensor:
        """Compute the loss of this process's edges as its part of the mean over the batch."""
        if (graph := self.recommender.graph).relative_weight is None:
            return batch.weight * loss(positive, other)
        shard, _ = training_shard(self._trainer).weighted(len(batch.edges))
        return batch.weight * weighted_loss(loss, positive, other, shard.rows(graph.relative(batch.edges)))

    def _catalogue_loss(self, batch: Batch) -> tuple[Tensor, Callable[[], Tensor]]:
        """Compute the loss against ``α Σ (u · i)² / E`` over all pairs of the catalogue, and the penalty."""
        encoder, graph = self.recommender.encoder, self.recommender.graph
        embeddings, ego = encoder(graph), encoder.ego(graph)
        vectors = vectors_of(batch, lambda users, items: Rows.of(embeddings, ego, users, items))
        total = self.unobserved * total_square(*embeddings) / graph.num_edges
        scores = self.decoder(vectors.user, vectors.item)
        if graph.relative_weight is not None:  # what is summed over the catalogue counts once
            return self._mean(self.loss, scores, torch.zeros_like(scores), batch) + total, vectors.penalty
        # every process sums over the whole catalogue, so that part needs no weight
        return batch.weight * self.loss(scores, total) + (1 - batch.weight) * total, vectors.penalty

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Make Adam."""
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return torch.optim.Adam(parameters, lr=self.learning_rate, weight_decay=self.weight_decay, fused=True)
