"""The softmax with a temperature that follows the training: Adap-τ."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import ClassVar

import torch
from scipy.special import lambertw
from torch import Tensor, nn
from torch.nn import functional

from graphrec.errors import check_above, check_at_least
from graphrec.graph import BipartiteGraph
from graphrec.kernels.inner_products import log_sum_products
from graphrec.models.base import Encoder
from graphrec.models.decoders import CosineTrained
from graphrec.models.embedding import EmbeddingRecommender
from graphrec.models.encoders.lightgcn import LightGCN
from graphrec.training.batch import Batch, Vectors
from graphrec.training.ranking import RankingTask

_FIRST_GAP = 0.7
"""Cosine of edges above that of all pairs which is assumed before there is anything to measure."""
_LEFT_OUT = 0.2
"""Share of the users with the fewest items, whose cosines are left out of the measurement."""
_LEAST = 0.1
"""Inverse temperature at least; where half of all pairs are edges the formula gives none above 0."""

_BRANCH = -math.exp(-1) + 1e-9
"""Just inside the interval in which Lambert's function is real."""


class AdaptiveTemperatureTask(RankingTask):
    """In-batch softmax on cosines with an inverse temperature for each user, set anew in each epoch.

    Chen et al., "Adap-τ: Adaptively modulating embedding magnitude for recommendation", WWW 2023. The common
    one is ``β = (ln ½ + ln(U I) - ln E) / (mean cosine of edges - mean cosine of all pairs)``, at which half
    of the softmax falls to the bought items. A user's is ``β exp(-W(max((ℓ_u - mean ℓ) / spread, -1/e)))``
    with Lambert's ``W`` and the user's mean loss ``ℓ_u`` at temperature 1 in the last epoch: who is hard to
    fit gets a softer softmax. Ranking is by inner product.

    Args:
        encoder: Graph to embeddings, for example ``LightGCN`` or ``EmbeddingTable``.
        learning_rate: Of Adam.
        l2: Weight of half the squared length of the ego embeddings in the batch, per edge.
        weight_decay: L2 of Adam on every weight.
        spread: How far losses lie apart before temperatures do; the paper's second temperature.
        held_epochs: Epochs in which ``β`` keeps its start, a difference of cosines of 0.7. The paper measures
            it in each epoch; its authors' runs hold it for 100, and so never measure it before the best
            epoch. On Gowalla a measured one learns more slowly.
    """

    logs_only_known: ClassVar[bool] = True
    inverse: Tensor
    user_loss: Tensor
    summed: Tensor

    def __init__(
        self,
        encoder: Callable[[BipartiteGraph], Encoder] = LightGCN,
        learning_rate: float = 1e-3,
        l2: float = 1e-5,
        weight_decay: float = 0.0,
        spread: float = 0.6,
        held_epochs: int = 100,
    ) -> None:
        decoder = CosineTrained(temperature=1.0)
        super().__init__(
            encoder,
            decoder,
            learning_rate=learning_rate,
            l2=l2,
            weight_decay=weight_decay,
            sampling="batch",
            prior=0.0,
        )
        check_above(0, spread=spread)
        check_at_least(0, held_epochs=held_epochs)
        self.spread, self.held_epochs = spread, held_epochs
        self.common = 1.0

    def build(self, graph: BipartiteGraph) -> EmbeddingRecommender:
        """Build encoder and decoder over the graph, and a loss for each user, which a checkpoint keeps."""
        device = graph.edge_user.device
        self.register_buffer("inverse", torch.ones(graph.num_users, device=device), persistent=False)
        # −1 before the first epoch; then each user's mean loss in the last one, and in this one so far
        self.register_buffer("user_loss", torch.full((graph.num_users,), -1.0, device=device))
        self.register_buffer("summed", torch.zeros(graph.num_users, device=device), persistent=False)
        return super().build(graph)

    @torch.no_grad()
    def on_train_epoch_start(self) -> None:
        """Set the temperatures from the cosines of now and the losses of the last epoch."""
        graph = self.recommender.graph
        count = torch.bincount(graph.edge_user, minlength=graph.num_users)
        first = bool((self.user_loss < 0).all())
        held = first or self.current_epoch < self.held_epochs
        self.common = _common_inverse(graph, count, None if held else self.recommender.encoder)
        self.inverse.fill_(self.common)
        if not first:
            behind = (self.user_loss - self.user_loss[count > 0].mean()) / self.spread
            lambert = lambertw(behind.double().clamp(_BRANCH, 1000).cpu().numpy()).real
            self.inverse.mul_(torch.from_numpy(lambert).to(self.inverse).neg().exp())
        self.summed.zero_()

    def on_train_epoch_end(self) -> None:
        """Remember each user's mean loss, over all processes."""
        super().on_train_epoch_end()
        graph = self.recommender.graph
        total = self.trainer.strategy.reduce(self.summed.clone(), reduce_op="sum")
        self.user_loss.copy_(total / torch.bincount(graph.edge_user, minlength=graph.num_users).clamp_min(1))

    def _sampled_loss(self, batch: Batch, vectors: Vectors) -> Tensor:
        """Compute ``-β s⁺ + log Σ exp(β_u s⁻)`` and note the users' losses at temperature 1 on the way."""
        assert vectors.negative is not None
        user, item, negative = (
            functional.normalize(part, dim=1) for part in (vectors.user, vectors.item, vectors.negative)
        )
        positive = (user * item).sum(1)
        with torch.no_grad():
            self.summed.index_add_(0, batch.users, log_sum_products(user, negative, batch.own) - positive)
        log_sum = log_sum_products(user * self.inverse[batch.users, None], negative, batch.own)
        return batch.weight * (log_sum - self.common * positive).mean()


def _common_inverse(graph: BipartiteGraph, count: Tensor, encoder: nn.Module | None) -> float:
    """Compute the inverse temperature of all users together; without an encoder, that of the start."""
    kept = count > torch.quantile(count.float(), _LEFT_OUT)
    if not kept.any():
        kept = count > 0
    edges = kept[graph.edge_user]
    pairs = math.log(0.5) + math.log(int(kept.sum())) + math.log(graph.num_items) - math.log(int(edges.sum()))
    if encoder is None:
        return max(pairs / _FIRST_GAP, _LEAST)
    user, item = (functional.normalize(part, dim=1) for part in encoder(graph))
    near = torch.stack([(user[users] * item[items]).sum() for users, items in _pieces(graph, edges)]).sum()
    gap = float(near / edges.sum() - (user[kept] @ item.mean(0)).mean())
    return max(pairs / max(gap, 1e-3), _LEAST)


def _pieces(graph: BipartiteGraph, edges: Tensor, size: int = 1 << 17) -> Iterator[tuple[Tensor, Tensor]]:
    """Gather users and items of some edges, a bounded number at a time."""
    chosen = edges.nonzero().flatten()
    for start in range(0, len(chosen), size):
        piece = chosen[start : start + size]
        yield graph.edge_user[piece], graph.edge_item[piece]
