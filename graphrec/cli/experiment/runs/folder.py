"""Where a run lives: ``<root>/<name>/<id>/`` with config.yaml, checkpoints/, metrics and the W&B run."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
import yaml

from graphrec.cli.experiment.processes import agreed
from graphrec.cli.experiment.runs.names import check_run_names
from graphrec.cli.experiment.runs.progress import Progress, last_worked_on
from graphrec.data.ledger import CLEANING
from graphrec.errors import InputError, check_at_least
from graphrec.serving.bundle import is_bundle

BEST, LAST = "best.ckpt", "last.ckpt"


@dataclass(frozen=True)
class RunOptions:
    """Where a fit writes and what it watches.

    Args:
        name: Name of the experiment; runs of one name are seeds or repetitions of the same thing.
        root: Folder above all runs.
        id: Name of this run's folder; time and four random letters if missing.
        monitor: What chooses the best checkpoint: a measure of validation, or ``train_loss``.
        mode: Whether its least (``min``) or its greatest (``max``) value is the best; as the task says if
            missing.
        patience: Epochs without a better value after which the fit stops. With 5, the default, it waits up to
            five times as long while it is no better than the most bought items.
        refit_of: Folder of a run to repeat on train and validation together; `graphrec refit` sets it.
        wandb_project: Project in Weights & Biases.
        wandb_artifacts: Give the W&B run the best checkpoint and a card of the data as artifacts.
        tags: Tags of the W&B run.
    """

    name: str = "run"
    root: str = "runs"
    id: str | None = None
    monitor: str = "val_ndcg_20"
    mode: Literal["min", "max"] | None = None
    patience: int = 5
    refit_of: str | None = None
    wandb_project: str = "graphrec"
    wandb_artifacts: bool = False
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check the one number; names are checked where a folder is made of them."""
        check_at_least(0, **{"run.patience": self.patience})


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run; a refit lives in ``refit/`` inside the run it repeats."""

    path: Path

    @classmethod
    def new(cls, options: RunOptions) -> RunFolder:
        """Choose a folder that does not exist yet, the same in all processes, or the folder of the refit."""
        if options.refit_of:
            return cls(Path(options.refit_of) / "refit")
        check_run_names(options.root, options.name, options.id)
        stamp = f"{dt.datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        return cls(Path(options.root) / options.name / (options.id or agreed("run_id", stamp)))

    @classmethod
    def of_checkpoint(cls, checkpoint: Path) -> RunFolder:
        """Find the run that a checkpoint belongs to; one that stands alone has its own folder beside it."""
        folder = checkpoint.parent.resolve()  # a link stands for a checkpoint where the link is
        run = cls(folder.parent)
        if folder.name == run.checkpoints.name and run.is_one:
            return run
        return cls(folder / checkpoint.stem)

    @property
    def is_one(self) -> bool:
        """Whether this is the folder of a run and not just any."""
        return self.config.is_file() or Progress.of(self.path) is not None

    @property
    def is_refit(self) -> bool:
        """Whether this is the refit of another run."""
        return self.path.name == "refit"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def config(self) -> Path:
        """The configuration the run was started with."""
        return self.path / "config.yaml"

    @property
    def cleaning(self) -> Path:
        """What became of the rows of its log."""
        return self.path / CLEANING

    @property
    def id(self) -> str:
        """Last part of the run's folder, the same for a run and its refit."""
        return self.path.parent.name if self.is_refit else self.path.name

    def wandb_id(self, name: str) -> str:
        """Name the same W&B run for fit, refit and test."""
        return "".join(c if c.isalnum() or c in "-_" else "-" for c in f"{name}-{self.id}")[-128:]

    @property
    def step(self) -> str:
        """What is done here, as its record calls it."""
        return "refit" if self.is_refit else "fit"

    @property
    def refit(self) -> RunFolder:
        """The refit of this run."""
        return RunFolder(self.path / "refit")

    def is_whole(self, checkpoint: str) -> bool:
        """Tell whether the step that wrote a checkpoint here was finished.

        Runs of older versions have no record of it: their refits are whole if they had all their epochs,
        their fits are taken to be.
        """
        progress = Progress.of(self.path)
        if progress is not None:
            return progress.finished is not None
        return not self.is_refit or had_all_epochs(self.checkpoints / checkpoint)

    def test_checkpoint(self) -> Path | None:
        """Find what a test would load: the refit if there is a finished one, else the best of the fit."""
        refitted, best = self.refit.checkpoints / LAST, self.checkpoints / BEST
        if refitted.is_file() and self.refit.is_whole(LAST):
            return refitted
        return best if best.is_file() else None


