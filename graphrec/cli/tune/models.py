"""Settings of one model or of several at once, each with the same budget."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from graphrec.cli.experiment.runs.locks import locked
from graphrec.cli.tune.bases import Asked, Entry, entry_of
from graphrec.cli.tune.engine import LOGS, WORKER, Plan, Tuned, search
from graphrec.cli.tune.progress import Lines
from graphrec.cli.tune.record import Recorded
from graphrec.errors import InputError
from graphrec.tuning.budget import Budget
from graphrec.tuning.loop import Told
from graphrec.tuning.workers import Pool


@dataclass
class Found:
    """What the searches for some models came to.

    Args:
        tuned: Those that came to something.
        left_out: Why others did not, by name.
    """

    tuned: list[Tuned] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def best(self) -> Tuned:
        """The one with the best value on validation; the first of several alike."""
        larger = self.tuned[0].looked.larger
        values = [one.best.outcome.value or 0.0 for one in self.tuned]
        return self.tuned[values.index(max(values) if larger else min(values))]


def tune_models(entries: Sequence[Entry], plan: Plan, pool: Pool, told: Told) -> Found:
    """Tune some models with equal budgets.

    A model whose default cannot be fitted is left out, unless it is the only one.

    Args:
        entries: The models with their spaces.
        plan: How, with the budget of all of them.
        pool: Who fits.
        told: Who is told of each trial.

    Raises:
        InputError: If nothing could be fitted, or a space has a mistake.
    """
    found, own = Found(), replace(plan, budget=plan.budget.share(len(entries)))
    for base, space in entries:
        try:
            found.tuned.append(search(base, space, own, pool, told))
        except InputError as error:
            if error.file is not None or len(entries) == 1:
                raise
            found.left_out[base.name] = str(error)
    if not found.tuned:
        raise InputError(next(iter(found.left_out.values())))
    return found


def tune_model(
    model: str,
    data: str | Path,
    trials: int,
    out: Path | None = None,
    *,
    seed: int = 0,
    workers: int = 1,
    settings: Sequence[str] = (),
    space: Path | None = None,
) -> Tuned:
    """Find the best settings of one model on the validation part of one data set, by a number of trials.

    It is what ``graphrec tune -m MODEL --data DATA --trials N --no-test`` does, without the printed summary:
    trial 0 is the default, so the result is never worse on validation. The test part is not read. In a folder
    that holds the same search already, only what is missing is fitted.

    Args:
        model: Name of a model, as ``lightgcn``, or a YAML file.
        data: A file, a folder or a YAML file, as of ``graphrec fit --data``.
        trials: How many fits, with that of the default.
        out: Folder of study, runs and table; a temporary one, removed in the end, if missing.
        seed: Of the search and of every fit.
        workers: Processes that fit.
        settings: ``KEY=VALUE`` of every fit, as ``trainer.max_epochs=50``.
        space: File of the space; the one that comes with graphrec if missing.

    Returns:
        The search: ``best.settings`` (dotted key → value, nothing where the default is the best),
        ``best.outcome.value``, ``default``, ``trials`` and ``config``, a YAML file for ``graphrec fit -c``.

    Raises:
        InputError: If there is no such model or data, or the default cannot be fitted.
    """
    entry = entry_of(model, Asked.of(str(data), settings), space)
    with tempfile.TemporaryDirectory() if out is None else nullcontext(str(out)) as folder:
        plan = Plan(Path(folder), Budget(trials), seed)
        pool, lines = Pool(WORKER, workers, plan.out / LOGS), Lines(trials)
        with locked(plan.out, "search"), lines, pool:
            return search(*entry, plan, pool, Recorded(lines, plan.out))
