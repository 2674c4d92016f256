"""What tasks share that give the probability of an event: what they log, watch and print."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from graphrec.arrays import BoolArray, FloatArray
from graphrec.evaluation.measures import of_kind
from graphrec.training.experiment import SplitTask, Summary


class ProbabilityTask(SplitTask):
    """A task that is judged by the probabilities it gives to events, and watched by their likelihood."""

    monitor: ClassVar[str] = "val_likelihood"

    @abstractmethod
    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """Give the loss of a batch, as in any LightningModule."""

    def logged(self, data: Any) -> dict[str, bool | None]:
        """Name the likelihood, every measure of a probability and the loss."""
        measures = {f"val_{one.name}": one.higher_is_better for one in of_kind("probability")}
        return {"val_likelihood": True, **measures, "train_loss": False}

    def log_validation(self, probability: FloatArray, happened: BoolArray) -> None:
        """Log the measures of the validation part, and the likelihood, the geometric mean.

        Args:
            probability: Of each event. Shape ``[P]``.
            happened: Whether it happened. Shape ``[P]``.
        """
        measures = probability_measures(probability, happened)
        self.log_dict({f"val_{name}": value for name, value in measures.items()})
        # the larger the better, which is what a run watches
        self.log("val_likelihood", float(np.exp(-measures["logloss"])), prog_bar=True)

    def summary(self, part: str, metrics: Mapping[str, Any], data: Any) -> Summary:
        """Lay out a column per measure."""
        shown = [one for one in of_kind("probability") if f"{part}_{one.name}" in metrics]
        cells = [f"{float(metrics[f'{part}_{one.name}']):.4f}" for one in shown]
        return Summary(f"{part}: {self.noun}", [one.title for one in shown], [cells])


def probability_measures(probability: FloatArray, happened: BoolArray) -> dict[str, float]:
    """Compute every measure of a probability in the table, by name. Shapes ``[P]``."""
    return {one.name: one.compute(probability, happened) for one in of_kind("probability")}
