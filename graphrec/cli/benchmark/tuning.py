"""A process that chooses the settings of one model on one data set, on validation.

``python -m graphrec.cli.benchmark.tuning``, with the job on its standard input. It ends when that is closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graphrec.cli.benchmark.job import do_job
from graphrec.cli.tune.engine import LOGS, WORKER, Base, Plan, search
from graphrec.cli.tune.files import read_space, shipped_space
from graphrec.tuning.budget import Budget
from graphrec.tuning.trials import Trial
from graphrec.tuning.workers import Pool


class _Nobody:
    """Nobody is told of single trials: the benchmark tells what came of all."""

    def known(self, model: str, trials: Sequence[Trial]) -> None:
        """Say nothing."""

    def begun(self, trial: Trial) -> None:
        """Say nothing."""

    def epoch(self, trial: Trial, epoch: int, value: float) -> None:
        """Say nothing."""

    def ended(self, trial: Trial) -> None:
        """Say nothing."""


def chosen(job: dict[str, Any]) -> dict[str, Any]:
    """Search, by the search of ``graphrec tune``; one that was killed goes on where it was.

    Args:
        job: ``model``, ``args`` of a fit, ``trials``, ``seed`` and ``folder``.

    Returns:
        ``settings`` of the best trial, ``tried``, the number of trials, and ``tune_seconds`` of all.
    """
    file = shipped_space(job["model"])
    if file is None:
        return {"settings": {}, "tried": 0, "tune_seconds": 0.0}
    folder = Path(job["folder"])
    plan = Plan(folder, Budget(trials=job["trials"]), seed=job["seed"])
    with Pool(WORKER, 1, folder / LOGS) as pool:
        tuned = search(Base(job["model"], tuple(job["args"])), read_space(file), plan, pool, _Nobody())
    done = {"tried": len(tuned.trials), "tune_seconds": tuned.seconds, "value": tuned.best.outcome.value}
    return {"settings": dict(tuned.best.settings), **done}


if __name__ == "__main__":
    do_job(chosen)