def newest(options: RunOptions, checkpoint: str | None = None) -> Path:
    """Find the checkpoint to go on with in the run of an id, or in the newest run of a name.

    Args:
        options: Root, name and perhaps id of the runs.
        checkpoint: File name of the checkpoint; if missing, the one to test.

    Raises:
        InputError: If there is none.
    """
    check_run_names(options.root, options.name, options.id)
    folder = Path(options.root) / options.name
    for run in [RunFolder(folder / options.id)] if options.id else by_age(folder):
        found = run.test_checkpoint() if checkpoint is None else run.checkpoints / checkpoint
        if found is not None and found.is_file():
            return found
    raise InputError(
        f"no checkpoint of a run with this {'id' if options.id else 'name'}",
        file=folder / (options.id or ""),
        hint="run `graphrec fit` first or give --ckpt_path",
    )


def by_age(folder: Path) -> list[RunFolder]:
    """List the runs in the folder of a name, the one that was last begun or finished first."""
    runs = sorted(path for path in folder.glob("*") if path.is_dir())
    return [RunFolder(path) for path in sorted(runs, key=last_worked_on, reverse=True)]


def run_at(path: Path) -> RunFolder:
    """Find the run in a folder, or the newest one with a best checkpoint below the folder of a name."""
    below = [run for run in by_age(path) if (run.checkpoints / BEST).is_file()]
    return below[0] if below else RunFolder(path)


def checkpoint_at(given: Path) -> Path:
    """Find what a test would load of a run's folder; a checkpoint, or what is not there, stays as given.

    Raises:
        InputError: If the folder holds no run with a checkpoint.
    """
    if not given.is_dir():
        return given
    found = run_at(given).test_checkpoint()
    if found is None:
        hint = "give the folder of a finished `graphrec fit`, or best.ckpt of it"
        raise InputError("holds no run with a checkpoint", file=given, hint=hint)
    return found


def had_all_epochs(file: Path) -> bool:
    """Tell whether a file is a checkpoint of the last epoch that its fit was to have."""
    try:
        checkpoint = read_checkpoint(file)
    except InputError:
        return False
    config = yaml.safe_load(checkpoint["graphrec"]["config"])
    if config["model"]["class_path"].endswith(".FusionTask"):  # which is written at once
        return True
    epochs = config["trainer"].get("max_epochs")
    return epochs is None or int(checkpoint["epoch"]) + 1 >= int(epochs)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Load a checkpoint of ours onto the CPU.

    Raises:
        InputError: If the file is missing, is no checkpoint, or was not written by graphrec.
    """
    if is_bundle(path):
        hint = "give it to `graphrec recommend` or `graphrec similar`; here, give a checkpoint of the run"
        raise InputError("this is an exported model, which has no log", file=path, hint=hint)
    if not path.is_file():
        what = "is a folder, not a checkpoint" if path.is_dir() else "there is no such file"
        raise InputError(what, file=path, hint="checkpoints are in runs/<name>/<id>/checkpoints/")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].partition(". ")[0][:120]
        raise InputError(
            f"cannot be read as a checkpoint ({reason})",
            file=path,
            column="--ckpt_path",
            hint="give best.ckpt or last.ckpt of a run; if it was cut short, fit again",
        ) from error
    if not isinstance(checkpoint, dict) or "graphrec" not in checkpoint:
        raise InputError(
            "this checkpoint was not written by graphrec",
            file=path,
            column="--ckpt_path",
            hint="give best.ckpt or last.ckpt of a run of `graphrec fit`",
        )
    return checkpoint
