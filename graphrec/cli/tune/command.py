"""A run of ``graphrec tune`` from its options to the test."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from graphrec.cli.experiment.runs.locks import locked
from graphrec.cli.table_options import column_mapping, form_of
from graphrec.cli.trust import TRUST
from graphrec.cli.tune.auto import Auto
from graphrec.cli.tune.bases import Asked, Entry, entry_of, on_a_share
from graphrec.cli.tune.checks import budget_of
from graphrec.cli.tune.ending import (
    Final,
    fit_whole,
    print_found,
    print_test,
    refit_and_test,
    tested,
    verdict,
)
from graphrec.cli.tune.engine import LOGS, WORKER, Base, Plan, Tuned
from graphrec.cli.tune.models import Found, tune_models
from graphrec.cli.tune.page import write_page
from graphrec.cli.tune.progress import Lines
from graphrec.cli.tune.record import Recorded
from graphrec.files import write_text
from graphrec.tuning.budget import Budget, clock
from graphrec.tuning.trials import TABLE
from graphrec.tuning.workers import Pool

_TRIALS = 20
"""Of each model, where neither trials nor a time are given."""
RESULT = "result.json"


def run_tune(options: argparse.Namespace) -> Found:
    """Search as the options say, then refit and test the best.

    Raises:
        InputError: What the user can fix.
    """
    asked = _asked(options)
    names = [] if options.auto else options.models or [options.model]
    entries = [entry_of(name, asked, options.space) for name in names]
    plan = _plan(options, entries)
    begun = time.monotonic()
    pool, lines = Pool(WORKER, options.workers, plan.out / LOGS), Lines(plan.budget.trials)
    told = Recorded(lines, plan.out)
    with locked(plan.out, "search"), lines, pool:
        if options.auto:
            return _auto(Auto(asked, plan, pool, told), options, begun)
        _print_plan(plan, entries, options.subsample)
        found = tune_models(_sampled(entries, options), plan, pool, told)
        print_found(found)
        tuned = found.best
        base = next(base for base, _ in entries if base.name == tuned.model)
        final, said = _judged(tuned, base, plan, pool, options.subsample)
        print(said, flush=True)
        measures = refit_and_test(final, plan, pool, test=not options.no_test)
    _finish(found, plan, said, measures, options, begun)
    return found


def _asked(options: argparse.Namespace) -> Asked:
    columns = column_mapping(options.columns) if options.columns else None
    asked = Asked.of(options.data, options.settings, columns, form_of(options))
    return replace(asked, options=(*asked.options, TRUST)) if options.trust else asked


def _plan(options: argparse.Namespace, entries: list[Entry]) -> Plan:
    budget = budget_of(options.trials, options.budget)
    if budget == Budget():
        budget = Budget(_TRIALS)
    name = "auto" if options.auto else "-".join(base.name for base, _ in entries)
    out = options.out or Path("runs/tune") / name
    return Plan(out, budget, options.seed, pruning=options.pruner)


def _print_plan(plan: Plan, entries: list[Entry], share: float | None) -> None:
    each = plan.budget.share(len(entries)).told()
    many = f" for each of {len(entries)} models" if len(entries) > 1 else ""
    print(f"budget: {plan.budget.told()}" if not many else f"budget: {plan.budget.told()}, {each}{many}")
    for base, space in entries:
        print("\n".join([f"{base.name}: {space.told()[0]} ({space.file})", *space.told()[1:]]))
    if share is not None:
        print(f"subsample: {share:g} of the users; the best and the default are then fitted to all")


def _sampled(entries: list[Entry], options: argparse.Namespace) -> list[Entry]:
    if options.subsample is None:
        return entries
    return [(on_a_share(base, options.subsample, options.seed), space) for base, space in entries]


def _judged(tuned: Tuned, base: Base, plan: Plan, pool: Pool, share: float | None) -> tuple[Final, str]:
    """Choose what is refitted: the best run, after a search on a share a fit of it to all users."""
    best, default, monitor = tuned.best, tuned.default, tuned.looked.monitor
    finals = [Final(tuned.model, one.run, one.outcome.value or 0.0) for one in (best, default or best)]
    if share is not None:
        settings = [(best, "tuned"), *([] if default is None or default == best else [(default, "default")])]
        finals = [
            fit_whole(base, one, f"{tuned.model}-{word}", plan, pool, monitor) for one, word in settings
        ]
    if best == default or default is None or len(finals) < 2:
        return finals[
            0
        ], f"{tuned.model}: no trial is better than the default, {monitor} {finals[0].value:.4f}"
    better = finals[0].value >= finals[1].value if tuned.looked.larger else finals[0].value <= finals[1].value
    said = verdict(finals[0], finals[1], plan, pool, tuned)
    if not better:
        return finals[1], f"{said} On all users the default is better, so it is taken."
    return finals[0], said


def _auto(auto: Auto, options: argparse.Namespace, begun: float) -> Found:
    """Run all phases, and test one checkpoint."""
    found = auto.run()
    print_found(found)
    best, plan, pool = found.best, auto.plan, auto.pool
    final = Final(best.model, best.best.run, best.best.outcome.value or 0.0)
    kept = auto.fuse()
    if kept is None:
        said = f"taken: {best.model} alone"
        print(said, flush=True)
        measures = refit_and_test(final, plan, pool, test=not options.no_test)
    else:
        said = f"taken: the fusion of {len(kept)} models"
        print(said, flush=True)
        measures = tested(auto.fused_refits(kept), plan, pool, test=not options.no_test)
    _finish(found, plan, said, measures, options, begun)
    return found


def _finish(
    found: Found, plan: Plan, said: str, measures: dict[str, float], options: argparse.Namespace, begun: float
) -> None:
    """Write page and result, and say where they are."""
    print_test(measures)
    content: dict[str, Any] = {
        "budget": plan.budget.told(),
        "subsample": options.subsample,
        "verdict": said,
        "models": {one.model: _told(one) for one in found.tuned},
        "left_out": found.left_out,
        "test": measures,
    }
    write_text(plan.out / RESULT, json.dumps(content, indent=1) + "\n")
    page = write_page(found, content, plan.out)
    print(f"trials: {plan.out / TABLE}; page: {page}; best settings: {found.best.config}")
    print(f"took {clock(time.monotonic() - begun)}")


def _told(tuned: Tuned) -> dict[str, Any]:
    best = {"value": tuned.best.outcome.value, "settings": tuned.best.settings, "run": tuned.best.run}
    default = None if tuned.default is None else tuned.default.outcome.value
    return {"default": default, "best": best, "trials": len(tuned.trials), "importance": tuned.importance}
