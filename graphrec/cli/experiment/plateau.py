"""The plateau of popular items: losses of pairs stand there for some epochs, and no patience knows it."""

from __future__ import annotations

from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import EarlyStopping

from graphrec.evaluation.ranking import metric_names
from graphrec.models import Popularity
from graphrec.notices import note, warn
from graphrec.training import ClosedFormTask
from graphrec.training.experiment import Experiment, experiment_of

ABOVE = 1.02
"""A value this many times that of popularity is above it; seeds differ by more than the 2 %."""
ROUNDS = 4
"""So often a fit with the patience of the default waits once more on the plateau."""
_HINT = "try another learning rate, loss or model: no setting is right for all data"


class RunStopping(EarlyStopping):
    """Stops a fit; one that is no better than the most bought items may be waited for longer.

    A resumed fit goes by the patience of now, not by that of the checkpoint. What it watches is known to
    exist (`check_monitor`), so an epoch without it is one without validation.

    Args:
        monitor: What is watched.
        rounds: How often it waits once more, as long as its patience, on the plateau.
        options: Of `EarlyStopping`.
    """

    def __init__(self, monitor: str, rounds: int = 0, **options: Any) -> None:
        super().__init__(monitor, **options)
        self._left = rounds
        self._popularity: float | None = None
        self._is_measured = False

    def state_dict(self) -> dict[str, Any]:
        """Tell how long the fit has waited, and how often it may wait once more."""
        return {**super().state_dict(), "rounds": self._left}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over how long the fit has waited."""
        self._left = int(state_dict.get("rounds", 0))
        super().load_state_dict({**state_dict, "patience": self.patience})

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop, or go on."""
        before, asked = self.stopped_epoch, trainer.should_stop
        super().on_validation_end(trainer, pl_module)
        self._go_on(trainer, pl_module, before, asked)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop, or go on."""
        before, asked = self.stopped_epoch, trainer.should_stop
        super().on_train_epoch_end(trainer, pl_module)
        self._go_on(trainer, pl_module, before, asked)

    def popularity(self, trainer: Trainer, task: Experiment) -> float | None:
        """Measure what the most bought items come to in what is watched, once: it ranks the validation part.

        Args:
            trainer: Of the fit.
            task: Answers for the model.

        Returns:
            The value; None where the task does not rank or is fitted at once, several processes share it, or
            no measure of lists is watched.
        """
        if not self._is_measured:
            self._is_measured = True
            if self.mode == "max":
                self._popularity = _popularity(trainer, task, self.monitor)
        return self._popularity

    def warn_of_plateau(self, trainer: Trainer, task: Experiment) -> None:
        """Say that a fit ended no higher than the most bought items.

        Args:
            trainer: That has fitted.
            task: Answers for the model.
        """
        if self._is_low(trainer, task):
            best, popular = float(self.best_score), self._popularity
            what = f"{self.monitor} {best:.4f} is not above that of the most bought items, {popular:.4f}"
            warn(what, hint=_HINT)

    def _go_on(self, trainer: Trainer, pl_module: LightningModule, before: int, asked: bool) -> None:
        """Take a stop of this epoch back where the fit stands on the plateau."""
        stops = trainer.should_stop and not asked and self.stopped_epoch != before
        if not (stops and self._left) or not self._is_low(trainer, experiment_of(pl_module)):
            return
        value = f"{float(self.best_score):.4f}, the most bought items have {self._popularity:.4f}"
        note(f"the fit goes on after epoch {trainer.current_epoch + 1}: its best {self.monitor} is {value}")
        self._left -= 1
        self.wait_count, self.stopped_epoch, trainer.should_stop = 0, before, False

    def _is_low(self, trainer: Trainer, task: Experiment) -> bool:
        popular = self.popularity(trainer, task)
        return popular is not None and float(self.best_score) < ABOVE * popular


def _popularity(trainer: Trainer, task: Experiment, monitor: str) -> float | None:
    if not (task.ranks and task.by_gradient and monitor.startswith("val_")) or trainer.world_size > 1:
        return None
    popular = ClosedFormTask(Popularity())
    popular.bind(task.recommender.graph)  # type: ignore[attr-defined]
    found = metric_names("val", popular.validated(trainer.datamodule)).get(monitor)  # type: ignore[attr-defined]
    return None if found is None else float(found)
