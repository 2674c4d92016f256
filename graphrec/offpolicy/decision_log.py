"""A log of decisions as people bring it: who got which arm, what came of it, how likely the arm was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.data.tables.columns import check_there
from graphrec.data.tables.kinds import ARM, COST, PROPENSITY, REWARD
from graphrec.data.tables.read import Table
from graphrec.errors import InputError
from graphrec.offpolicy.support import Decisions

LOGGED = "as logged"
MOST_ARMS = 50
NOTHING = ("no", "none", "control", "holdout", "kein", "kontrolle", "无", "对照")
"""Words that an arm without a treatment begins with."""


@dataclass(frozen=True)
class DecisionLog:
    """A log of decisions, coded.

    Args:
        arms: Names, in the order of their codes.
        decisions: Arm, reward less cost, propensities, clusters.
        reward: Before costs. Shape ``[n]``.
        facts: What was known of each person before the decision; no column where nothing is named.
        named: Arm that each other policy would have taken, by its name. Shape ``[n]`` each.
        score: What people are sorted by, highest first, if it is given. Shape ``[n]``.
        costs: Whether the log has costs.
        spread_evenly: Whether the rest of a propensity was shared evenly among the arms not taken.
    """

    arms: tuple[str, ...]
    decisions: Decisions
    reward: FloatArray
    facts: pd.DataFrame
    named: dict[str, IntArray]
    score: FloatArray | None
    costs: bool
    spread_evenly: bool = False

    @property
    def person(self) -> IntArray:
        """Code of each row's person; a person of its own where the log names none. Shape ``[n]``."""
        return np.arange(len(self.reward)) if self.decisions.cluster is None else self.decisions.cluster

    def control(self, asked: str | None) -> int | None:
        """Find the arm without a treatment: as asked for, or by its name; nothing if neither tells.

        Raises:
            InputError: If there is no such arm.
        """
        found = untreated(self.arms, asked)
        return None if found is None else self.arms.index(found)


def untreated(arms: Sequence[str], asked: str | None = None) -> str | None:
    """Find the arm without a treatment: as asked for, or the one whose name says so, or nothing.

    Raises:
        InputError: If there is no arm as asked for.
    """
    if asked is not None:
        if asked not in arms:
            hint = f"the log has {', '.join(arms)}"
            raise InputError(f"there is no arm {asked!r}", column="--control", hint=hint)
        return asked
    rates = [arm for arm in arms if _by_number(arm)[0] == 0.0]
    found = rates or [arm for arm in arms if re.split(r"[\W_]", arm.strip().lower())[0] in NOTHING]
    return found[0] if len(found) == 1 else None


def decision_log(
    table: Table,
    facts: Sequence[str] = (),
    policies: Sequence[str] = (),
    score: str | None = None,
    randomised: bool = False,
) -> DecisionLog:
    """Code a log of decisions.

    Args:
        table: As read, of the kind ``decisions``.
        facts: Columns that were known before the decision. Others are not looked at: what came after it would
            make any model of the reward wrong.
        policies: Columns that name the arm which another policy would have taken.
        score: Column to sort people by.
        randomised: Whether arms were drawn in the shares that the log has.

    Raises:
        InputError: If a column is missing, arms do not fit, or propensities are given twice.
    """
    frame = table.frame
    _check_facts(facts)
    check_there(frame, [*facts, *policies, *([score] if score else [])], "log")
    names = arm_names(frame[ARM])
    arms = tuple(sorted(set(names), key=_by_number))
    if not 2 <= len(arms) <= MOST_ARMS:
        what = f"a log needs 2 to {MOST_ARMS} arms and this one has {len(arms)}"
        raise InputError(what, column=ARM, hint="round rates to levels, or map another column to arm")
    level = pd.Index(arms).get_indexer(pd.Index(names)).astype(np.int64)
    chance, evenly = _propensities(frame, level, arms, randomised)
    reward = frame[REWARD].to_numpy(dtype=np.float64)
    net = reward - frame[COST].to_numpy(dtype=np.float64) if COST in frame else reward
    cluster = pd.factorize(frame[Columns.USER])[0].astype(np.int64) if Columns.USER in frame else None
    return DecisionLog(
        arms=arms,
        decisions=Decisions(level, net, chance, cluster),
        reward=reward,
        facts=frame[list(facts)],
        named={name: _policy(table, name, arms) for name in policies},
        score=None if score is None else _score(table, score),
        costs=COST in frame,
        spread_evenly=evenly,
    )


def _check_facts(facts: Sequence[str]) -> None:
    """Refuse what came with or after the decision: a model of the reward that reads it knows the answer."""
    own = (ARM, REWARD, COST, PROPENSITY, Columns.USER)
    for name in facts:
        if name in own or name.startswith(f"{PROPENSITY}_"):
            hint = "name columns that were known before the decision"
            raise InputError(
                f"{name!r} is of the decision and no fact before it", column="--facts", hint=hint
            )


def arm_names(values: pd.Series) -> list[str]:
    """Write arms as text; 0.10 and 0.1 are one rate."""
    number = pd.api.types.is_numeric_dtype(values)
    return [f"{value:.12g}" if number else str(value) for value in values]


def _by_number(name: str) -> tuple[float, str]:
    """Sort arms that are numbers by size, others by name behind them."""
    try:
        return float(name), ""
    except ValueError:
        return float("inf"), name


def _policy(table: Table, column: str, arms: Sequence[str]) -> IntArray:
    """Code the arm that another policy would have taken."""
    values = table.frame[column]
    missing = np.flatnonzero(values.isna())
    code = pd.Index(arms).get_indexer(pd.Index(arm_names(values))).astype(np.int64)
    wrong = missing if len(missing) else np.flatnonzero(code < 0)
    if len(wrong):
        file, row = table.rows.place(int(wrong[0]))
        what = "names no arm" if len(missing) else f"{values.iloc[wrong[0]]!r} is no arm of the log"
        raise InputError(what, file=file, row=row, column=column, hint=f"the log has {', '.join(arms)}")
    return code


def _score(table: Table, column: str) -> FloatArray:
    values = pd.to_numeric(table.frame[column], errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        file, row = table.rows.place(int(wrong[0]))
        raise InputError("is not a number", file=file, row=row, column=column, hint="give every row a score")
    return values


def _propensities(
    frame: pd.DataFrame, level: IntArray, arms: Sequence[str], randomised: bool
) -> tuple[FloatArray | None, bool]:
    """Fill the table of propensities ``[n, R]``, and tell whether what is left was shared evenly."""
    columns = [f"{PROPENSITY}_{arm}" for arm in arms]
    given = [name for name in (PROPENSITY, *columns) if name in frame]
    if randomised and given:
        hint = "leave --randomised out, or the column: propensity= after --columns"
        raise InputError("the log says how likely each arm was", column=given[0], hint=hint)
    if randomised:
        share = np.bincount(level, minlength=len(arms)) / len(level)
        return np.tile(share, (len(level), 1)), False
    if set(columns) <= set(given):
        return frame[columns].to_numpy(dtype=np.float64), False
    if PROPENSITY not in frame:
        return None, False
    taken = frame[PROPENSITY].to_numpy(dtype=np.float64)
    table = np.tile(((1 - taken) / (len(arms) - 1))[:, None], (1, len(arms)))
    table[np.arange(len(level)), level] = taken
    return table, len(arms) > 2
