"""The folder of a fit while it runs: held by one process, begun, and marked as whole in the end."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.utilities import rank_zero_only

from graphrec.cli.experiment.checkpoints.keeping import RunCheckpoint
from graphrec.cli.experiment.fit_summary import summary_lines
from graphrec.cli.experiment.plateau import RunStopping
from graphrec.cli.experiment.processes import say
from graphrec.cli.experiment.runs.folder import BEST, RunFolder, RunOptions, read_checkpoint
from graphrec.cli.experiment.runs.locks import locked
from graphrec.cli.experiment.runs.names import check_links
from graphrec.cli.experiment.runs.progress import Progress
from graphrec.cli.experiment.runs.resuming import check_new, check_same
from graphrec.cli.experiment.tracking.loggers import make_folder, record_result
from graphrec.errors import InputError
from graphrec.files import remove_parts
from graphrec.training.experiment import Experiment

_LONGER = (
    "give it more epochs, steps or time, or validate sooner by --trainer.val_check_interval and"
    " --trainer.check_val_every_n_epoch"
)


def folder_of(
    options: RunOptions, checkpoint: str | None, ids: list[str], *, fit: bool, trial: bool
) -> RunFolder:
    """Find the run that a command belongs to; a fit refuses to write over another one.

    Args:
        options: The group ``run``.
        checkpoint: What the command takes, if it does.
        ids: What the command line gives as ``--run.id``.
        fit: Whether the command fits.
        trial: Whether it writes nothing.

    Raises:
        InputError: If there is a run already, or the checkpoint is of another one.
    """
    if checkpoint is None:
        folder = RunFolder.new(options)
        if fit and not folder.is_refit and not trial:
            check_new(folder)
        return folder
    folder = RunFolder.of_checkpoint(Path(checkpoint))
    if folder.path != Path(checkpoint).absolute().parent.parent and not folder.is_one:
        say(f"this checkpoint stands alone; what is written goes to {folder.path}")
    if fit:
        check_same(folder, ids)
    return folder


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def begin_fit(folder: RunFolder, holding: ExitStack, *, resumed: bool) -> None:
    """Make the folder and hold it until the command ends.

    Args:
        folder: The run's folder, or that of its refit, which may be done again at any time.
        holding: Lets go of the folder in the end.
        resumed: Whether the fit goes on with a checkpoint of this folder.

    Raises:
        InputError: If another process writes there, or the fit would write over another one.
    """
    check_links(folder.path, fit=True)
    holding.enter_context(locked(folder.path))
    if not resumed and not folder.is_refit:
        check_new(folder)
    Progress.begin(folder.path, folder.step)
    for place in (folder.path, folder.checkpoints):
        remove_parts(place)
    if not resumed:
        _remove_what_was_killed(folder)
    make_folder(folder, fit=True)


def _remove_what_was_killed(folder: RunFolder) -> None:
    """Remove what an attempt before left, so that nothing of it passes for a result of this one."""
    (folder.checkpoints / BEST).unlink(missing_ok=True)
    for left in ("metrics*.csv", "test_*", "shown_*", "recommendations.parquet"):
        for file in folder.path.glob(left):
            file.unlink()


def best_of_fit(trainer: Trainer, folder: RunFolder, *, done: bool) -> Path | None:
    """Find the best checkpoint that a fit kept; None for a refit and where none is kept.

    Args:
        trainer: That has fitted.
        folder: The run's folder.
        done: Whether nothing was left to train.

    Raises:
        InputError: If the fit ended before its first validation.
    """
    own = [one for one in trainer.checkpoint_callbacks if isinstance(one, RunCheckpoint)]
    path = Path(own[0].best_model_path) if own else Path()
    if own and not (path.is_file() or done or trainer.received_sigterm):
        raise InputError("the fit ended before its first validation", file=folder.path, hint=_LONGER)
    return path if path.is_file() and not folder.is_refit else None


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def end_fit(
    trainer: Trainer, folder: RunFolder, task: Experiment, data: Any, monitor: str, *, done: bool
) -> None:
    """Note which epoch was the best and how long it took, mark the run as whole, and say what comes next.

    Args:
        trainer: That has fitted.
        folder: The run's folder.
        task: Answers for the model.
        data: The data module.
        monitor: What was watched.
        done: Whether nothing was left to train.

    Raises:
        InputError: If the fit ended before its first validation.
    """
    if trainer.fast_dev_run:  # type: ignore[attr-defined]
        return
    best = best_of_fit(trainer, folder, done=done)
    content = None if best is None else read_checkpoint(best)
    if content is not None:
        record_result(folder, trainer.loggers, best_epoch=int(content["epoch"]) + 1, **task.cost())
    _finish(folder, task.data_sha256(data))
    for one in trainer.early_stopping_callbacks if content is not None and not done else []:
        if isinstance(one, RunStopping):
            one.warn_of_plateau(trainer, task)
    print("\n".join(summary_lines(folder, content, monitor, task.cost()["fit_seconds"], refits=task.refits)))


def _finish(folder: RunFolder, split_sha256: str) -> None:
    """Mark what the folder holds as whole, unless it is so already."""
    progress = Progress.of(folder.path) or Progress.begin(folder.path, folder.step)
    if progress.finished is None:
        progress.finish(folder.path, split_sha256)
