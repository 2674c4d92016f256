"""What `graphrec fit`, `validate`, `test` and `predict` ask of a task, beside what Lightning asks."""

from __future__ import annotations

import difflib
import hashlib
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Protocol

import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor

from graphrec.data.interactions import Columns
from graphrec.errors import InputError
from graphrec.models.base import Recommender
from graphrec.training.shown import Shown


@dataclass(frozen=True)
class Summary:
    """A table of measures for the terminal.

    Args:
        title: What stands above it.
        columns: Their headings.
        rows: Their cells.
        labels: How many columns at the left are words, not numbers.
        notes: Lines below it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    labels: int = 0
    notes: Sequence[str] = ()


class Experiment:
    """The answers of a task to the commands; here those that hold for any LightningModule and its data."""

    data_class: ClassVar[type[pl.LightningDataModule]]
    """What the task is trained and judged on; a configuration may name it or a class below it."""
    monitor: ClassVar[str] = "val_loss"
    """What a run watches unless `run.monitor` says something else."""
    mode: ClassVar[Literal["min", "max"]] = "min"
    """Whether the least or the greatest value is the best, of what `logged` does not name."""
    noun: ClassVar[str] = "a model of its own"
    """What a checkpoint of the task holds, in words."""
    by_gradient: ClassVar[bool] = True
    """Whether the task is trained by an optimizer; otherwise it is fitted at once."""
    refits: ClassVar[bool] = False
    """Whether its data can join training and validation, as `graphrec refit` asks."""
    ranks: ClassVar[bool] = False
    """Whether there is a `recommender` that ranks items for users, and is judged by how it does."""
    recommends: ClassVar[bool] = False
    """Whether `ListingTask.serve` makes a `recommender`, which lists items for users."""
    rows: ClassVar[tuple[str, ...]] = (Columns.USER_CODE, Columns.ITEM_CODE, Columns.WEEK)
    """What a model that is fitted again knows of the rows of the training part."""
    gives_curves: ClassVar[bool] = False
    """Whether there are `curves`, the probability of a purchase by discount."""
    foretells_satisfaction: ClassVar[bool] = False
    """Whether there are `fitted`, a line that foretells who is satisfied, and what goes with savings."""
    logs_only_known: ClassVar[bool] = False
    """Promises that a fit logs what `logged` names and nothing else; a class has to say it itself."""
    fit_seconds: float = 0.0
    """How long the last fit took."""
    shown: Mapping[str, Shown] = MappingProxyType({})
    """What people look at of the last test, by name: tables and curves for Weights & Biases."""

    @property
    def model_name(self) -> str:
        """What is fitted, in a word."""
        return type(self).__name__

    def logged(self, data: Any) -> Mapping[str, bool | None] | None:
        """Name all that a fit logs, with whether larger is better; None if that is not known."""
        return None

    def mode_of(self, monitor: str, data: Any) -> Literal["min", "max"]:
        """Tell whether the least or the greatest value of what a run watches is the best."""
        known = self.logged(data) or {}
        if monitor not in known:
            return self.mode
        return "min" if known[monitor] is False else "max"

    def watchable(self, data: Any) -> Sequence[str] | None:
        """Name what a run may watch; None if that is not known."""
        known = self.logged(data)
        return None if known is None else [name for name in known if name.startswith(("val_", "train_"))]

    def check_monitor(self, monitor: str, data: Any) -> None:
        """Raise `InputError` if nothing that a run may watch has this name."""
        names = self.watchable(data)
        if names is None or monitor in names:
            return
        close, more = difflib.get_close_matches(monitor, names, n=1), " and so on" * (len(names) > 4)
        hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(names[:4])}{more}"
        raise InputError(f"no metric is called '{monitor}'", column="run.monitor", hint=hint)

    def check_command(self, command: str) -> None:
        """Raise `InputError` if the task has no answer to a command, whatever the data."""

    def check_data(self, command: str, data: Any) -> None:
        """Raise `InputError` if there is nothing in the data for a command."""

    def prepare(self, trainer: pl.Trainer, data: Any, state: Mapping[str, Tensor] | None) -> None:
        """Build what depends on the data, before the run's folder is made.

        Args:
            trainer: Of the command.
            data: The data module.
            state: The weights of the checkpoint that is loaded next, if there is one.

        Raises:
            InputError: If the model cannot be built on this data.
        """

    def check_fit(self, data: Any) -> None:
        """Raise `InputError` for what the first epoch would stumble over, once the model is built."""

    def weight_shapes(self) -> dict[str, tuple[int, ...]] | None:
        """List the shapes of the weights by name, as a checkpoint holds them; None if they need not agree."""
        return None

    def made_again(self, held: Iterable[str]) -> tuple[str, ...]:
        """Name how weights begin that are made anew where a checkpoint does not hold them.

        Args:
            held: Names of the weights that it holds.
        """
        return ()

    def data_name(self, data: Any) -> str:
        """Name the data set."""
        return type(data).__name__

    def data_place(self, data: Any) -> str | Path:
        """Name the file of the data, or the data, for a mistake in it."""
        return self.data_name(data)

    def data_sha256(self, data: Any) -> str:
        """Fingerprint what is trained and judged on: here the class and its saved hyperparameters."""
        kind = type(data)
        text = f"{kind.__module__}.{kind.__qualname__} {sorted(data.hparams.items())}"
        return hashlib.sha256(text.encode()).hexdigest()

    def fingerprints(self, data: Any, held: Iterable[str]) -> dict[str, str]:
        """Collect what a checkpoint keeps of the data that the model depends on.

        Args:
            data: The data module.
            held: Names of the weights in the checkpoint.
        """
        return {"split_sha256": self.data_sha256(data)}

    def tested(self, data: Any) -> dict[str, Any]:
        """Collect what a test says of itself in the W&B run, beside its checkpoint."""
        return {}

    def described(self, data: Any) -> dict[str, Any]:
        """Collect what else a run says of itself in its W&B run."""
        return {}

    def cleaning(self, data: Any) -> pd.DataFrame | None:
        """Count the rows that are not used, by reason; None if that is not known."""
        return None

    def report(self, data: Any) -> None:
        """Print what became of the rows of the data, once nothing is wrong."""

    def cost(self) -> dict[str, float]:
        """Tell what the last fit took: at least ``fit_seconds``."""
        return {"fit_seconds": self.fit_seconds}

    def parameter_groups(self) -> list[Any] | None:
        """Collect what is optimised, in the groups of an optimizer; None for all weights as one."""
        return None

    def schedule(self, optimizer: torch.optim.Optimizer) -> Any:
        """Make the schedule of an optimizer for Lightning; None if the rate stays as it is."""
        return None

    def holding(self) -> str | None:
        """Say how much of a model that processes share this one holds; None if it is not shared."""
        return None

    def summary(self, part: str, metrics: Mapping[str, Any], data: Any) -> Summary:
        """Lay out what is printed after validate and test.

        Args:
            part: ``val`` or ``test``, what the names begin with.
            metrics: Name to value, as Lightning collected them.
            data: The data module.
        """
        names = [name for name in metrics if name.startswith(f"{part}_")]
        cells = [f"{float(metrics[name]):.4f}" for name in names]
        return Summary(part, [name.removeprefix(f"{part}_") for name in names], [cells])

    def write_predictions(self, predictions: Any) -> str | None:
        """Write what `predict_step` gave into the run's folder, and say where in a line."""
        return None


