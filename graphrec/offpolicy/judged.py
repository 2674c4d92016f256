"""What policies are worth by a log of decisions, and how well people can be sorted by what an arm adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.offpolicy.decision_log import LOGGED, DecisionLog
from graphrec.offpolicy.estimators import (
    ESTIMATORS,
    PolicyValue,
    as_logged,
    estimate,
    target_of,
)
from graphrec.offpolicy.gate import GateDecision, gate
from graphrec.offpolicy.support import Thresholds
from graphrec.offpolicy.uplift.cross_fit import rewards, uplift
from graphrec.offpolicy.uplift.curves import Curve, Trial, curve, deciles
from graphrec.offpolicy.uplift.encoded import Base

PERSONAL = "personal"
"""The policy that gives each person the arm which is foretold to bring most, by models of other people."""


@dataclass(frozen=True)
class Judged:
    """Values of policies.

    Args:
        values: Columns ``policy``, ``estimator``, ``value``, ``low``, ``high``, ``reason``.
        support: Columns ``policy``, ``effective_sample_size``, ``max_weight``, ``mean_weight``,
            ``unsupported_mass``.
        gates: Whether each policy would replace what was logged, by doubly robust value.
    """

    values: pd.DataFrame
    support: pd.DataFrame
    gates: dict[str, GateDecision]


@dataclass(frozen=True)
class Sorted:
    """How well people are sorted by what an arm adds to doing nothing.

    Args:
        arm: Name of the arm.
        uplift: Curve of the reward.
        profit: Curve of the reward less costs; the same where the log has none.
        tenths: What was foretold beside what happened; nothing where people were sorted by a given score.
    """

    arm: str
    uplift: Curve
    profit: Curve
    tenths: pd.DataFrame | None


def judge(log: DecisionLog, base: Base = "linear", seed: int = 0, limits: Thresholds | None = None) -> Judged:
    """Judge each arm for all, each named policy and, where there are facts, the personal one.

    Args:
        log: Of decisions.
        base: Model of the reward under each arm, cross-fitted over people.
        seed: Of the split.
        limits: When an estimate is refused.
    """
    code = log.decisions.level
    model = rewards(log.facts, log.person, code, log.decisions.reward, base, seed=seed)
    policies = {f"{arm} for all": np.full(len(code), place) for place, arm in enumerate(log.arms)}
    policies |= log.named
    if log.facts.shape[1]:
        policies[PERSONAL] = model.argmax(axis=1)
    logged = as_logged(log.decisions)
    rows, support, gates = [(LOGGED, "mean", logged)], [], {}
    for name, level in policies.items():
        found, seen = estimate(log.decisions, target_of(level, len(log.arms)), model, thresholds=limits)
        rows += [(name, one, found[one]) for one in ESTIMATORS]
        support.append({"policy": name, **vars(seen)})
        gates[name] = gate(found["dr"], logged)
    return Judged(_table(rows), pd.DataFrame(support), gates)


def _table(rows: list[tuple[str, str, PolicyValue]]) -> pd.DataFrame:
    return pd.DataFrame(
        [(policy, name, one.value, one.low, one.high, one.reason) for policy, name, one in rows],
        columns=["policy", "estimator", "value", "low", "high", "reason"],
    )


def sort_people(log: DecisionLog, control: int, base: Base = "linear", seed: int = 0) -> list[Sorted]:
    """Sort people by what each arm adds to the control, and see what it did add.

    Args:
        log: Of decisions with known propensities, and with facts or a score.
        control: Code of the arm without a treatment.
        base: Model of the reward; uplift is the difference of two, cross-fitted over people.
        seed: Of the split, the order of equals and the bootstrap.
    """
    return [_sorted(log, control, place, base, seed) for place in range(len(log.arms)) if place != control]


def _sorted(log: DecisionLog, control: int, place: int, base: Base, seed: int) -> Sorted:
    """Compare one arm with the control, among the rows of the two."""
    assert log.decisions.propensity is not None
    mine = np.isin(log.decisions.level, (control, place))
    treated = log.decisions.level[mine] == place
    chance = log.decisions.propensity[mine]
    chance = chance[:, place] / (chance[:, place] + chance[:, control])
    person = log.person[mine]

    def trial(outcome: FloatArray) -> Trial:
        return Trial(treated, outcome[mine], chance, person)

    net, reward = trial(log.decisions.reward), trial(log.reward)
    if log.score is not None:
        score, tenths = log.score[mine], None
    else:
        facts = log.facts[mine].reset_index(drop=True)
        score = uplift("t", facts, person, treated, net.outcome, chance, base, seed=seed)
        tenths = deciles(score, net, seed=seed)
    return Sorted(log.arms[place], curve(score, reward, seed=seed), curve(score, net, seed=seed), tenths)
