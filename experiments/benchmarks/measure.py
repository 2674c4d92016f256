"""What the benchmarks share: command line, turns, a clock of training, writing of figures and pictures.

Every script here is run as ``python experiments/benchmarks/NAME.py --data FOLDER --json FILE``; this file is
imported by them and measures nothing itself.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytorch_lightning as pl
import torch

matplotlib.use("agg")
from matplotlib import pyplot
from matplotlib.figure import Figure
from rich.progress import Progress
from torch.utils.data import DataLoader

import graphrec.cli.experiment.warnings  # noqa: F401  (what Lightning says and a benchmark need not)
from graphrec.cli.start_up import keep_freed_memory
from graphrec.data import sources
from graphrec.data.module import EdgeBatches, RowNumbers
from graphrec.data.splits import Given
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Recommender
from graphrec.training.ranked import RankedTask

keep_freed_memory()  # as the command does


def arguments(doc: str | None, repeats: int = 7) -> argparse.ArgumentParser:
    """The command line of every benchmark; a script may add to it."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with train.txt, valid.txt and test.txt")
    parser.add_argument("--json", type=Path, help="where to write the figures; a picture goes beside it")
    parser.add_argument("--repeats", type=int, default=repeats, help="how often each way is measured")
    return parser


def load_graph(folder: Path | None) -> BipartiteGraph:
    """The graph of a folder, train and validation together, or a random one of 400,000 edges."""
    if folder is not None:
        raw = sources.lightgcn_txt(str(folder), train_on_valid=True)
        return BipartiteGraph(Given(val_fraction=0.0, whole_catalogue=True)(raw.log).train)
    raw = sources.synthetic(num_users=10_000, num_items=10_000, num_blocks=20, density=0.004)
    return BipartiteGraph(Given(val_fraction=0.0)(raw.log.assign(part="train")).train)


def take_turns(
    ways: Mapping[str, Callable[[], object]], repeats: int, title: str, settle: float = 0.0
) -> dict[str, float]:
    """Median seconds of each way, one after the other `repeats` times after two turns to warm up.

    A noisy machine slows all ways alike, so it is the ratios that count.

    Args:
        ways: What is measured, by name.
        repeats: How often.
        title: Of the progress bar.
        settle: Seconds, if any, that a way runs for in its turn before it is measured, and once at least, so
            that it finds the caches as it left them itself and not as the one before did.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    with Progress(transient=True, auto_refresh=False) as progress:  # no thread that draws while a way runs
        for turn in progress.track(range(repeats + 2), description=title):
            for name, way in ways.items():
                ready = time.perf_counter() + settle
                while settle:
                    way()
                    wait()
                    if time.perf_counter() > ready:
                        break
                wait()
                started = time.perf_counter()
                way()
                wait()
                if turn > 1:
                    times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def quality(recommender: Recommender, pairs: np.ndarray, batch: int = 128) -> dict[str, float]:
    """Recall@20 and NDCG@20 of some held-out pairs of user and item."""
    graph = recommender.graph
    evaluator = RankingEvaluator(graph, truth_lists(pairs, graph), (20,), ("new",))
    for users in torch.from_numpy(np.unique(pairs[:, 0])).split(batch):
        evaluator.rank(users, recommender)
    means = evaluator.compute()["new"].means()
    return {name: means[name] for name in ("recall_20", "ndcg_20")}


@dataclass
class Clock(pl.Callback):
    """Adds up the time of the epochs, and stands while it looks how good the model has become.

    Args:
        look: How good a recommender is.
        name: Of what `look` tells.
        goal: Training stops when it is reached.
        every: Epochs from one look to the next.
    """

    look: Callable[[Recommender], float]
    name: str
    goal: float = float("inf")
    every: int = 1
    started: float = 0.0
    paused: float = 0.0
    curve: list[tuple[float, float]] = field(default_factory=list)

    def on_train_epoch_end(self, trainer: pl.Trainer, task: pl.LightningModule) -> None:
        """Stop the clock, look, go on until the goal is reached."""
        epoch = trainer.current_epoch + 1
        if epoch % self.every:
            return
        seconds = time.perf_counter() - self.started - self.paused
        assert isinstance(task, RankedTask)
        recommender = task.recommender.eval()
        with torch.no_grad():
            value = self.look(recommender)
        recommender.train()
        self.curve.append((seconds, value))
        print(f"epoch {epoch}: {seconds:.0f} s, {self.name} {value:.4f}", flush=True)
        trainer.should_stop = value >= self.goal
        self.paused = time.perf_counter() - self.started - seconds


def fit_quietly(task: pl.LightningModule, module: pl.LightningDataModule, clock: Clock, epochs: int) -> None:
    """Train without files and without validation; the clock starts now, so building the graph is on it."""
    pl.seed_everything(0, verbose=False)
    clock.started = time.perf_counter()
    trainer = bare_trainer(clock, max_epochs=epochs, enable_progress_bar=sys.stdout.isatty())
    trainer.fit(task, datamodule=module)


def bare_trainer(callback: pl.Callback, **options: Any) -> pl.Trainer:
    """A trainer without files and without validation; `options` are Lightning's."""
    return pl.Trainer(
        callbacks=[callback],
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        **options,
    )


class StepTimes(pl.Callback):
    """Takes the time at the end of every step.

    Args:
        tell: Called with the number of steps done.
    """

    def __init__(self, tell: Callable[[int], object]) -> None:
        self.tell, self.times = tell, list[float]()

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """From the end of one step to that of the next nothing is left out.

        A GPU is not waited for, as training does not wait for it either.
        """
        self.times.append(time.perf_counter())
        self.tell(len(self.times))


def training_steps(
    task: RankedTask,
    batch: int,
    repeats: int,
    warm_up: int,
    accelerator: str = "auto",
    tell: Callable[[int], object] = lambda step: None,
) -> list[float]:
    """Seconds of each step of the loop that `fit` runs, after some to warm up.

    Args:
        task: Bound to its graph.
        batch: Edges a step.
        repeats: Steps that count.
        warm_up: Steps before them.
        accelerator: Lightning's.
        tell: Called with the number of steps done.
    """
    graph, clock = task.recommender.graph, StepTimes(tell)
    batches = EdgeBatches(graph.num_edges, batch, seed=0)
    loader = DataLoader(RowNumbers(graph.num_edges), batch_size=None, sampler=batches)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    steps = repeats + warm_up
    bare_trainer(clock, max_steps=steps, accelerator=accelerator, enable_progress_bar=False).fit(task, loader)
    return np.diff(clock.times[warm_up - 1 :]).tolist()


def wait() -> None:
    """Until the GPU, if there is one, has done what it was told."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def write(path: Path | None, flat: Mapping[str, float | str], draw: Callable[[Figure], None]) -> None:
    """Write the figures as JSON and the picture beside it; without a path, neither."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(flat, indent=1) + "\n", encoding="utf-8")
    figure = pyplot.figure(figsize=(8, 3.6), layout="constrained")
    draw(figure)
    figure.savefig(path.with_suffix(".png"), dpi=120)
    print(f"written: {path}, {path.with_suffix('.png')}")
