"""Files of spaces and sweeps, read with the row of each key; what is not heeded in them is refused."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from graphrec.cli.config.files import load_yaml
from graphrec.cli.config.locations import Entry, read_yaml
from graphrec.cli.shipped import EXPERIMENTS, path_of
from graphrec.errors import InputError
from graphrec.tuning.budget import Budget
from graphrec.tuning.search import Pruning, Sampling
from graphrec.tuning.space import Space, space_of

SPACES = EXPERIMENTS / "spaces"
"""Folder of the spaces that come with graphrec, a file per model."""
METHODS: dict[str, Sampling] = {"grid": "grid", "random": "random", "bayes": "tpe"}
"""Methods of W&B, and how points are drawn here."""
_SWEEP = ("method", "metric", "parameters", "run_cap", "command", "early_terminate")
_OF_WANDB = ("program", "name", "description", "project", "entity")
"""Keys of a sweep file that mean something to a server alone."""


def read_space(file: Path) -> Space:
    """Read a file of a space, which has the one key ``parameters``; a sweep file has it too.

    Raises:
        InputError: If there is no such file, or it says something that is not known.
    """
    entry = _mapping(file, "--space")
    known = ("parameters", *_SWEEP, *_OF_WANDB)
    _check_keys(entry, known, file)
    return _space(entry, file)


def shipped_space(name: str) -> Path | None:
    """Find the space that comes with graphrec for a model; None if there is none."""
    file = SPACES / f"{name}.yaml"
    return file if file.is_file() else None


@dataclass(frozen=True)
class Sweep:
    """What a sweep file says.

    Args:
        name: Of the file.
        space: What is tried.
        sampling: How points are drawn.
        args: Options of the fit that its command names.
        metric: What is watched.
        larger: Whether the largest value is the best.
        trials: The most trials that it says; None for no bound.
        first_rung: Epochs before a trial may be stopped; None where the file stops none.
    """

    name: str
    space: Space
    sampling: Sampling
    args: tuple[str, ...]
    metric: str
    larger: bool
    trials: int | None
    first_rung: int | None

    @property
    def pruning(self) -> Pruning:
        """Which trials are stopped before their end."""
        return "none" if self.first_rung is None else "asha"

    def bounded(self, budget: Budget) -> Budget:
        """Give a budget without a number of trials that of the file, or of its grid.

        Raises:
            InputError: If there is no bound at all.
        """
        if self.sampling == "grid":
            self.space.check_countable()
        trials = budget.trials or self.trials or self.space.size
        if trials is None and budget.seconds is None:
            hint = "give --trials or --budget, or write run_cap into the file"
            raise InputError("this sweep has no end", file=self.space.file, hint=hint)
        return Budget(trials, budget.seconds)


def read_sweep(file: Path) -> Sweep:
    """Read a sweep file of W&B.

    Raises:
        InputError: If there is no such file, or it says something that is not heeded here.
    """
    entry = _mapping(file, "FILE")
    _check_keys(entry, (*_SWEEP, *_OF_WANDB), file)
    said = entry.plain()
    for key in ("method", "metric", "parameters", "command"):
        if key not in said:
            hint = "see docs/how-to/tune.md for a whole sweep file"
            raise InputError(f"a sweep says its {key}", file=file, column=key, hint=hint)
    method = said["method"]
    if method not in METHODS:
        raise _wrong(
            entry, "method", f"there is no method {method!r}", f"known are {', '.join(METHODS)}", file
        )
    metric, larger = _metric(entry, said["metric"], file)
    args, cap = _command(entry, said["command"], file), said.get("run_cap")
    if cap is not None and (type(cap) is not int or cap < 1):
        raise _wrong(entry, "run_cap", f"{cap!r} is no number of trials", "write a whole number from 1", file)
    rung = _first_rung(entry, said.get("early_terminate"), file)
    return Sweep(file.stem, _space(entry, file), METHODS[method], args, metric, larger, cap, rung)


def _mapping(file: Path, option: str) -> Entry:
    if not file.is_file() and (shipped := path_of(str(file))) is not None:
        file = shipped
    if not file.is_file():
        raise InputError("there is no such file", file=file, column=option, hint="check the path")
    if not isinstance(load_yaml(file), dict):
        hint = "write the key `parameters` with a line per setting"
        raise InputError("holds no mapping of keys to values", file=file, hint=hint)
    return read_yaml(file)


def _space(entry: Entry, file: Path) -> Space:
    given = entry.keys.get("parameters")
    if given is None:
        hint = "write the key `parameters` with a line per setting"
        raise InputError("there are no parameters", file=file, column="parameters", hint=hint)
    return space_of(load_yaml(file)["parameters"], file, _rows(given, ""))


def _rows(entry: Entry, above: str) -> dict[str, int]:
    """Find the row of each setting, by its dotted name."""
    found: dict[str, int] = {}
    for key, one in entry.keys.items():
        if set(one.keys) == {"parameters"}:
            found |= _rows(one.keys["parameters"], f"{above}{key}.")
        elif one.row is not None:
            found[f"{above}{key}"] = one.row
    return found


def _check_keys(entry: Entry, known: Sequence[str], file: Path) -> None:
    for key, one in entry.keys.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"
            raise InputError("there is no such key", file=file, row=one.row, column=key, hint=hint)


def _wrong(entry: Entry, key: str, what: str, hint: str, file: Path) -> InputError:
    return InputError(what, file=file, row=entry.keys[key].row, column=key, hint=hint)


def _metric(entry: Entry, said: Any, file: Path) -> tuple[str, bool]:
    """Read the name of what is watched, and whether its largest value is the best; W&B takes the least."""
    goals = ("minimize", "maximize")
    if not isinstance(said, dict) or not isinstance(said.get("name"), str) or set(said) - {"name", "goal"}:
        hint = "write {name: val_ndcg_20, goal: maximize}"
        raise _wrong(entry, "metric", "a metric has a name and a goal", hint, file)
    if (goal := said.get("goal", "minimize")) not in goals:
        raise _wrong(entry, "metric", f"there is no goal {goal!r}", f"write {' or '.join(goals)}", file)
    return said["name"], goal == "maximize"


def _command(entry: Entry, said: Any, file: Path) -> tuple[str, ...]:
    """Read the options of the fit that a command names, between ``fit`` and ``${args}``."""
    words = said if isinstance(said, list) and all(isinstance(word, str) for word in said) else []
    if "fit" not in words or not {"-c", "--config", "-m"} & set(words):
        hint = 'write ["${env}", graphrec, fit, --config, mine.yaml, "${args}"]'
        raise _wrong(entry, "command", "the command is no fit of an experiment", hint, file)
    args = [word for word in words[words.index("fit") + 1 :] if word != "${args}"]
    if unknown := [word for word in args if word.startswith("${")]:
        raise _wrong(
            entry, "command", f"{unknown[0]} has no meaning here", 'end it with "${args}" alone', file
        )
    return tuple(args)


def _first_rung(entry: Entry, said: Any, file: Path) -> int | None:
    """Read from which epoch on trials may be stopped, as W&B's Hyperband says it."""
    if said is None:
        return None
    wanted: Literal["hyperband"] = "hyperband"
    if not isinstance(said, dict) or said.get("type") != wanted or set(said) - {"type", "min_iter"}:
        hint = "write {type: hyperband, min_iter: 6}"
        raise _wrong(entry, "early_terminate", "only hyperband with min_iter is known", hint, file)
    least = said.get("min_iter")
    if type(least) is not int or least < 1:
        raise _wrong(
            entry, "early_terminate", f"min_iter {least!r} is no number of epochs", "give 1 or more", file
        )
    return least
