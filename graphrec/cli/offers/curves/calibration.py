"""The calibration that a refit keeps of the fit it repeats, as it has no validation part of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytorch_lightning import Callback, LightningModule, Trainer

from graphrec.cli.experiment.loading import load_run
from graphrec.cli.experiment.runs.folder import read_checkpoint
from graphrec.errors import InputError
from graphrec.notices import warn
from graphrec.offers.candidates.calibrate import calibrate
from graphrec.offers.candidates.calibration import Calibration

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData
    from graphrec.training import RankedTask

KEY = "calibration"


def of_fit(checkpoint: Path, trusted: bool) -> Calibration | None:
    """Calibrate the fit that is about to be repeated; None, with a warning, where that cannot be done.

    Args:
        checkpoint: Its best.ckpt.
        trusted: Whether it may name code that is not graphrec's.

    Raises:
        InputError: If the log is not what the fit had.
    """
    return of_loaded(*load_run(checkpoint, trusted=trusted), checkpoint)


def of_loaded(task: RankedTask, data: RecommenderData, checkpoint: Path) -> Calibration | None:
    """Calibrate a fit that is loaded; see `of_fit`."""
    try:
        found = calibrate(task.recommender, task.recommender.graph, data.split)
    except InputError as error:
        what = f"the refit keeps no calibration, so that `graphrec offers` will refuse it ({error.message})"
        warn(what, file=checkpoint)
        return None
    return replace(found, source=f"{found.source}, by the fit that was repeated")


class KeepsCalibration(Callback):
    """Writes a calibration into the checkpoints of a refit.

    Args:
        found: What `of_fit` found.
    """

    def __init__(self, found: Calibration) -> None:
        self.found = found

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add it."""
        checkpoint[KEY] = self.found.numbers()


def calibration_kept(data: RecommenderData, checkpoint: Path) -> Calibration | None:
    """Find what a refit keeps; None where there is a validation part to calibrate on.

    Args:
        data: Of the checkpoint.
        checkpoint: The file.

    Raises:
        InputError: If there is neither.
    """
    if len(data.split.val):
        return None
    if not data.refit:
        hint = "fit with a split that has one"
        raise InputError("there is no validation part to calibrate on", file=checkpoint, hint=hint)
    kept = read_checkpoint(checkpoint).get(KEY)
    if kept is None:
        raise InputError(
            "this refit keeps no calibration, and its validation part was trained on",
            file=checkpoint,
            column="--ckpt_path",
            hint="run `graphrec refit` again, or give checkpoints/best.ckpt of the run itself",
        )
    try:
        return Calibration.of_numbers(kept)
    except (KeyError, TypeError, ValueError) as error:
        what = f"its calibration cannot be read ({type(error).__name__}: {error})"
        raise InputError(what, file=checkpoint, hint="run `graphrec refit` again") from error
