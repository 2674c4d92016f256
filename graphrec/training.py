"""Lightning modules that wire encoder, decoder, loss and evaluation together."""

from __future__ import annotations

import json
import time
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional

from graphrec.data.module import RecommenderData, run_seed
from graphrec.data.shards import Shard, training_shard
from graphrec.errors import InputError
from graphrec.evaluation.gather import gather_metrics
from graphrec.evaluation.ranking import RankingEvaluator, UserMetrics, metric_names, truth_lists
from graphrec.files import write_parquet, write_text
from graphrec.graph import BipartiteGraph
from graphrec.losses import bpr, total_square
from graphrec.models.base import ClosedForm, Decoder, Encoder, ItemSet, Ranking, Recommender, Rows
from graphrec.models.decoders import Dot
from graphrec.models.embedding import EmbeddingRecommender
from graphrec.models.lightgcn import LightGCN
from graphrec.sampling import pair_negatives, shared_negatives, step_generator

Loss = Callable[[Tensor, Tensor], Tensor]


class RankedTask(pl.LightningModule):
    """What trained and closed-form recommenders share: full ranking in validation and test."""

    recommender: Recommender

    def __init__(self) -> None:
        super().__init__()
        self.evaluator: RankingEvaluator | None = None
        self.test_result: dict[ItemSet, UserMetrics] = {}
        self._fit_started = time.perf_counter()
        self.fit_seconds = 0.0

    @abstractmethod
    def build(self, graph: BipartiteGraph) -> Recommender:
        """Make the recommender for a training graph."""

    @property
    def data(self) -> RecommenderData:
        """The data module of the trainer."""
        return cast(RecommenderData, self.trainer.datamodule)  # type: ignore[attr-defined]

    def bind(self, graph: BipartiteGraph) -> None:
        """Build the recommender on a graph; the trainer calls it through `configure_model`."""
        self.recommender = self.build(graph)

    def configure_model(self) -> None:
        """Build once, when the data is known and before a checkpoint is restored."""
        if not hasattr(self, "recommender"):
            self.bind(BipartiteGraph(self.data.split.train, self.data.features))

    def forward(self, users: Tensor) -> Tensor:
        """Raw scores of the whole catalogue. Shape ``[B, I]``."""
        return self.recommender.score(users)

    def on_fit_start(self) -> None:
        """Start the clock."""
        self._fit_started = time.perf_counter()

    def on_fit_end(self) -> None:
        """Stop the clock."""
        self.fit_seconds = time.perf_counter() - self._fit_started

    def on_validation_epoch_start(self) -> None:
        """Start collecting."""
        self.evaluator = self._evaluator("val")

    def validation_step(self, users: Tensor, batch_idx: int) -> None:
        """Rank a batch of users."""
        self._evaluate(users)

    def on_validation_epoch_end(self) -> None:
        """Log the means over users; the first item set gives ``val_ndcg_20``."""
        assert self.evaluator is not None
        names = metric_names("val", gather_metrics(self.evaluator.compute()))
        for name, value in names.items():
            self.log(name, value, prog_bar=name == "val_ndcg_20")
        self.evaluator = None

    def on_test_epoch_start(self) -> None:
        """Start collecting."""
        self.evaluator = self._evaluator("test")

    def test_step(self, users: Tensor, batch_idx: int) -> None:
        """Rank a batch of users."""
        self._evaluate(users)

    def on_test_epoch_end(self) -> None:
        """Log every measure with its interval and write them into the run's folder, in one process only."""
        assert self.evaluator is not None
        self.test_result, self.evaluator = gather_metrics(self.evaluator.compute()), None
        if not self.trainer.is_global_zero:
            return
        flat = metric_names("test", self.test_result)
        for items, metrics in self.test_result.items():
            measures = metrics.measured() if len(metrics.users) else {}
            for name, measured in measures.items():
                flat[f"test_{name}_{items}_low"] = measured.low
                flat[f"test_{name}_{items}_high"] = measured.high
            flat[f"test_users_{items}"] = float(len(metrics.users))
        self.log_dict(flat)
        if not self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            self._write_test(flat)

    def predict_step(self, users: Tensor, batch_idx: int) -> Ranking:
        """The 20 best items the user has not bought."""
        return self.recommender.recommend(users, k=20)

    def _evaluator(self, part: Literal["val", "test"]) -> RankingEvaluator:
        graph = self.recommender.graph
        truth = truth_lists(getattr(self.data.split, part).pairs(), graph)
        return RankingEvaluator(graph, truth, self.data.cutoffs, self.data.item_sets)

    def _evaluate(self, users: Tensor) -> None:
        assert self.evaluator is not None
        with torch.no_grad():
            self.evaluator.update(users, self.recommender.score(users))

    def _write_test(self, flat: dict[str, float]) -> None:
        """``test_metrics.json`` (flat numbers) and ``test_users.parquet`` (a row per user)."""
        folder = Path(self.trainer.default_root_dir)
        record: dict[str, Any] = {"split_sha256": self.data.split.sha256(), **flat}
        write_text(folder / "test_metrics.json", json.dumps(record, indent=1) + "\n")
        rows = pd.concat(
            pd.DataFrame({name: value.numpy() for name, value in metrics.values.items()}).assign(
                user_id=self.data.split.users.ids[metrics.users.numpy()], items=items
            )
            for items, metrics in self.test_result.items()
        )
        write_parquet(rows, folder / "test_users.parquet")


