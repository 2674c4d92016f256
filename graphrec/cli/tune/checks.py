"""Options that `tune` and `sweep` share, checked before anything is read."""

from __future__ import annotations

import importlib.util

from graphrec.errors import InputError, check_at_least
from graphrec.tuning.budget import Budget, seconds_of

MOST_WORKERS = 64


def check_optuna() -> None:
    """Raise `InputError` if Optuna is not installed."""
    if importlib.util.find_spec("optuna") is None:
        what = "Optuna is not installed, which draws and keeps the trials"
        raise InputError(what, hint="pip install 'graphrec[tune]'")


def check_workers(count: int) -> None:
    """Raise `InputError` if this is no number of processes."""
    check_at_least(1, **{"--workers": count})
    if count > MOST_WORKERS:
        raise InputError(
            f"{count} processes are too many", column="--workers", hint=f"give {MOST_WORKERS} or less"
        )


def budget_of(trials: int | None, time: str | None) -> Budget:
    """Read what a command line gives as its budget; without anything it has no bound.

    Raises:
        InputError: If it is no number of trials, or no time.
    """
    if trials is not None:
        check_at_least(1, **{"--trials": trials})
    return Budget(trials, None if time is None else seconds_of(time))
