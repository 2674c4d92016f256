"""``graphrec policy decide``: who gets which arm of an experiment that is over."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.cli.terminal import print_frame
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import ARM, PROPENSITY
from graphrec.data.tables.read import Table
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.offpolicy.decision_log import DecisionLog, decision_log
from graphrec.offpolicy.estimators import PolicyValue, estimate, target_of
from graphrec.offpolicy.uplift.arms import Foretold, foretell, give
from graphrec.offpolicy.uplift.cross_fit import rewards
from graphrec.offpolicy.uplift.encoded import Base
from graphrec.offpolicy.uplift.learners import Learner
from graphrec.results import write_table


def decide(table: Table, users: Table | None, options: argparse.Namespace) -> pd.DataFrame:
    """Give each person the best arm, print what that comes to, and write it.

    Args:
        table: Log of the experiment.
        users: People to decide for, with the facts; those of the log if missing.
        options: Of the command.

    Raises:
        InputError: If the log or an option cannot be used.
    """
    log = decision_log(table, options.facts, (), None, options.randomised)
    control = _control(log, options.control)
    contact = contact_costs(options.cost, log)
    learner: Learner = options.learner or "dr"
    base: Base = options.model
    known = foretell(log, control, learner, base, contact, seed=options.seed)
    _print_value(log, known, contact, options)
    if users is None:
        last = table.frame.drop_duplicates(Columns.USER, keep="last").index.to_numpy()
        ids = table.frame[Columns.USER].to_numpy()[last]
        found = Foretold(known.arms, known.gain[last], known.spend[last])
    else:
        facts = _facts_of(users, log, options)
        ids = users.frame[Columns.USER].to_numpy()
        found = foretell(log, control, learner, base, contact, facts, options.seed)
    given = give(found, options.budget, options.explore, options.explore_seed or 0)
    rows, names = np.arange(len(ids)), np.asarray(found.arms, dtype=object)
    frame = pd.DataFrame(
        {
            Columns.USER: ids,
            ARM: names[given.arm],
            "planned_arm": names[given.planned],
            "expected_gain": found.gain[rows, given.arm],
            "spend": found.spend[rows, given.arm],
            PROPENSITY: given.propensity,
            "reason": given.reason,
        }
    )
    print_frame(
        _totals(frame, found.arms), "Who gets what, and what that is foretold to bring beyond nothing"
    )
    print(f"{len(frame):,} rows: {write_table(frame, options.out)}")
    return frame


def _control(log: DecisionLog, asked: str | None) -> int:
    found = log.control(asked)
    if found is None:
        what = "no one arm is called none or control, so nothing says what an arm adds"
        raise InputError(what, column="--control", hint=f"name one of {', '.join(log.arms)}")
    if not log.facts.shape[1]:
        hint = "name columns that were known before the decision, as --facts age city"
        raise InputError("nothing tells people apart", column="--facts", hint=hint)
    if log.decisions.cluster is None:
        hint = "map a column to user_id with --columns"
        raise InputError("does not say whom each row is of", column=Columns.USER, hint=hint)
    return found


def contact_costs(given: Sequence[str] | None, log: DecisionLog) -> dict[str, float]:
    """Read ``ARM=MONEY`` pairs.

    Raises:
        InputError: If one has another form or names no arm, or the log has costs of its own.
    """
    found: dict[str, float] = {}
    for text in given or ():
        arm, equals, money = text.rpartition("=")
        try:
            cost = float(money)
        except ValueError:
            cost = math.nan
        if not equals or not math.isfinite(cost) or cost < 0:
            raise InputError(f"{text!r} is no cost", column="--cost", hint="give ARM=MONEY, as sms=0.12")
        if arm not in log.arms or arm in found:
            what = f"{arm!r} is named twice" if arm in found else f"there is no arm {arm!r}"
            raise InputError(what, column="--cost", hint=f"the log has {', '.join(log.arms)}")
        found[arm] = cost
    if found and log.costs:
        hint = "leave --cost out, or the column: cost= after --columns"
        raise InputError("the log says what each decision cost", column="--cost", hint=hint)
    return found


def _facts_of(users: Table, log: DecisionLog, options: argparse.Namespace) -> pd.DataFrame:
    """Take the facts of the people to decide for.

    Raises:
        InputError: If one is missing, or is of numbers there and of text here.
    """
    for name in options.facts:
        if name not in users.frame:
            hint = f"the log has it, and this table has {', '.join(map(str, users.frame))}"
            raise InputError("this fact is missing", file=options.users, column=name, hint=hint)
        here, there = (pd.api.types.is_numeric_dtype(one[name]) for one in (users.frame, log.facts))
        if here != there and users.frame[name].notna().any():
            what = (
                f"is {'a number' if here else 'text'} here and {'a number' if there else 'text'} in the log"
            )
            raise InputError(what, file=options.users, column=name, hint="write it as the log does")
    return users.frame[list(options.facts)]


def _print_value(
    log: DecisionLog, known: Foretold, contact: dict[str, float], options: argparse.Namespace
) -> None:
    """Say what the policy would have brought in the experiment, beside the best arm for all.

    Each person's arm comes from models of other people. A budget is not looked at.
    """
    costs = np.array([contact.get(arm, 0.0) for arm in log.arms])
    log = _after(log, costs)
    model = rewards(log.facts, log.person, log.decisions.level, log.decisions.reward, options.model)
    place = np.array([log.arms.index(arm) for arm in known.arms])
    policies = {f"{arm} for all": np.full(len(model), code) for code, arm in enumerate(log.arms)}
    values = {name: _value(log, level, model) for name, level in policies.items()}
    own = _value(log, place[known.gain.argmax(axis=1)], model)
    best = max(values, key=lambda name: np.nan_to_num(values[name].value, nan=-np.inf))
    told = f"personal {_said(own)}, {best} {_said(values[best])}"
    print(f"In the experiment, per decision after costs, by DR: {told}.")
    if not own.low > values[best].value:
        note(f"the personal arms are not surely better than {best}")


def _after(log: DecisionLog, costs: FloatArray) -> DecisionLog:
    net = log.decisions.reward - costs[log.decisions.level]
    return replace(log, decisions=replace(log.decisions, reward=net))


def _value(log: DecisionLog, level: np.ndarray, model: FloatArray) -> PolicyValue:
    return estimate(log.decisions, target_of(level, len(log.arms)), model, ("dr",))[0]["dr"]


def _said(value: PolicyValue) -> str:
    return value.reason or f"{value.value:.4g} [{value.low:.4g}, {value.high:.4g}]"


def _totals(frame: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    sums = frame.groupby(ARM).agg(people=(ARM, "size"), gain=("expected_gain", "sum"), spend=("spend", "sum"))
    table = sums.reindex(list(arms)).fillna(0.0).reset_index().astype({"people": int})
    return table.assign(**{name: table[name].map("{:,.1f}".format) for name in ("gain", "spend")})
