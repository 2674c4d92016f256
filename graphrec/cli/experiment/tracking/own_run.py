"""Tables that belong to no fit, in a run of Weights & Biases of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from graphrec.cli.experiment.runs.folder import RunFolder, RunOptions
from graphrec.cli.experiment.tracking import wandb_runs
from graphrec.cli.experiment.tracking.loggers import make_loggers, record_in_wandb
from graphrec.cli.experiment.tracking.tables import record_shown
from graphrec.training.shown import Shown


def record(project: str, out: Path, job: str, tables: Mapping[str, pd.DataFrame]) -> None:
    """Log tables in a run of their own; no row of a person is among them.

    Args:
        project: Of W&B.
        out: Folder of the run.
        job: What was done.
        tables: By name.
    """
    out.mkdir(parents=True, exist_ok=True)
    loggers = make_loggers(RunOptions(name=out.name, wandb_project=project), RunFolder(out), "judge", {})
    try:
        record_in_wandb(loggers, {"job": job}, {})
        record_shown(loggers, {name: Shown(frame) for name, frame in tables.items()})
    finally:
        wandb_runs.finish()
