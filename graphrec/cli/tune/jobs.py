"""What a worker can do: look at a base, fit, compare two runs on validation, refit, test, fuse."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

from graphrec.arrays import FloatArray
from graphrec.cli.commands import refit
from graphrec.cli.config.arguments import as_arguments
from graphrec.cli.config.tasks import said
from graphrec.cli.experiment.command import run_experiment
from graphrec.cli.experiment.lightning import GraphRecCLI
from graphrec.cli.experiment.loading import load_run
from graphrec.cli.experiment.runs.folder import BEST, LAST, RunFolder
from graphrec.cli.experiment.runs.progress import Progress
from graphrec.cli.experiment.tracking.loggers import plain
from graphrec.errors import InputError
from graphrec.evaluation.measures import BY_NAME
from graphrec.evaluation.significance import crossed_differences
from graphrec.report.history import read_history
from graphrec.report.run_file import read_run_file

_MEASURE = re.compile(r"val_(\w+?)_\d+(?:_(?:all|repeat|new))?")
Job = Mapping[str, Any]
Answer = dict[str, Any]


class Asked(Protocol):
    """Who says whether a fit goes on."""

    def goes_on(self, epoch: int, value: float) -> bool:
        """Hear of an epoch; tell whether there is to be another one."""


class _Watch(Callback):
    """Tells of each validation, and stops the fit where it is told to: its best epoch so far is kept."""

    def __init__(self, asked: Asked, monitor: str) -> None:
        self._asked, self._monitor = asked, monitor

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell, and obey."""
        value = trainer.callback_metrics.get(self._monitor)
        if trainer.sanity_checking or value is None:
            return
        if not self._asked.goes_on(trainer.current_epoch + 1, float(value)):
            trainer.should_stop = True


class _Watched(GraphRecCLI):
    """A fit that is watched."""

    watch: Callback

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add what watches after the callbacks that keep checkpoints: what stops the fit is kept before."""
        trainer = super().instantiate_trainer(**kwargs)
        trainer.callbacks.append(self.watch)  # type: ignore[attr-defined]
        return trainer


class _Read(GraphRecCLI):
    """A fit that is read and not begun."""

    def instantiate_classes(self) -> None:
        """Leave everything as text."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Leave it."""


def look(job: Job, asked: Asked) -> Answer:
    """Read what a fit would be: the default of each key that is asked for, and what would be refused.

    Args:
        job: ``args`` of the fit; ``keys``; ``points``, each some settings to try.
        asked: Nobody is asked.

    Returns:
        ``defaults`` by key, ``watched``, ``larger`` and ``trained``; ``refused``, the place of the first
        point that no fit would take, with ``why``.
    """
    cli = run_experiment(job["args"], _Read)
    settings = cli.config.fit
    answer: Answer = {
        "defaults": {key: plain(settings.get(key)) for key in job["keys"]},
        "watched": settings.run.monitor,
        "larger": _larger(settings, cli.task_class),
        "trained": said(cli.task_class, "by_gradient"),
    }
    for place, point in enumerate(job["points"]):
        try:
            run_experiment([*job["args"], *as_arguments(point)], _Read)
        except InputError as error:
            return {**answer, "refused": place, "why": error.message, "hint": error.hint}
    return answer


def _larger(settings: Any, task: Any) -> bool:
    """Tell whether the largest value of what is watched is the best, as the fit will take it."""
    if settings.run.mode is not None:
        return bool(settings.run.mode == "max")
    found = _MEASURE.fullmatch(settings.run.monitor)
    better = BY_NAME[found[1]].higher_is_better if found and found[1] in BY_NAME else None
    if better is None:
        return not settings.run.monitor.endswith("_loss") and bool(said(task, "mode") == "max")
    return better


