"""What a run says of itself in its W&B run."""

from __future__ import annotations

from typing import Any

from graphrec.cli.experiment.runs.folder import RunFolder, RunOptions
from graphrec.cli.experiment.tracking.loggers import plain
from graphrec.training.experiment import Experiment


def description(
    task: Experiment, data: Any, options: RunOptions, folder: RunFolder, settings: Any
) -> dict[str, Any]:
    """Say which run this is, of which model on which data.

    Args:
        task: Answers for the model.
        data: The data module.
        options: The group ``run``.
        folder: The run's folder.
        settings: The whole configuration of the command.
    """
    dataset = task.data_name(data)
    return {
        "run": options.name,
        "id": folder.id,
        "model": options.name.removeprefix(f"{dataset}-"),
        "dataset": dataset,
        "seed": settings.get("seed_everything"),
        "split_sha256": task.data_sha256(data),
        **task.described(data),
        "cli": plain(settings),
    }
