"""What a fit shows while it runs: a bar with the losses and measures, and how many weights there are."""

from __future__ import annotations

from typing import Any

from pytorch_lightning import LightningModule, Trainer, callbacks

from graphrec.cli.experiment.processes import say


class FitBar(callbacks.RichProgressBar):
    """Lightning's bar without the version number of a logger, which is the run's folder here."""

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """Collect what stands beside the bar."""
        found = super().get_metrics(trainer, pl_module)
        return {name: value for name, value in found.items() if name != "v_num"}


class WeightCount(callbacks.ModelSummary):
    """Says in a line how many weights are trained; Lightning's table counts operations, and finds none."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say it, unless the model is fitted without weights."""
        weights = list(pl_module.parameters())
        count = sum(one.numel() for one in weights)
        if not count:
            return
        trained = sum(one.numel() for one in weights if one.requires_grad)
        size = sum(one.numel() * one.element_size() for one in weights)
        part = "" if trained == count else f", of which {trained:,} are trained"
        say(f"weights: {count:,} ({_bytes(size)}){part}")


def _bytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"


def display() -> list[callbacks.Callback]:
    """Make what shows a fit."""
    return [FitBar(), WeightCount()]
