"""Which run a command means, and whether a fit may write where it wants to."""

from __future__ import annotations

from pathlib import Path

from pytorch_lightning.utilities import rank_zero_only

from graphrec.cli.experiment.runs.folder import BEST, LAST, RunFolder
from graphrec.cli.experiment.runs.progress import Progress
from graphrec.errors import InputError
from graphrec.notices import warn


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def check_new(folder: RunFolder) -> None:
    """Raise `InputError` if a fit would write over another one.

    What was killed before its first checkpoint is no loss: it may be begun anew.
    """
    progress, path = Progress.of(folder.path), folder.path
    going_on = f"--run.name {path.parent.name} --run.id {path.name} --ckpt_path last"
    if progress is None:
        finished = any((folder.checkpoints / name).is_file() for name in (BEST, LAST))
    else:
        finished = progress.finished is not None
    if finished:
        hint = "choose another --run.id, or delete the folder"
        raise InputError("there is a finished run with this id", file=path, column="--run.id", hint=hint)
    if (folder.checkpoints / LAST).is_file():
        what = "there is a run with this id that was begun and not finished"
        hint = f"go on with it by {going_on}, or choose another --run.id"
        raise InputError(what, file=path, column="--run.id", hint=hint)


def check_same(folder: RunFolder, ids: list[str]) -> None:
    """Raise `InputError` if a fit goes on with a checkpoint of another run than the one it names.

    Args:
        folder: The run of the checkpoint, which the fit would write to.
        ids: What the command line gives as ``--run.id``.
    """
    if ids and ids[-1] != folder.id:
        what = f"the checkpoint belongs to the run {folder.id}, not to {ids[-1]}"
        hint = f"leave --run.id out, or give --ckpt_path last to go on with {ids[-1]}"
        raise InputError(what, file=folder.path, column="--run.id", hint=hint)


def warn_if_unfinished(checkpoint: Path) -> None:
    """Say so where a checkpoint is of a fit or a refit that runs or was killed."""
    folder = RunFolder.of_checkpoint(checkpoint)
    if checkpoint.resolve().parent.name != folder.checkpoints.name or folder.is_whole(checkpoint.name):
        return
    hint = "run `graphrec refit` again" if folder.is_refit else "go on with it by --ckpt_path last"
    warn(f"this {folder.step} was not finished; taken is what it had so far", file=checkpoint, hint=hint)


def warn_if_refit_unfinished(checkpoint: Path) -> None:
    """Say so where the best checkpoint of a fit stands for a refit that runs or was killed."""
    folder = RunFolder.of_checkpoint(checkpoint)
    if not folder.is_refit and folder.refit.path.is_dir():
        hint = "run `graphrec refit` again"
        what = "this refit was not finished, so the fit is taken"
        warn(what, file=folder.refit.path, hint=hint)
