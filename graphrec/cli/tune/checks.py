"""Options that `tune` and `sweep` share, checked before anything is read."""

from __future__ import annotations

import argparse
import importlib.util

from graphrec.errors import InputError, check_at_least, check_seed
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


def check_tune(options: argparse.Namespace) -> None:
    """Raise `InputError` for options of ``graphrec tune`` that cannot be, or not together."""
    check_workers(options.workers)
    check_seed(**{"--seed": options.seed})
    named = [*(options.models or []), *([options.model] if options.model else [])]
    if twice := [name for place, name in enumerate(named) if name in named[:place]]:
        raise InputError(f"{twice[0]} is named twice", column="--models", hint="name each model once")
    if options.data is None and (options.auto or not all(name.endswith((".yaml", ".yml")) for name in named)):
        raise InputError("there is no data to tune on", column="--data", hint="give a file or a folder")
    if options.space is not None and (options.auto or len(named) > 1):
        raise InputError("a space is of one model", column="--space", hint="give it with -m")
    if options.auto and options.subsample is not None:
        what = "--auto fuses runs that saw all users"
        raise InputError(what, column="--subsample", hint="leave it out, or give --models")
    if options.auto and (options.budget is None or options.trials is not None):
        what = "--auto shares out a time, not a number of trials"
        raise InputError(what, column="--trials" if options.trials else "--budget", hint="give --budget 40m")


def budget_of(trials: int | None, time: str | None) -> Budget:
    """Read what a command line gives as its budget; without anything it has no bound.

    Raises:
        InputError: If it is no number of trials, or no time.
    """
    if trials is not None:
        check_at_least(1, **{"--trials": trials})
    return Budget(trials, None if time is None else seconds_of(time))