class RankingTask(RankedTask):
    """Trains an encoder and a decoder by gradient, on sampled negatives or on the whole catalogue.

    Args:
        encoder: Graph to embeddings, for example ``LightGCN`` or ``EmbeddingTable``.
        decoder: Embeddings to raw scores; inner product if missing.
        loss: Function of the scores of bought and of sampled items, from ``graphrec.losses``.
        learning_rate: Of Adam.
        l2: Weight of half the squared length of the ego embeddings in the batch, per edge.
        weight_decay: L2 of Adam on every weight, the same for rare and frequent nodes.
        negatives: Sampled items ``K``, per edge or per batch.
        sampling: ``pair`` draws negatives for each edge and avoids what the user bought; ``shared`` draws
            one set for the whole batch, which suits the softmax; ``none`` is for ``catalogue_squares``.
        unobserved: Weight ``α`` of every pair of the catalogue, with sampling ``none``.
    """

    recommender: EmbeddingRecommender

    def __init__(
        self,
        encoder: Callable[[BipartiteGraph], Encoder] = LightGCN,
        decoder: Decoder | None = None,
        loss: Loss = bpr,
        learning_rate: float = 1e-3,
        l2: float = 1e-4,
        weight_decay: float = 0.0,
        negatives: int = 1,
        sampling: Literal["pair", "shared", "none"] = "pair",
        unobserved: float = 0.3,
    ) -> None:
        super().__init__()
        self.encoder_factory, self.decoder, self.loss = encoder, decoder or Dot(), loss
        self.learning_rate, self.l2, self.negatives = learning_rate, l2, negatives
        self.weight_decay, self.sampling, self.unobserved = weight_decay, sampling, unobserved
        if sampling == "none" and not isinstance(self.decoder, Dot):
            raise InputError(
                "a sum over the whole catalogue needs the decoder Dot",
                column="sampling",
                mend="choose shared",
            )

    def build(self, graph: BipartiteGraph) -> EmbeddingRecommender:
        """Encoder and decoder over the graph."""
        return EmbeddingRecommender(graph, self.encoder_factory(graph), self.decoder)

    def training_step(self, edges: Tensor, batch_idx: int) -> Tensor:
        """Loss of this process's edges of a batch of edge ids, ``[B]``; the batch's is their mean."""
        graph = self.recommender.graph
        users, items = graph.edge_user[edges], graph.edge_item[edges]
        shard, weight = training_shard(self.trainer).weighted(len(edges))
        negatives = self._negatives(users, shard)
        loss, penalty = self._losses(shard.rows(users), shard.rows(items), negatives, weight, len(edges))
        if self.l2:
            loss = loss + self.l2 * penalty
        self.log(
            "train_loss",
            loss,
            on_step=False,
            on_epoch=True,
            prog_bar=True,
            batch_size=len(edges),
            sync_dist=True,
        )
        return loss

    def _negatives(self, users: Tensor, shard: Shard) -> Tensor | None:
        """Items drawn for the whole batch: those of its edges here, ``[b, K]``, or all, ``[K]``; or none."""
        if self.sampling == "none":
            return None
        graph = self.recommender.graph
        generator = step_generator(run_seed(), self.global_step, users.device)
        if self.sampling == "pair":
            return shard.rows(pair_negatives(graph, users, self.negatives, generator))
        return shared_negatives(graph, self.negatives, generator)

    def _losses(
        self, users: Tensor, items: Tensor, negatives: Tensor | None, weight: float, batch: int
    ) -> tuple[Tensor, Tensor]:
        """The loss, and half the squared length of the ego embeddings used, per edge (LightGCN, eq. 15).

        Edges ``[b]`` are those of this process, as are negatives ``[b, K]``; ``[K]`` are of the whole batch.
        `weight` is that of a mean over these edges; what belongs to the batch or the catalogue has weight 1.
        """
        wanted = items if negatives is None else torch.cat([items, negatives.flatten()])
        distinct_users, user_place = torch.unique(users, return_inverse=True)
        distinct_items, item_place = torch.unique(wanted, return_inverse=True)
        total: Tensor | None = None
        if negatives is None:
            rows, total = self._whole(distinct_users, distinct_items)
        else:
            rows = self.recommender.encoder.rows(self.recommender.graph, distinct_users, distinct_items)
        user = functional.embedding(user_place, rows.user)
        positive = self.decoder(user, functional.embedding(item_place[: len(items)], rows.item))
        own = len(item_place)
        if negatives is None:
            against = total
        else:
            negative = functional.embedding(item_place[len(items) :].view_as(negatives), rows.item)
            shared = negatives.dim() == 1
            against = self.decoder.matrix(user, negative) if shared else self.decoder(user[:, None], negative)
            own = len(items) if shared else own
        loss = self.loss(positive, cast(Tensor, against))
        square = _times(rows.ego_user, user_place) + _times(rows.ego_item, item_place[:own])
        penalty = square * (weight / (2 * len(users)))
        if own < len(item_place):
            penalty = penalty + _times(rows.ego_item, item_place[own:]) / (2 * batch)
        if weight != 1:
            loss = weight * loss + (0 if total is None else (1 - weight) * total)
        return loss, penalty

    def _whole(self, users: Tensor, items: Tensor) -> tuple[Rows, Tensor]:
        """The rows of a batch, and ``α Σ (u · i)² / E`` over every pair of the catalogue."""
        graph, encoder = self.recommender.graph, self.recommender.encoder
        user, item = encoder(graph)
        ego = encoder.ego(graph)
        total = self.unobserved * total_square(user, item) / graph.num_edges
        return Rows(user[users], item[items], ego.user[users], ego.item[items]), total

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return torch.optim.Adam(parameters, lr=self.learning_rate, weight_decay=self.weight_decay, fused=True)


def _times(rows: Tensor, place: Tensor) -> Tensor:
    """Sum of the squared lengths of ``rows[place]``."""
    counts = torch.bincount(place.flatten(), minlength=len(rows))
    return counts.to(rows.dtype) @ rows.square().sum(1)


class ClosedFormTask(RankedTask):
    """Runs a recommender that needs no gradient through the same fit, validate and test.

    Args:
        recommender: For example ``Popularity``, ``TopFrequency`` or ``ItemCF``.
    """

    def __init__(self, recommender: ClosedForm) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.closed_form = recommender

    def build(self, graph: BipartiteGraph) -> Recommender:
        """Fit the recommender to the graph."""
        self.closed_form.fit(graph)
        return self.closed_form

    def training_step(self, edges: Tensor, batch_idx: int) -> None:
        """Nothing is left to learn; the step is counted so that Lightning writes a checkpoint."""
        cast(torch.optim.Optimizer, self.optimizers()).step()

    def configure_optimizers(self) -> None:
        """There is none."""
