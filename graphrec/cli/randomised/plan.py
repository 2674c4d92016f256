"""Plan an experiment: people, power or effect, and who gets what."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.cli.table_options import reading
from graphrec.cli.terminal import print_frame
from graphrec.data.interactions import Columns
from graphrec.data.tables.columns import check_there
from graphrec.data.tables.files import closest
from graphrec.data.tables.kinds import ARM
from graphrec.data.tables.read import Table, load_table
from graphrec.errors import InputError
from graphrec.files import write_text
from graphrec.offpolicy.randomised.assign import assign, new_salt
from graphrec.offpolicy.randomised.size import Measure, Plan, effect_for, people_for, power_of

POWER = 0.8
UNKNOWN = "unknown"
"""Stratum of people whose value is missing."""
CURVE = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
"""Effects that the table of power shows, as multiples of the planned one."""


def plan(options: argparse.Namespace) -> Plan:
    """Find what is missing of people, power and effect, print it, assign people where there are any."""
    columns, text = reading(options, {"past": "users", "users": "users"})
    tables = {
        name: load_table(file, columns, kind="users", text=text)
        for name in ("past", "users") if (file := getattr(options, name)) is not None
    }  # fmt: skip
    measure = _measure(options, tables.get("past"))
    found = _solved(options, measure)
    power = _power(found)
    assigned = _assigned(options, found, tables.get("users"))
    print_frame(_frame(found), "The experiment")
    print_frame(power.assign(power=power["power"].map("{:.0%}".format)), "Power by the true effect")
    if assigned is not None:
        _print_counts(assigned, found)
    if options.out is not None:
        written = {**vars(found), "measure": vars(measure), "treated": found.treated, "people": found.people}
        write_text(options.out / "plan.json", json.dumps(written, indent=1) + "\n")
        write_text(options.out / "power.csv", power.to_csv(index=False))
        if assigned is not None:
            write_text(options.out / "assignment.csv", assigned.to_csv(index=False))
        print(f"written: {options.out}")
    return found


def _measure(options: argparse.Namespace, past: Table | None) -> Measure:
    """Take mean and deviation from the command line or from a table of the past."""
    if (past is None) == (options.baseline is None):
        hint = "give --baseline (and --sd, unless it is a share), or --past FILE --measure COLUMN"
        raise InputError("what is measured is not said, or twice", hint=hint)
    if past is None:
        if options.measure is not None:
            raise InputError("names a column of --past", column="--measure", hint="give that file, too")
        return Measure(options.baseline, options.sd)
    if options.measure is None or options.measure not in past.frame:
        hint = closest(str(options.measure), list(map(str, past.frame.columns)), "--past has")
        raise InputError("names no column of --past", column="--measure", hint=hint)
    values = pd.to_numeric(past.frame[options.measure], errors="coerce").dropna()
    if len(values) < 2 or not np.isfinite(values).all():
        what = "holds fewer than two numbers, or one that is not finite"
        raise InputError(what, file=options.past, column=options.measure)
    if values.isin([0, 1]).all() and options.sd is None:
        return Measure(float(values.mean()))
    return Measure(float(values.mean()), options.sd or float(values.std()))


def _solved(options: argparse.Namespace, measure: Measure) -> Plan:
    effect = _effect(options, measure)
    given = Plan(
        measure,
        effect or 0.0,
        POWER if options.power is None else options.power,
        options.level,
        options.arms,
        options.ratio,
        explained=options.explained,
    )
    if options.people is None:
        if effect is None:
            hint = "give --effect or --lift, or --people"
            raise InputError("neither people nor an effect is given", hint=hint)
        return people_for(given)
    if effect is not None and options.power is not None:
        hint = "leave one out: it follows from the other two"
        raise InputError("people, effect and power are all given", column="--power", hint=hint)
    given = replace(given, control=int(options.people / (1 + options.arms * options.ratio)))
    return effect_for(given) if effect is None else power_of(given)


def _effect(options: argparse.Namespace, measure: Measure) -> float | None:
    if options.effect is not None and options.lift is not None:
        raise InputError("the effect is given twice", column="--lift", hint="leave --effect or --lift out")
    if options.lift is None:
        return None if options.effect is None else float(options.effect)
    number, sign, rest = options.lift.strip().partition("%")
    try:
        lift = float(number) / 100
    except ValueError:
        lift = float("nan")
    if not sign or rest or not math.isfinite(lift):
        raise InputError(f"{options.lift!r} is no lift in per cent", column="--lift", hint="write 10%")
    return lift * measure.mean


def _frame(found: Plan) -> pd.DataFrame:
    shown = {
        "mean without a treatment": f"{found.measure.mean:.6g}",
        "effect": f"{found.effect:.4g} ({found.relative:+.1%})",
        "power": f"{found.power:.1%}",
        "level, over all arms": f"{found.level:g}",
        "people of the control": f"{found.control:,}",
        f"people of each of {found.arms} treated arms" if found.arms > 1 else "people of the treated arm": (
            f"{found.treated:,}"
        ),
        "people together": f"{found.people:,}",
    }
    return pd.DataFrame({"what": list(shown), "value": list(shown.values())})


def _power(found: Plan) -> pd.DataFrame:
    rows = []
    for times in CURVE:
        effect = found.effect * times
        if found.measure.share and not 0 < found.measure.mean + effect < 1:
            continue
        rows.append((effect, effect / found.measure.mean, power_of(replace(found, effect=effect)).power))
    return pd.DataFrame(rows, columns=["effect", "lift", "power"])


def _assigned(options: argparse.Namespace, found: Plan, users: Table | None) -> pd.DataFrame | None:
    """Assign everybody of the table, or nothing where none is given."""
    if users is None:
        for name in ("names", "stratify", "salt"):
            if getattr(options, name):
                raise InputError("needs people to assign", column=f"--{name}", hint="give --users FILE")
        return None
    if options.out is None:
        raise InputError("the assignment needs a folder", column="--users", hint="give --out FOLDER")
    names = options.names or ["control", *_offers(found.arms)]
    if len(set(names)) != found.arms + 1:
        raise InputError(
            f"{found.arms + 1} different names are needed", column="--names", hint="the control first"
        )
    check_there(users.frame, options.stratify, "table", "--users has")
    whole = 1 + found.arms * found.ratio
    shares = dict.fromkeys(names, found.ratio / whole) | {names[0]: 1 / whole}
    strata = (
        users.frame[options.stratify].astype("str").fillna(UNKNOWN).agg(" | ".join, axis=1)
        if options.stratify
        else None
    )
    salt = _salt(Path(options.salt) if options.salt else options.out / "salt")
    arms = assign(users.frame[Columns.USER], shares, salt, strata)
    table = pd.DataFrame({Columns.USER: users.frame[Columns.USER], ARM: arms})
    return table if strata is None else table.assign(stratum=strata)


def _offers(arms: int) -> list[str]:
    return ["offer"] if arms == 1 else [f"offer_{number}" for number in range(1, arms + 1)]


def _print_counts(table: pd.DataFrame, found: Plan) -> None:
    counts = table[ARM].value_counts()
    print("assigned: " + ", ".join(f"{arm} {count:,}" for arm, count in counts.items()))
    if len(table) < found.people:
        print(f"these are {len(table):,} people, and the plan asks for {found.people:,}")


def _salt(file: Path) -> str:
    """Read a salt, or draw one that its owner alone can read."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(new_salt() + "\n", encoding="ascii")
        print(f"salt: {file}, drawn now; keep it, and who gets what can be told again")
    salt = file.read_text(encoding="utf-8").strip()
    if len(salt) < 8:
        raise InputError("is too short for a salt", file=file, hint="remove it, and one is drawn")
    return salt
