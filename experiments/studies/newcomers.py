"""What the studies of people and products never seen share: fits in a script, measures of users, tables."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

import graphrec.cli.experiment.warnings  # noqa: F401  (what Lightning says and a study need not)
from graphrec.data.interactions import IdMap, Interactions
from graphrec.data.module import EdgeBatches, RowNumbers
from graphrec.evaluation.intervals import mean_interval
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.files import write_text
from graphrec.graph import BipartiteGraph
from graphrec.models.base import ClosedForm, Encoder, Recommender
from graphrec.training import RankingTask

K = 20
Model = ClosedForm | Callable[[BipartiteGraph], Encoder]


def fitted(model: Model, graph: BipartiteGraph, epochs: int, seed: int = 0) -> Recommender:
    """Fit a closed form, or train an encoder as `RankingTask` does by its defaults, for some epochs."""
    if isinstance(model, ClosedForm):
        model.fit(graph)
        return model.eval()
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    pl.seed_everything(seed, verbose=False)
    task = RankingTask(encoder=model)
    task.bind(graph)
    size = min(max(graph.num_edges // 10, 256), 8192)
    batches = EdgeBatches(graph.num_edges, size, seed)
    loader = DataLoader(RowNumbers(graph.num_edges), batch_size=None, sampler=batches)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    trainer = pl.Trainer(max_epochs=epochs, enable_progress_bar=False, accelerator="cpu", **quiet)
    trainer.fit(task, loader)
    return task.recommender.eval()


def ndcg_of(recommender: Recommender, wanted: Interactions, users: np.ndarray) -> pd.Series:
    """NDCG@20 of new items of each user, by code; users without any are left out."""
    graph = recommender.graph
    evaluator = RankingEvaluator(graph, truth_lists(wanted.pairs(), graph), [K], ["new"])
    for batch in torch.from_numpy(users).split(256):
        evaluator.rank(batch, recommender)
    found = evaluator.compute()["new"]
    return pd.Series(found.values[f"ndcg_{K}"].double().numpy(), index=found.users.numpy())


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean over users, with its 95 % bootstrap interval."""
    low, high = mean_interval(np.asarray(values, dtype=np.float64)[:, None])
    return float(np.mean(values)), float(low[0]), float(high[0])


def ratio(ours: np.ndarray, theirs: np.ndarray, replicates: int = 1000) -> tuple[float, float, float]:
    """Ratio of two means over the same users, with its 95 % bootstrap interval."""
    draw = np.random.default_rng(0).integers(len(ours), size=(replicates, len(ours)))
    found = ours[draw].mean(1) / np.maximum(theirs[draw].mean(1), 1e-12)
    low, high = np.percentile(found, [2.5, 97.5])
    return float(ours.mean() / max(theirs.mean(), 1e-12)), float(low), float(high)


def with_bounds(name: str, found: tuple[float, float, float]) -> dict[str, float]:
    """A figure as `name`, `name_low` and `name_high`."""
    return dict(zip((name, f"{name}_low", f"{name}_high"), found, strict=True))


def shown(found: tuple[float, float, float], digits: int = 4) -> str:
    """A figure with its interval, as in the tables of results."""
    value, low, high = (f"{one:.{digits}f}" for one in found)
    return f"{value} [{low}, {high}]"


def coded(log: pd.DataFrame, users: IdMap, items: IdMap) -> Interactions:
    """Rows of a log in codes; those of others are left out."""
    return Interactions.encode(log, users, items)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(out: Path, metrics: Mapping[str, float], table: str) -> None:
    """Write ``metrics.json`` and ``table.md``, and print the table."""
    numbers = {name: float(value) for name, value in metrics.items()}
    write_text(out / "metrics.json", json.dumps(numbers, indent=1) + "\n")
    write_text(out / "table.md", table + "\n")
    print(table)


class Known(Recommender):
    """Scores that stand in a table, for the simple rules."""

    def __init__(self, graph: BipartiteGraph, scores: torch.Tensor) -> None:
        super().__init__()
        self.graph, self.scores = graph, scores

    def score(self, users: torch.Tensor) -> torch.Tensor:
        """Take the rows."""
        return self.scores[users].clone()
