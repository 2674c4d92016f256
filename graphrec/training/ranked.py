"""What trained and closed-form recommenders share: full ranking in validation and test."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import pandas as pd
import pytorch_lightning as pl
import torch
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor

from graphrec.capabilities import declares
from graphrec.data.ledger import data_card, rows_lost
from graphrec.data.module import RecommenderData
from graphrec.errors import InputError
from graphrec.evaluation.frames import ranking_frame, users_frame, with_intervals
from graphrec.evaluation.gather import gather_metrics, gather_rankings
from graphrec.evaluation.groups.user_facts import user_facts
from graphrec.evaluation.measures import own_measures, told
from graphrec.evaluation.ranking import RankingEvaluator, UserMetrics, metric_names, truth_lists
from graphrec.files import write_parquet, write_text
from graphrec.graph import BipartiteGraph
from graphrec.kernels.shards import node_shard
from graphrec.models.base import ClosedForm, ItemSet, Ranking, Recommender
from graphrec.results import source_of
from graphrec.training import ranked_measures
from graphrec.training.cost import FitCost
from graphrec.training.experiment import ListingTask, Summary
from graphrec.training.ranked_measures import categories_in, known_metrics, summary_of_sets, try_measures
from graphrec.training.shown import example_lists
from graphrec.training.steps import check_reads_weights
from graphrec.training.trial import is_trial


def below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Take the part of a `state_dict` that belongs to one of its modules, under the module's own names."""
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