def fit(job: Job, asked: Asked) -> Answer:
    """Fit as the command line does, go on with a fit that was killed, or read one that is there.

    Args:
        job: ``args`` of the fit, ``run``, its folder, and ``monitor``.
        asked: Says after each epoch whether there is to be another one.

    Returns:
        ``value`` at the best epoch, ``best_epoch`` and ``run``.
    """
    folder = RunFolder(Path(job["run"]))
    progress = Progress.of(folder.path)
    if progress is None or progress.finished is None:
        last = folder.checkpoints / LAST
        kind = type("Watched", (_Watched,), {"watch": _Watch(asked, job["monitor"])})
        run_experiment([*job["args"], *(["--ckpt_path", str(last)] if last.is_file() else [])], kind)
    epoch = int(read_run_file(folder.path)["summary"]["best_epoch"])
    history = read_history(folder.path)
    value = history.loc[history["epoch"] == epoch - 1, job["monitor"]]
    found = float(value.iloc[0]) if len(value) and np.isfinite(value.iloc[0]) else None
    return {"value": found, "best_epoch": epoch, "run": str(folder.path)}


def differ(job: Job, asked: Asked) -> Answer:
    """Compare two fitted runs on the validation part, user by user, on what was watched.

    Args:
        job: ``runs``, two folders, and ``monitor``.
        asked: Nobody is asked.

    Returns:
        ``difference`` of the first less the second, ``low``, ``high``, ``p``, ``users``; or ``why`` there is
        none.
    """
    found = [values for run in job["runs"] if (values := _users(Path(run), job["monitor"])) is not None]
    if len(found) < 2:
        return {"why": f"{job['monitor']} has no value of each user"}
    test = crossed_differences([values[None, :, None] for values in found], [(0, 1)])
    numbers = {name: float(getattr(test, name)[0, 0]) for name in ("difference", "low", "high", "p")}
    return {**numbers, "users": len(found[0])}


def _users(run: Path, monitor: str) -> FloatArray | None:
    """Rank the validation part with a run's best checkpoint; the watched measure of each user."""
    task, data = load_run(RunFolder(run).checkpoints / BEST)
    name = monitor.removeprefix("val_")
    named = next((items for items in data.item_sets if name.endswith(f"_{items}")), None)
    measured = task.validated(data)[named or data.item_sets[0]]
    values = measured.values.get(name.removesuffix(f"_{named}") if named else name)
    return None if values is None else np.asarray(values.double().numpy())


def fit_again(job: Job, asked: Asked) -> Answer:
    """Fit a run again on train and validation together: ``run``, its folder."""
    made = RunFolder(Path(job["run"])).refit
    if not ((made.checkpoints / LAST).is_file() and made.is_whole(LAST)):
        refit.run(argparse.Namespace(folder=Path(job["run"]), trust=False, strict=False))
    return {"run": job["run"], "checkpoint": str(made.checkpoints / LAST)}


def test(job: Job, asked: Asked) -> Answer:
    """Test a checkpoint: ``checkpoint``; return the measures."""
    place = Path(job["checkpoint"]).parent.parent
    quiet = ["--trainer.enable_progress_bar=false"]
    run_experiment(["test", "--ckpt_path", job["checkpoint"], *quiet])
    return {"measures": json.loads((place / "test_metrics.json").read_text(encoding="utf-8"))}


def fuse(job: Job, asked: Asked) -> Answer:
    """Fuse fitted runs, and their refits: ``runs``, ``name``, ``root``, ``id``, ``seed``."""
    from graphrec.cli.commands import fuse as command

    folder = RunFolder(Path(job["root"]) / job["name"] / job["id"])
    progress = Progress.of(folder.path)
    if progress is None or progress.finished is None:
        given = {
            **{key: job[key] for key in ("name", "root", "id", "seed")},
            "runs": [Path(run) for run in job["runs"]],
        }
        rest = {"combine": "score", "gate": False, "items": job.get("items"), "trust": False, "strict": False}
        command.run(argparse.Namespace(**given, **rest))
    found = json.loads((folder.path / "fusion.json").read_text(encoding="utf-8"))
    return {"run": str(folder.path), "found": found, "checkpoint": str(folder.test_checkpoint())}


JOBS: dict[str, Callable[[Job, Asked], Answer]] = {
    "look": look,
    "fit": fit,
    "differ": differ,
    "refit": fit_again,
    "test": test,
    "fuse": fuse,
}
"""What a job may be."""
