"""What callbacks and schedules watch: metrics that exist, in the direction in which they are better."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytorch_lightning import LightningModule, Trainer

from graphrec.capabilities import declares
from graphrec.errors import InputError
from graphrec.notices import warn
from graphrec.training.experiment import experiment_of

_WORDS = {"min": "smaller", "max": "larger"}


@dataclass(frozen=True)
class Watcher:
    """A schedule that is not made yet, and what it will watch."""

    name: str
    monitor: str | None
    mode: str | None

    @classmethod
    def of(cls, schedule: Any, monitor: str) -> Watcher:
        """Read ``class_path`` and ``init_args``; only ReduceLROnPlateau watches something."""
        name, given = schedule["class_path"].rpartition(".")[2], schedule.get("init_args") or {}
        watches = "Plateau" in name
        return cls(name, given.get("monitor", monitor) if watches else None, given.get("mode"))


def check_watched(watchers: Iterable[Any], known: Mapping[str, bool | None]) -> None:
    """Refuse a metric that nothing logs, and warn of one that is watched in the wrong direction.

    Args:
        watchers: Callbacks and schedules; those without ``monitor`` watch nothing.
        known: Names of all metrics of the fit, with whether larger is better.

    Raises:
        InputError: If a metric is not among them.
    """
    for one in watchers:
        name, mode = getattr(one, "monitor", None), getattr(one, "mode", None)
        if not isinstance(name, str):
            continue
        kind = one.name if isinstance(one, Watcher) else type(one).__name__
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
            hint = f"did you mean '{close[0]}'?" if close else f"known are {_listed(list(known))}"
            raise InputError(f"{kind}: no metric is called '{name}'", column=f"{kind}.monitor", hint=hint)
        if mode in _WORDS and known[name] is not None and known[name] != (mode == "max"):
            right = "max" if known[name] else "min"
            what = f"{kind} takes {name} for the better the {_WORDS[mode]}, as its mode is {mode}"
            warn(what, hint=f"give it mode: {right}, unless you mean this")


def check_fit_watched(
    trainer: Trainer, task: LightningModule, data: Any, schedule: Any, monitor: str
) -> None:
    """Refuse what watches a metric that nothing logs, where a task declares that all is known.

    Args:
        trainer: Its callbacks are looked at.
        task: The task.
        data: Its data module.
        schedule: What is named as ``--lr_scheduler``, or None.
        monitor: What the run watches.

    Raises:
        InputError: If a metric is not among those that the task logs.
    """
    known = experiment_of(task).logged(data)
    if known is not None and declares(task, "logs_only_known"):
        named = [] if schedule is None else [Watcher.of(schedule, monitor)]
        check_watched([*trainer.callbacks, *named], known)  # type: ignore[attr-defined]


def _listed(known: Sequence[str]) -> str:
    """List the metrics at the largest K, or all where there is none."""
    ends = {int(end) for name in known if (end := name.rpartition("_")[2]).isdigit()}
    short = [name for name in known if name.endswith(f"_{max(ends)}")] if ends else list(known)
    return ", ".join(dict.fromkeys([*short, known[-1]]))