class ExperimentTask(Experiment, pl.LightningModule):
    """A task that the commands know how to ask; a task of your own may subclass it.

    It says its `data_class`, and whatever else of `Experiment` is not as it is there.
    """

    @abstractmethod
    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """Give the loss of a batch, as in any LightningModule."""

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """List the shapes of the weights by name, as a checkpoint holds them."""
        return {name: tuple(value.shape) for name, value in self.state_dict().items()}


class SplitData(Protocol):
    """Data that come from a source and are split: `RecommenderData` and its like."""

    source: Any

    @property
    def split(self) -> Any:
        """The three parts."""

    def report(self) -> None:
        """Print what became of the rows."""


class SplitTask(ExperimentTask):
    """A task whose data have a `source` and a `split`, which tell their name and fingerprint."""

    @abstractmethod
    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """Give the loss of a batch, as in any LightningModule."""

    def data_name(self, data: SplitData) -> str:
        """Name the source."""
        return str(data.source.name)

    def data_place(self, data: SplitData) -> str | Path:
        """Name the file of the source, or the source if it is no file."""
        place: str | Path = data.source.file or data.source.name
        return place

    def data_sha256(self, data: SplitData) -> str:
        """Fingerprint the three parts."""
        return str(data.split.sha256())

    def report(self, data: SplitData) -> None:
        """Print what became of the rows."""
        data.report()


class ListingTask(SplitTask):
    """A task with a recommender, which lists items for users."""

    recommends: ClassVar[bool] = True
    recommender: Recommender

    @abstractmethod
    def serve(self, data: Any, state: Mapping[str, Tensor]) -> None:
        """Make the recommender before the weights of a checkpoint, `state`, are loaded."""


class OfLightning(Experiment):
    """The answers for a module that is Lightning's alone: it says its data, and perhaps what is watched.

    Args:
        task: The module.
    """

    def __init__(self, task: pl.LightningModule) -> None:
        self.task = task

    @property
    def model_name(self) -> str:
        """Name of the module's class."""
        return type(self.task).__name__

    def mode_of(self, monitor: str, data: Any) -> Literal["min", "max"]:
        """Take what the module's class says, the least if it says nothing."""
        mode: Literal["min", "max"] = getattr(type(self.task), "mode", self.mode)
        return mode


def experiment_of(task: pl.LightningModule) -> Experiment:
    """Find who answers for a task: itself, unless it is a module of Lightning's and nothing more."""
    return task if isinstance(task, Experiment) else OfLightning(task)
