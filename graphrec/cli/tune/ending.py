"""What comes after a search: is the best better than the default, the refit, and the one test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.cli.config.arguments import as_arguments
from graphrec.cli.terminal import print_frame
from graphrec.cli.tune.engine import LOGS, RUNS, Base, Plan, Tuned
from graphrec.cli.tune.progress import in_words
from graphrec.errors import InputError
from graphrec.tuning.budget import clock
from graphrec.tuning.trials import Trial
from graphrec.tuning.workers import Pool

_SURE = 0.05
"""Least p of a lead that may be chance."""
_TESTED = ("ndcg_20", "recall_20")
"""Measures of the test that are printed."""


@dataclass(frozen=True)
class Final:
    """A run that is to be refitted and tested.

    Args:
        name: What it is called.
        run: Folder of its fit.
        value: What was watched, of the fit on all users.
    """

    name: str
    run: str
    value: float


def asked(pool: Pool, out: Path, do: str, **job: Any) -> dict[str, Any]:
    """Let a worker do one thing, with what it prints in a log.

    Raises:
        InputError: If it cannot be done.
    """
    log = out / LOGS / f"{do}.log"
    answer = pool.ask({"do": do, "log": str(log), **job})
    if "died" in answer:
        what = f"the process of `{do}` was ended by the system, as where memory runs out"
        raise InputError(what, file=log, hint="take a machine with more memory")
    if "failed" in answer:
        raise InputError(f"{do}: {answer['failed']}")
    return answer


def fit_whole(base: Base, trial: Trial, name: str, plan: Plan, pool: Pool, monitor: str) -> Final:
    """Fit the settings of a trial to all users, after a search on a share of them."""
    own = f"seed-{trial.seed}"
    where = [f"--run.root={plan.out / RUNS}", f"--run.name={name}", f"--run.id={own}"]
    quiet = ["--trainer.enable_model_summary=false", "--trainer.enable_progress_bar=false"]
    rules = [f"--seed_everything={trial.seed}", f"--run.monitor={monitor}", *quiet]
    args = ["fit", *base.args, *as_arguments(trial.settings), *where, *rules]
    run = str(plan.out / RUNS / name / own)
    answer = asked(pool, plan.out, "fit", args=args, run=run, monitor=monitor)
    return Final(name, run, float(answer["value"]))


def verdict(best: Final, default: Final, plan: Plan, pool: Pool, tuned: Tuned) -> str:
    """Say in a sentence whether the best is better than the default, by more than users let expect."""
    monitor, trials = tuned.looked.monitor, len(tuned.trials)
    told = f"{monitor} {best.value:.4f}, the default {default.value:.4f}"
    found = asked(pool, plan.out, "differ", runs=[best.run, default.run], monitor=monitor)
    if "why" in found:
        return f"{best.name}: {told}; whether that is chance is not known: {found['why']}"
    lead = f"{found['difference']:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}]"
    better = (found["difference"] > 0) == tuned.looked.larger
    sure = better and found["p"] < _SURE
    words = "is better than its default" if sure else "does not beat its default significantly"
    over = f"{found['users']:,} validation users, p {found['p']:.3g}"
    flattered = f"The best of {trials} trials is flattered by the choice"
    return f"{best.name} {words}: {told}, {lead} over {over}. {flattered}; the test is not."


def refit_and_test(final: Final, plan: Plan, pool: Pool, *, test: bool) -> dict[str, float]:
    """Fit again on train and validation, and test once.

    Returns:
        The measures of the test; nothing without one.
    """
    made = asked(pool, plan.out, "refit", run=final.run)
    print(f"refit on train and validation: {made['checkpoint']}", flush=True)
    return tested(made["checkpoint"], plan, pool, test=test)


def tested(checkpoint: str, plan: Plan, pool: Pool, *, test: bool) -> dict[str, float]:
    """Test a checkpoint, or say which command does."""
    if not test:
        print(f"not tested; next: graphrec test --ckpt_path {checkpoint}")
        return {}
    measures = asked(pool, plan.out, "test", checkpoint=checkpoint)["measures"]
    return {key: float(value) for key, value in measures.items() if isinstance(value, int | float)}


def print_test(measures: Mapping[str, float]) -> None:
    """Print the test, once, with its intervals over users."""
    for name in _TESTED:
        for key in [key for key in measures if key.startswith(f"test_{name}_") and f"{key}_low" in measures]:
            low, high = measures[f"{key}_low"], measures[f"{key}_high"]
            print(f"{key} {measures[key]:.4f} [{low:.4f}, {high:.4f}], tested once")


def print_found(found: Any) -> None:
    """Print a row per model: trials, default, best, and why others are not there."""
    rows = []
    for one in found.tuned:
        states = [trial.outcome.state for trial in one.trials]
        default = one.default
        rows.append(
            {
                **{"model": one.model, "trials": len(states), "pruned": states.count("pruned")},
                **{"cut": states.count("cut"), "infeasible": states.count("infeasible")},
                "default": float("nan") if default is None else default.outcome.value,
                **{
                    "best": one.best.outcome.value,
                    "time": clock(one.seconds),
                    "settings": in_words(one.best),
                },
            }
        )
    first = found.tuned[0]
    table = pd.DataFrame(rows).sort_values("best", ascending=not first.looked.larger)
    print_frame(table, f"{first.looked.monitor} on validation")
    for name, why in found.left_out.items():
        print(f"left out: {name}: {why}")
