"""A fit whose loss or weights leave all bounds ends there in one line, before anything of it is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor

from graphrec.errors import InputError
from graphrec.evaluation.finite import not_finite

_GROWTH = 1e6
"""Times the first loss, or 1 if that is less, beyond which nothing is learned any more."""
_LARGEST_WEIGHT = 1e12
"""Beyond it products of weights soon leave the range of float32."""


@dataclass
class LossTrail:
    """The losses of a fit so far, where they are: a GPU is not waited for.

    Args:
        first: Loss of the first step.
        total: Sum over the rows of this epoch.
        rows: How many they were.
    """

    first: Tensor | None = None
    total: Tensor | float = 0.0
    rows: int = 0

    def add(self, loss: Tensor, rows: int) -> None:
        """Count a step.

        Args:
            loss: Its mean loss, a scalar without gradient.
            rows: Rows of its batch.
        """
        self.first = loss if self.first is None else self.first
        self.total += loss * rows
        self.rows += rows

    def mean(self) -> Tensor | float:
        """Average over the rows of this epoch."""
        return self.total / max(self.rows, 1)

    def start_epoch(self) -> None:
        """Forget the sum."""
        self.total, self.rows = 0.0, 0

    def has_left(self, loss: float) -> bool:
        """Tell whether a loss is no number or beyond all measure."""
        first = 0.0 if self.first is None else abs(float(self.first))
        return not math.isfinite(loss) or abs(loss) > _GROWTH * max(first, 1.0)


def check_step(task: pl.LightningModule, loss: Tensor, trail: LossTrail, learning_rate: float) -> None:
    """Raise `InputError` if a step has diverged.

    Asked at once on a CPU and of one process; a GPU would have to be waited for, and other processes would
    wait for the one that stopped. They are asked after the epoch, see `check_epoch`.

    Args:
        task: What is trained.
        loss: Of this step, a scalar.
        trail: The losses up to this one.
        learning_rate: What the advice is about.
    """
    if loss.is_cpu and _is_alone(task) and trail.has_left(value := loss.item()):
        raise diverged(task, f"the loss is {value:g}", learning_rate)


def check_epoch(task: pl.LightningModule, trail: LossTrail, learning_rate: float) -> None:
    """Raise `InputError` in all processes if a loss or a weight has diverged in any of them.

    Args:
        task: What is trained.
        trail: The losses of this epoch.
        learning_rate: What the advice is about.
    """
    loss, name = float(trail.mean()), not_finite(task.named_parameters(), _LARGEST_WEIGHT)
    broken = torch.tensor(float(name is not None or trail.has_left(loss)), device=task.device)
    if not _is_alone(task):
        broken = task.trainer.strategy.reduce(broken, reduce_op="sum")
    if broken:
        weights = f"; {name} holds values beyond all measure" if name else ""
        raise diverged(task, f"the loss is {loss:g}{weights}", learning_rate)


def diverged(task: pl.LightningModule, what: str, learning_rate: float) -> InputError:
    """Write of a fit that has diverged: the epoch, what was seen, what to try and what is left."""
    hint = f"fit again with a smaller --model.init_args.learning_rate than {learning_rate:g}"
    kept = _kept(task._trainer)
    left = f"; {kept} of an earlier epoch is whole" if kept else ""
    return InputError(f"the fit has diverged in epoch {task.current_epoch + 1}: {what}", hint=hint + left)


def _is_alone(task: pl.LightningModule) -> bool:
    return task._trainer is None or task.trainer.world_size == 1


def _kept(trainer: pl.Trainer | None) -> Path | None:
    """Find the checkpoint of an earlier epoch, the best one first."""
    for callback in [] if trainer is None else trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint) and callback.best_model_path:
            path = Path(callback.best_model_path)
            return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return None
