"""Analyse an experiment: check it, compare its arms, print, write."""

from __future__ import annotations

import argparse

import pandas as pd

from graphrec.cli.randomised.page import write_page
from graphrec.cli.table_options import reading
from graphrec.cli.terminal import print_frame
from graphrec.data.tables.kinds import ARM
from graphrec.data.tables.read import load_table
from graphrec.errors import InputError, check_at_least, check_between
from graphrec.files import write_text
from graphrec.notices import note
from graphrec.offpolicy.decision_log import arm_names, untreated
from graphrec.offpolicy.randomised.experiment import EVERYBODY, Asked, Found
from graphrec.offpolicy.randomised.experiment import analyse as compared


def analyse(options: argparse.Namespace) -> pd.DataFrame:
    """Compare arms; return a row per arm, measure and segment."""
    if options.wandb and not options.out:
        raise InputError("the run needs a folder", column="--wandb", hint="give --out")
    check_between(0.0001, 0.5, **{"--level": options.level})
    if options.any_time is not None:
        check_at_least(2, **{"--any_time": options.any_time})
    columns, text = reading(options, {"log": "outcomes"})
    table = load_table(options.log, columns, kind="outcomes", text=text)
    control = untreated(sorted(set(arm_names(table.frame[ARM]))), options.control)
    if control is None:
        raise InputError("no one arm is called none or control", column="--control", hint="name it")
    asked = Asked(
        options.measures,
        control,
        options.ratings,
        dict(_pairs(options.before, "--before")),
        options.segments,
        {arm: _share(share) for arm, share in _pairs(options.shares, "--shares")},
        options.level,
        options.any_time,
    )
    found = compared(table, asked)
    _print(found, asked)
    if options.out is not None:
        write_text(options.out / "differences.csv", found.table.to_csv(index=False))
        print(f"page: {write_page(found, asked, options.out)}")
        if options.wandb:
            from graphrec.cli.experiment.tracking.own_run import record

            record(options.wandb, options.out, "experiment analyse", {"differences": found.table})
    return found.table


def _print(found: Found, asked: Asked) -> None:
    people = ", ".join(f"{arm} {count:,}" for arm, count in found.counts.items())
    print(f"people: {people}; p of these against the planned shares: {found.ratio_p:.3g}")
    if found.broken:
        note(
            "the arms do not have the planned shares: people were lost between the draw and the log, and no"
            " difference below can be trusted; find out where"
        )
    for said in found.notes:
        note(said)
    held = f"{1 - asked.level:.0%}" + (" at every look" if asked.any_time else "")
    print_frame(shown(found.table), f"Each arm less {asked.control}, per person; intervals {held}")


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Lay out a row per arm, measure and segment with words for figures."""
    rows = []
    for one in table.to_dict("records"):
        row = {"arm": one["arm"], "measure": one["measure"]}
        row["people"] = EVERYBODY if one["segment"] == EVERYBODY else f"{one['segment']}={one['level']}"
        row["control"] = f"{one['control']:.4g}"
        row["difference"] = f"{one['value']:+.4g} [{one['low']:+.4g}, {one['high']:+.4g}]"
        row["lift"] = f"{one['lift']:+.1%} [{one['lift_low']:+.1%}, {one['lift_high']:+.1%}]"
        row["p, corrected"] = "< 0.001" if one["p_corrected"] < 0.001 else f"{one['p_corrected']:.3f}"
        rows.append(row | {"CUPED": f"−{one['explained']:.0%}" if one["explained"] else ""})
    frame = pd.DataFrame(rows)
    return frame if (frame["CUPED"] != "").any() else frame.drop(columns="CUPED")


def _pairs(given: list[str], column: str) -> list[tuple[str, str]]:
    pairs = [tuple(one.rpartition("=")[::2]) for one in given]
    for (left, right), written in zip(pairs, given, strict=True):
        if not left or not right:
            raise InputError(f"{written!r} is no pair", column=column, hint="write the two with = between")
    return [(str(left), str(right)) for left, right in pairs]


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError as error:
        raise InputError(f"{text!r} is no number", column="--shares", hint="as control=0.5") from error
    if not share > 0:
        raise InputError("must be above 0", column="--shares", hint="as control=0.5")
    return share
