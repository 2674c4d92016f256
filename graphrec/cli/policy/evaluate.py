"""Judge policies by a log of decisions, print what came out, write it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np
import pandas as pd

from graphrec.cli.terminal import print_frame
from graphrec.data.tables.read import Table
from graphrec.files import write_text
from graphrec.notices import note
from graphrec.offpolicy.decision_log import LOGGED, DecisionLog, decision_log
from graphrec.offpolicy.judged import Judged, Sorted, judge, sort_people

TITLES = {"dm": "DM", "ips": "IPS", "snips": "SNIPS", "dr": "DR", "switch_dr": "Switch-DR"}
AREAS = {"qini": "Qini", "auuc": "AUUC", "gain_of_all": "all treated"}


def evaluate(table: Table, options: argparse.Namespace) -> pd.DataFrame:
    """Judge what a command line asks for; return the values.

    Raises:
        InputError: If the log cannot be used.
    """
    log = decision_log(table, options.facts, options.policy, options.score, options.randomised)
    _tell(log, table)
    judged = judge(log, options.model, options.seed)
    what = "reward less cost" if log.costs else "reward"
    print_frame(
        values_frame(judged), f"Worth per decision ({what}), 95 % over people, {len(table.frame):,} rows"
    )
    for name, said in judged.gates.items():
        print(f"{name}: {said.reason}")
    found = _sorted(log, options)
    if found:
        print_frame(
            curves_frame(found, log.costs), "What sorting people brings per person, 95 % by bootstrap"
        )
    if options.out is not None:
        _write(log, judged, found, options)
    return judged.values


def _tell(log: DecisionLog, table: Table) -> None:
    """Say what is taken for granted, and what is not looked at."""
    counts = np.bincount(log.decisions.level, minlength=len(log.arms))
    note("arms: " + ", ".join(f"{arm} {count:,}" for arm, count in zip(log.arms, counts, strict=True)))
    if log.decisions.propensity is None:
        note("no propensities: say --randomised if arms were drawn, or give a column propensity")
    if log.spread_evenly:
        note(
            "propensity is of the arm taken; the rest is shared evenly among the others, which only the check"
            " for support reads"
        )
    if not log.facts.shape[1]:
        note("no --facts: the model of the reward is the mean of each arm, and there is no personal policy")


def values_frame(judged: Judged) -> pd.DataFrame:
    """Lay out a row per policy, a column per estimator; a dash where the log cannot answer."""
    rows = {}
    for policy, part in judged.values.groupby("policy", sort=False):
        cells = {}
        for one in part.to_dict("records"):
            interval = f"{one['value']:.4g} [{one['low']:.4g}, {one['high']:.4g}]"
            cells[TITLES.get(one["estimator"], "DM")] = "–" if one["reason"] else interval
        if policy == LOGGED:  # what came of it is known without an estimator
            cells = {"DM": "", "IPS": "", "SNIPS": "", "DR": f"{cells['DM']}", "Switch-DR": ""}
        rows[str(policy)] = cells | {"why not": next((r for r in part["reason"] if r), "")}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy").reset_index()
    return table if (table["why not"] != "").any() else table.drop(columns="why not")


def curves_frame(found: list[Sorted], costs: bool) -> pd.DataFrame:
    """Lay out a row per arm: areas of the curve of the reward, and of the profit where there are costs."""
    rows = []
    for one in found:
        kinds = {"uplift": one.uplift} | ({"profit": one.profit} if costs else {})
        for kind, line in kinds.items():
            cells = {title: _interval(line.figures, key) for key, title in AREAS.items()}
            best = line.table["share"].to_numpy()[line.table["gain"].to_numpy().argmax()]
            rows.append({"arm": one.arm, "curve": kind, **cells, "best share": f"{best:.0%}"})
    return pd.DataFrame(rows)


def _interval(figures: Mapping[str, float], key: str) -> str:
    return f"{figures[key]:.4g} [{figures[f'{key}_low']:.4g}, {figures[f'{key}_high']:.4g}]"


def _sorted(log: DecisionLog, options: argparse.Namespace) -> list[Sorted]:
    """Sort people where there is something to sort by, or say what is missing."""
    control = log.control(options.control)
    lacking = {
        "propensities": log.decisions.propensity is None,
        "--facts or --score": log.score is None and not log.facts.shape[1],
        "--control, for no one arm is called none or control": control is None,
    }
    if missing := [name for name, absent in lacking.items() if absent]:
        note(f"no uplift curve: it needs {missing[0]}")
        return []
    assert control is not None
    return sort_people(log, control, options.model, options.seed)


def _write(log: DecisionLog, judged: Judged, found: list[Sorted], options: argparse.Namespace) -> None:
    from graphrec.cli.policy.page import write_page

    curves = [
        line.table.assign(arm=one.arm, curve=kind)
        for one in found
        for kind, line in (("uplift", one.uplift), ("profit", one.profit))
    ]
    tenths = [one.tenths.assign(arm=one.arm) for one in found if one.tenths is not None]
    tables = {"values": judged.values, "support": judged.support}
    tables |= {"curves": pd.concat(curves)} if curves else {}
    tables |= {"tenths": pd.concat(tenths)} if tenths else {}
    for name, frame in tables.items():
        write_text(options.out / f"{name}.csv", frame.to_csv(index=False))
    print(f"page: {write_page(log, judged, found, options.out)}")
    if options.wandb:
        from graphrec.cli.experiment.tracking.own_run import record

        record(options.wandb, options.out, "policy evaluate", tables)
