"""Checkpoint and data card as artifacts of Weights & Biases, where the user asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from graphrec.cli.experiment.runs.folder import BEST, LAST, RunFolder
from graphrec.cli.experiment.tracking.wandb_runs import send
from graphrec.data.ledger import without_rows
from graphrec.files import write_text
from graphrec.notices import warn
from graphrec.report.table import escape
from graphrec.training.experiment import Experiment

CARD = "data_card.md"
_CARD = "data_card"
"""Under which a task tells of its data in ``run.json``."""


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def record_artifacts(
    loggers: Sequence[Logger], folder: RunFolder, name: str, task: Experiment, data: Any
) -> None:
    """Hand the best checkpoint and the data card to W&B; a refit has its last one instead.

    Args:
        loggers: Of the trainer.
        folder: Of the fit, or of its refit.
        name: Of the experiment.
        task: Tells what the data are.
        data: The data module.
    """
    if not any(isinstance(logger, WandbLogger) for logger in loggers):
        hint = "leave out `trainer.logger: false`"
        warn("there is no run of Weights & Biases to give it to", column="run.wandb_artifacts", hint=hint)
        return
    checkpoint = next((f for name in (BEST, LAST) if (f := folder.checkpoints / name).is_file()), None)
    write_text(folder.path / CARD, data_card(task, data))
    group = folder.wandb_id(name)
    files = {f"{group}-data-card"[-128:]: ("dataset", folder.path / CARD)}
    if checkpoint is not None:
        files[f"{group}-checkpoint"[-128:]] = ("model", checkpoint)
    said = {"split_sha256": task.data_sha256(data), "step": folder.step}
    send(loggers, lambda run: _log(run, files, said))


def _log(run: Any, files: Mapping[str, tuple[str, Path]], said: Mapping[str, Any]) -> None:
    import wandb

    for name, (kind, file) in files.items():
        artifact = wandb.Artifact(name, type=kind, metadata=dict(said))
        artifact.add_file(str(file), name=file.name)
        run.log_artifact(artifact, aliases=[said["step"]])


def data_card(task: Experiment, data: Any) -> str:
    """Write what a run is trained and judged on, as Markdown; no id of a user is in it, and no path."""
    said = task.described(data)
    facts = {**{key: value for key, value in said.items() if key != _CARD}, **said.get(_CARD, {})}
    parts = [f"# {escape(task.data_name(data))}", f"sha256 of the split: `{task.data_sha256(data)}`"]
    parts += ["## What is in it", _markdown(pd.DataFrame(facts.items(), columns=["what", "value"]))]
    if (lost := task.cleaning(data)) is not None:
        parts += ["## What is not used", _markdown(without_rows(lost))]
    return "\n\n".join(parts) + "\n"


def _text(cell: Any) -> str:
    return ", ".join(map(str, cell)) if isinstance(cell, list) else str(cell)


def _markdown(table: pd.DataFrame) -> str:
    lines = [[escape(_text(cell)) for cell in row] for row in (list(table), *table.to_numpy().tolist())]
    rows = [lines[0], ["---"] * table.shape[1], *lines[1:]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
