"""A sweep from its file to its best point."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from graphrec.cli.experiment.runs.locks import locked
from graphrec.cli.terminal import print_frame
from graphrec.cli.tune.engine import LOGS, WORKER, Base, Plan, Tuned, search
from graphrec.cli.tune.files import Sweep
from graphrec.cli.tune.progress import Lines
from graphrec.cli.tune.record import Recorded
from graphrec.tuning.budget import Budget, clock
from graphrec.tuning.trials import TABLE, short_names, table_of
from graphrec.tuning.workers import Pool

_SHOWN = 10
"""Trials that are printed in the end."""


def run_sweep(
    sweep: Sweep, out: Path, budget: Budget, workers: int, seed: int, args: Sequence[str] = ()
) -> Tuned:
    """Try the points of a sweep.

    Args:
        sweep: What the file says.
        out: Folder to write to.
        budget: What the command line says; its number of trials goes before that of the file.
        workers: Processes that fit.
        seed: Of the points and of every fit.
        args: Further options of every fit.

    Raises:
        InputError: If the folder holds another sweep, or a setting is one that no fit takes.
    """
    bounded = sweep.bounded(budget)
    plan = Plan(
        out, bounded, seed, sweep.sampling, sweep.pruning,
        sweep.metric, sweep.larger, defaults_first=False, first_rung=sweep.first_rung,
    )  # fmt: skip
    base = Base(sweep.name, (*sweep.args, *args))
    print("\n".join([f"{sweep.name}: {plan.budget.told()}", *sweep.space.told()]))
    pool, lines = Pool(WORKER, workers, out / LOGS), Lines(bounded.trials, sweep.larger)
    with locked(out, "search"), lines, pool:
        tuned = search(base, sweep.space, plan, pool, Recorded(lines, out, sweep.larger))
    _print(tuned)
    return tuned


def _print(tuned: Tuned) -> None:
    table = table_of(tuned.trials).drop(columns=["model", "seed", "run", "why"])
    table = table.rename(columns=short_names([one.key for one in tuned.space.settings]))
    table = table.sort_values("value", ascending=not tuned.looked.larger).head(_SHOWN)
    print_frame(table, f"{tuned.looked.monitor}, the best {len(table)} of {len(tuned.trials)} trials")
    infeasible = [one for one in tuned.trials if one.outcome.state == "infeasible"]
    if infeasible:
        print(f"{len(infeasible)} infeasible trials, see the column `why` of {tuned.folder / TABLE}")
    print(f"trials: {tuned.folder / TABLE}, {clock(tuned.seconds)} of fits")
    print(f"best: {tuned.config}; next: graphrec fit -c {tuned.config}")