class RankedTask(ListingTask):
    """A recommender under a Lightning trainer, ranked over the whole catalogue."""

    data_class: ClassVar[type[pl.LightningDataModule]] = RecommenderData
    monitor: ClassVar[str] = "val_ndcg_20"
    mode: ClassVar[Literal["min", "max"]] = "max"
    noun: ClassVar[str] = "a ranker"
    refits: ClassVar[bool] = True
    ranks: ClassVar[bool] = True
    shares_rows = False
    """Whether several processes can hold one model together."""

    def __init__(self) -> None:
        super().__init__()
        self.evaluator: RankingEvaluator | None = None
        self.test_result: dict[ItemSet, UserMetrics] = {}
        self._cost: FitCost | None = None

    @abstractmethod
    def build(self, graph: BipartiteGraph) -> Recommender:
        """Make the recommender for a training graph."""

    def rebuild(self, graph: BipartiteGraph, state: Mapping[str, Tensor]) -> Recommender:
        """Make the recommender into which the weights of a checkpoint are loaded next.

        Args:
            graph: The training graph.
            state: What the recommender's `state_dict` held.
        """
        return self.build(graph)

    @property
    def data(self) -> RecommenderData:
        """The data module of the trainer."""
        return cast(RecommenderData, self.trainer.datamodule)  # type: ignore[attr-defined]

    def bind(self, graph: BipartiteGraph, state: Mapping[str, Tensor] | None = None) -> None:
        """Build the recommender on a graph; the trainer calls it through `configure_model`.

        Args:
            graph: The training graph.
            state: The weights of the checkpoint that is loaded next, so that nothing is fitted twice.

        Raises:
            InputError: If this model cannot be shared out over processes, or reads no weights of edges.
        """
        if graph.sharded is not None and not self.shares_rows:
            raise InputError(
                f"row_sharded: {type(self).__name__} needs the whole graph in each process",
                column="--trainer.strategy",
                hint="choose ddp",
            )
        check_reads_weights(graph, self, "model")
        with torch.device(graph.edge_item.device):  # not beside one that is not moved yet
            if state is None:
                self.recommender = self.build(graph)
            else:
                self.recommender = self.rebuild(graph, below(state, "recommender."))

    def serve(self, data: RecommenderData, state: Mapping[str, Tensor]) -> None:
        """Build the recommender on the training graph of some data."""
        self.bind(BipartiteGraph.of(data), state)

    def configure_model(self) -> None:
        """Build once, when the data is known and before a checkpoint is restored."""
        if not hasattr(self, "recommender"):
            with torch.device("cpu"):
                graph = BipartiteGraph.of(self.data, node_shard(self.trainer))
            self.bind(graph)

    def prepare(self, trainer: pl.Trainer, data: RecommenderData, state: Mapping[str, Tensor] | None) -> None:
        """Build the recommender on the graph of the training part, on the trainer's device."""
        self._cost = FitCost(trainer.strategy.root_device)
        self._cost.go()  # a closed-form model is fitted while it is built
        with trainer.init_module():
            self.bind(BipartiteGraph.of(data, node_shard(trainer)), state)
        self._cost.stop()

    def logged(self, data: RecommenderData) -> dict[str, bool | None]:
        """Name every measure at every K, without and with its item set, and the loss."""
        return known_metrics(data)

    def check_fit(self, data: RecommenderData) -> None:
        """Raise `InputError` if a user's own measure gives no number."""
        try_measures(data, self.recommender.graph)

    def tested(self, data: RecommenderData) -> dict[str, Any]:
        """Collect what the measures of a user's own are called."""
        return told(data.measures)

    def check_monitor(self, monitor: str, data: RecommenderData) -> None:
        """Raise `InputError` if there is nothing to validate on, or the watched metric will not exist."""
        super().check_monitor(monitor, data)
        if monitor.startswith("train_"):
            return
        data.check_part("validation")
        named = [items for items in data.item_sets if monitor.endswith(f"_{items}")]
        data.check_to_find("validation", named or data.item_sets[:1])

    def check_data(self, command: str, data: RecommenderData) -> None:
        """Raise `InputError` if nobody has anything to find in the part that a command ranks."""
        if command in ("validate", "test"):
            part: Literal["test", "validation"] = "test" if command == "test" else "validation"
            data.check_part(part)
            data.check_to_find(part, data.item_sets)

    def made_again(self, held: Iterable[str]) -> tuple[str, ...]:
        """Find where closed-form models stand of which a checkpoint holds nothing: too large, or older."""
        names, modules = list(held), self.named_modules(remove_duplicate=False)
        places = (f"{place}." for place, module in modules if isinstance(module, ClosedForm))
        return tuple(place for place in places if not any(name.startswith(place) for name in names))

    def fingerprints(self, data: RecommenderData, held: Iterable[str]) -> dict[str, str]:
        """Fingerprint the split, the features, and all rows where a model is fitted to them again."""
        found = super().fingerprints(data, held)
        found |= data.fingerprints(any(declares(module, "reads_tables") for module in self.modules()))
        if self.made_again(held):
            found["rows_sha256"] = data.split.train.rows_sha256(self.rows)
        return found

    def described(self, data: RecommenderData) -> dict[str, Any]:
        """Tell which items are ranked, and of which data."""
        edges = self.recommender.graph.num_edges
        return {
            "candidates": list(data.item_sets),
            "data_card": data_card(data.source, data.split, type(data.splitter).__name__, edges),
        }

    def cost(self) -> dict[str, float]:
        """Tell the seconds of building and training, the memory at its peak and the trained weights."""
        weights = sum(one.numel() for one in self.parameters() if one.requires_grad)
        measured = {} if self._cost is None else {"fit_seconds": self._cost.seconds, **self._cost.peaks()}
        return {**super().cost(), **measured, "parameters": float(weights)}

    def cleaning(self, data: RecommenderData) -> pd.DataFrame:
        """Count what reading and splitting left out."""
        return rows_lost(data.source, data.split.dropped)

    def summary(self, part: str, metrics: Mapping[str, Any], data: RecommenderData) -> Summary:
        """Lay out a row per item set and a column per measure at the largest K, with its interval."""
        return summary_of_sets(part, metrics, data)

    def write_predictions(self, predictions: Any) -> str | None:
        """Write the best items of every user into the run's folder, in one process only."""
        rankings, data = gather_rankings(predictions), self.data
        if not self.trainer.is_global_zero:
            return None
        frame = ranking_frame(rankings, data.split.users, data.split.items)
        frame.attrs = source_of(self.trainer.ckpt_path, self.data_sha256(data))
        path = write_parquet(frame, Path(self.trainer.default_root_dir) / "recommendations.parquet")
        return f"{len(frame):,} recommendations for {frame['user_id'].nunique():,} users: {path}"

    def forward(self, users: Tensor) -> Tensor:
        """Score the whole catalogue, raw. Shape ``[B, I]``."""
        return self.recommender.score(users)

    def on_fit_start(self) -> None:
        """Let the clock run."""
        self._cost = self._cost or FitCost(self.device)
        self._cost.go()

    def on_fit_end(self) -> None:
        """Stop the clock."""
        if self._cost is not None:
            self._cost.stop()

    def check_trained(self) -> None:
        """Raise `InputError` if the epoch that ends left something that is no number; see `RankingTask`."""

    def on_train_epoch_end(self) -> None:
        """Check what was trained, before a checkpoint of it is written."""
        self.check_trained()

    def on_validation_epoch_start(self) -> None:
        """Start collecting; in a fit, check what was trained first."""
        if self.trainer.state.fn == TrainerFn.FITTING:
            self.check_trained()
        self.evaluator = self._evaluator(self.data, "val")

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
        self.evaluator = self._evaluator(self.data, "test")

    def test_step(self, users: Tensor, batch_idx: int) -> None:
        """Rank a batch of users."""
        self._evaluate(users)

    def on_test_epoch_end(self) -> None:
        """Log every measure with its interval and write them into the run's folder, in one process only."""
        assert self.evaluator is not None
        self.test_result, self.evaluator = gather_metrics(self.evaluator.compute()), None
        if not self.trainer.is_global_zero:
            return
        flat = with_intervals("test", self.test_result)
        self.log_dict(flat)
        if not is_trial(self.trainer):
            self._write_test(flat)
            self.shown = {"recommendations": example_lists(self.recommender, self.test_result, self.data)}

    def predict_step(self, users: Tensor, batch_idx: int) -> Ranking:
        """Recommend the 20 best items the user has not bought."""
        return self.recommender.recommend(users, k=20)

    @torch.no_grad()
    def validated(self, data: RecommenderData) -> dict[ItemSet, UserMetrics]:
        """Rank the validation part outside of a trainer, with the values of each user.

        Args:
            data: What the recommender was bound to.

        Raises:
            InputError: If the part is empty, or nobody has anything to find in it.
        """
        data.check_part("validation")
        data.check_to_find("validation", data.item_sets)
        evaluator = self._evaluator(data, "val")
        for users in data.val_dataloader():
            evaluator.rank(users, self.recommender)
        return evaluator.compute()

    def _evaluator(self, data: RecommenderData, part: Literal["val", "test"]) -> RankingEvaluator:
        graph = self.recommender.graph
        truth = truth_lists(getattr(data.split, part).pairs(), graph)
        own, categories = own_measures(data.measures), categories_in(data, graph)
        return RankingEvaluator(graph, truth, data.cutoffs, data.item_sets, own, categories)

    def _evaluate(self, users: Tensor) -> None:
        assert self.evaluator is not None
        with torch.no_grad():
            self.evaluator.rank(users, self.recommender)

    def _write_test(self, flat: dict[str, float]) -> None:
        """Write ``test_metrics.json`` (numbers, own measures) and ``test_users.parquet`` (a row per user)."""
        folder = Path(self.trainer.default_root_dir)
        source = source_of(self.trainer.ckpt_path, self.data.split.sha256())
        content = {**source, **told(self.data.measures), "notes": ranked_measures.notes_of(self.data), **flat}
        split = self.data.split
        write_text(folder / "test_metrics.json", json.dumps(content, indent=1) + "\n")
        facts = user_facts(split.train, self.data.source.users)
        rows = users_frame(self.test_result, split.users, facts)
        rows.attrs = dict(source)
        write_parquet(rows, folder / "test_users.parquet")
