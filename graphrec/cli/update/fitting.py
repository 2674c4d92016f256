"""The fits of an update: as `graphrec fit` and `refit` do them, but from what was learnt before."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from graphrec.cli.config.vocabulary import permitted_by
from graphrec.cli.experiment.checkpoints.config import taken
from graphrec.cli.experiment.lightning import GraphRecCLI
from graphrec.cli.experiment.runs.folder import BEST, LAST, RunFolder, read_checkpoint
from graphrec.cli.experiment.runs.progress import Progress
from graphrec.cli.experiment.start import run_lightning
from graphrec.cli.offers.curves.calibration import KeepsCalibration
from graphrec.graph import BipartiteGraph
from graphrec.models.encoders.spectral_init import weights_follow
from graphrec.models.encoders.warm import Learnt, Taken, warm_start
from graphrec.notices import note

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData
    from graphrec.offers.candidates.calibration import Calibration
    from graphrec.training import RankedTask


def learnt_by(task: RankedTask, data: RecommenderData) -> Learnt:
    """Take what a loaded run has learnt, with its ids."""
    return Learnt(task.recommender, data.split.users, data.split.items, data.features)


def warm_fits(before: Learnt) -> type[GraphRecCLI]:
    """Make the commands of experiments that begin with what was learnt before.

    Args:
        before: What is taken over by trained models; closed forms are fitted anew.
    """

    class WarmFit(GraphRecCLI):
        """A fit that begins with what was learnt before."""

        def before_fit(self) -> None:
            """Build the model, write what was learnt into it, and say how much."""
            with weights_follow():  # no start is looked for that is written over
                super().before_fit()
            if self.experiment.by_gradient:
                note(str(self._begin_warm(self.model, self.datamodule)))
            else:
                note(f"{self.experiment.model_name} is fitted to the whole log again")

        def _begin_warm(self, task: RankedTask, data: RecommenderData) -> Taken:
            split = data.split
            found = warm_start(task.recommender, split.users, split.items, data.features, before)
            if found.anew:
                with self.trainer.init_module():  # with the start that it has of its own
                    task.bind(BipartiteGraph.of(data))
            return found

        def after_fit(self) -> None:
            """Finish the run's folder, and leave the next command to the update."""
            with redirect_stdout(io.StringIO()):
                super().after_fit()

    return WarmFit


def fit_before_gate(config: dict[str, Any], folder: RunFolder, before: Learnt, trusted: bool) -> Path:
    """Fit without the weeks of the gate, unless that was done already; return the best checkpoint.

    Args:
        config: Of the fit, which writes to `folder`.
        folder: Where it writes.
        before: What it begins with.
        trusted: Whether the configuration may name code that is not graphrec's.
    """
    if not _is_done(folder):
        _fit(config, before, trusted, [])
    return folder.checkpoints / BEST


def fit_on_all(
    folder: RunFolder, before: Learnt, calibrated: Callable[[], Calibration | None], trusted: bool
) -> Path:
    """Repeat the fit of a folder on all weeks, unless that was done already; return its checkpoint.

    It has as many epochs as the best of the fit.

    Args:
        folder: Of the fit before the gate.
        before: What both begin with.
        calibrated: Gives the calibration of that fit on the weeks of the gate, which is kept.
        trusted: Whether the configuration may name code that is not graphrec's.
    """
    if not _is_done(folder.refit):
        file = folder.checkpoints / BEST
        best = read_checkpoint(file)
        config = taken(best, file, trusted, fit=True)
        config["trainer"]["max_epochs"] = int(best["epoch"]) + 1
        config["run"]["refit_of"] = str(folder.path)
        calibration = calibrated()
        kept = [] if calibration is None else [KeepsCalibration(calibration)]
        note("the gate is open: fitting on all weeks")
        with redirect_stderr(io.StringIO()):  # what is to be told of the log was told before the gate
            _fit(config, before, trusted, kept)
    return folder.refit.checkpoints / LAST


def _fit(config: dict[str, Any], before: Learnt, trusted: bool, callbacks: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "config.yaml"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        with permitted_by(config, trusted=trusted):
            defaults = {"callbacks": callbacks}
            run_lightning(["fit", "--config", str(file)], warm_fits(before), trainer_defaults=defaults)


def _is_done(folder: RunFolder) -> bool:
    progress = Progress.of(folder.path)
    return progress is not None and progress.finished is not None
