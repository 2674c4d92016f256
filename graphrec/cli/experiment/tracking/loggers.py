"""Where the numbers of a run go: a CSV file and an offline run of Weights & Biases."""

from __future__ import annotations

import os
from typing import Any

from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from graphrec.cli.experiment.runs.folder import RunFolder, RunOptions
from graphrec.cli.experiment.tracking.metrics_file import MetricsFile
from graphrec.cli.experiment.tracking.wandb_runs import QuietWandbLogger


def make_loggers(options: RunOptions, folder: RunFolder, fit: bool) -> list[Logger]:
    """Make the loggers of a run; nothing is written before the first of them is used.

    Args:
        options: Name, project and tags.
        folder: The run's folder.
        fit: Whether there are epochs to log into ``metrics.csv``.
    """
    import wandb

    os.environ.setdefault("WANDB_SILENT", "true")
    weights_and_biases = QuietWandbLogger(
        project=options.wandb_project,
        name=options.name,
        id=folder.wandb_id(options.name),
        # W&B's service writes the files, and keeps the working directory that it was started in
        save_dir=folder.path.resolve(),
        resume="allow",
        tags=options.tags,
        settings=wandb.Settings(console="off", silent=True, x_disable_stats=True),
    )
    if not fit:
        return [weights_and_biases]
    return [MetricsFile(folder.path.parent, name="", version=folder.path.name), weights_and_biases]


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def make_folder(folder: RunFolder, fit: bool) -> None:
    """Make the run's folder; W&B would fall back to another one.

    The CSV logger starts its file anew; on resume, what the first part of the fit wrote is kept beside it.
    """
    folder.path.mkdir(parents=True, exist_ok=True)
    metrics = folder.path / "metrics.csv"
    if fit and metrics.exists():
        parts = len(list(folder.path.glob("metrics.part*.csv")))
        metrics.rename(metrics.with_name(f"metrics.part{parts + 1}.csv"))


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def record(loggers: list[Logger], config: dict[str, Any], summary: dict[str, Any]) -> None:
    """Write what the fit is, and what came out of it, into the W&B run."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.config.update(config, allow_val_change=True)
            logger.experiment.summary.update(summary)


def plain(value: Any) -> Any:
    """Keep only what JSON knows."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
