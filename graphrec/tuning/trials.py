"""What is known of one trial, and the table of all of them: a row per trial, a column per setting."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from graphrec.files import write_atomically

State = Literal["running", "complete", "cut", "pruned", "infeasible"]
"""``cut``: the time was over, and its best epoch so far counts. ``infeasible``: it has no value."""
COUNTED: tuple[State, ...] = ("complete", "cut")
"""States of a trial that may be the best one."""
COLUMNS = ("model", "trial", "state", "value", "epoch", "seconds", "seed")
LAST = ("run", "why")
TABLE = "trials.csv"


@dataclass(frozen=True)
class Outcome:
    """What a fit came to.

    Args:
        state: See `State`.
        value: The best of what was watched; None if there is none.
        epoch: Where it was, from 1; None of what has no epochs.
        seconds: Of the clock, with reading the data and building the model.
        why: Why it is infeasible or was stopped, in a line.
    """

    state: State
    value: float | None = None
    epoch: int | None = None
    seconds: float = 0.0
    why: str = ""


@dataclass(frozen=True)
class Trial:
    """One trial of a search.

    Args:
        model: What is tuned.
        number: From 0 for each model; 0 is the default, where the search begins with it.
        settings: What is set, by key; nothing of the default.
        shown: The value of each key of the space, that of the default where nothing is set.
        seed: Of the fit.
        outcome: What it came to.
        run: Folder of the run.
    """

    model: str
    number: int
    settings: dict[str, Any]
    shown: dict[str, Any]
    seed: int
    outcome: Outcome = field(default_factory=lambda: Outcome("running"))
    run: str = ""

    @property
    def counts(self) -> bool:
        """Whether it may be the best one."""
        return self.outcome.state in COUNTED and self.outcome.value is not None


def best_of(trials: Iterable[Trial], larger: bool) -> Trial | None:
    """Find the best trial, the earlier of two alike; None if none came to an end."""
    counted = sorted((one for one in trials if one.counts), key=lambda one: one.number)
    sign = -1 if larger else 1
    return min(counted, key=lambda one: sign * (one.outcome.value or 0.0), default=None)


def table_of(trials: Sequence[Trial]) -> pd.DataFrame:
    """Lay the trials out, a row each: `COLUMNS`, a column per setting by its dotted key, then `LAST`."""
    keys = list(dict.fromkeys(key for one in trials for key in one.shown))
    rows = [
        {
            **{
                "model": one.model,
                "trial": one.number,
                "state": one.outcome.state,
                "value": one.outcome.value,
            },
            **{"epoch": one.outcome.epoch, "seconds": round(one.outcome.seconds, 2), "seed": one.seed},
            **{key: _cell(value) for key, value in one.shown.items()},
            **{"run": one.run, "why": one.outcome.why},
        }
        for one in trials
    ]
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *keys, *LAST])
    return frame.astype({"epoch": "Int64", "trial": "int64"})


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Name each key by its last part, or by the whole where two would be called the same."""
    last = [key.rpartition(".")[2] for key in keys]
    return {key: name if last.count(name) == 1 else key for key, name in zip(keys, last, strict=True)}


def write_trials(trials: Sequence[Trial], folder: Path) -> Path:
    """Write the table into a folder, whole or not at all."""
    frame = table_of(trials)
    return write_atomically(folder / TABLE, lambda part: frame.to_csv(part, index=False, lineterminator="\n"))


def _cell(value: Any) -> Any:
    """Write what is no number and no text as JSON, such as a list."""
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return value if plain or value is None else json.dumps(value)
