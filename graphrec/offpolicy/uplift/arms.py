"""Who gets which arm: what each is foretold to bring beyond no treatment, and the best within a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.arrays import AnyArray, FloatArray, IntArray
from graphrec.errors import InputError
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.budget.knapsack import allocate
from graphrec.offers.exploration import Exploration, Wheel, without_reserve
from graphrec.offpolicy.decision_log import DecisionLog
from graphrec.offpolicy.uplift.cross_fit import cross_fitted, folds
from graphrec.offpolicy.uplift.encoded import Base, Outcome, encoder, facts_of
from graphrec.offpolicy.uplift.learners import Learner, fit_uplift

FEWEST = 20
"""People that an arm needs before anything is foretold of it."""
BEST, NO_ARM, BUDGET, EXPLORED = "best_arm", "no_arm_pays", "budget", "explored"
"""Why somebody gets an arm, or none."""


@dataclass(frozen=True)
class Foretold:
    """What each arm is foretold to do for each person; the arm without a treatment comes first.

    Args:
        arms: Names. Length ``R``.
        gain: Reward less cost beyond no treatment. Shape ``[n, R]``.
        spend: What the arm costs, 0 without a treatment. Shape ``[n, R]``.
    """

    arms: tuple[str, ...]
    gain: FloatArray
    spend: FloatArray


@dataclass(frozen=True)
class ArmsGiven:
    """Who gets which arm.

    Args:
        arm: Place of the arm. Shape ``[n]``.
        planned: Place of the arm that is best, before chance. Shape ``[n]``.
        propensity: How likely the arm was. Shape ``[n]``.
        reason: Why. Shape ``[n]``.
    """

    arm: IntArray
    planned: IntArray
    propensity: FloatArray
    reason: AnyArray


def foretell(
    log: DecisionLog,
    control: int,
    learner: Learner = "dr",
    base: Base = "linear",
    contact: Mapping[str, float] | None = None,
    others: pd.DataFrame | None = None,
    seed: int = 0,
) -> Foretold:
    """Foretell what each arm brings and costs.

    Args:
        log: Of an experiment with known propensities, and with facts.
        control: Code of the arm without a treatment.
        learner: Of uplift, each arm against no treatment.
        base: Model of outcomes and costs.
        contact: Cost of each contact by arm, where the log has no costs.
        others: Facts of other people. The rows of the log are foretold if missing, each by models of other
            people than its own. Shape ``[m, F]``.
        seed: Of the split and of boosted trees.

    Raises:
        InputError: If an arm has too few people, or the log says not how likely arms were.
    """
    _check(log)
    code = log.decisions.level
    order = [control, *(place for place in range(len(log.arms)) if place != control)]
    arms = tuple(log.arms[place] for place in order)
    each = np.array([(contact or {}).get(name, 0.0) for name in arms])

    def fit(x: FloatArray, rows: IntArray) -> Callable[[FloatArray], FloatArray]:
        return _models(log, x, rows, order, learner, base, seed)

    if others is None:
        found = cross_fitted(log.facts, folds(log.person, code, seed=seed), fit)
    else:
        encode = encoder().fit(facts_of(log.facts))
        x, theirs = (np.asarray(encode.transform(facts_of(one))) for one in (log.facts, others))
        found = fit(x, np.arange(len(code)))(theirs)
    gain, spend = found[..., 0] - each, found[..., 1] + each
    spend[:, 0], gain[:, 0] = 0.0, 0.0
    return Foretold(arms, gain, spend.clip(min=0.0))


def give(
    found: Foretold, budget: float | None = None, explore: float | None = None, seed: int = 0
) -> ArmsGiven:
    """Give each person the best arm, and leave a share of the decisions to chance.

    Args:
        found: What is foretold.
        budget: The most that all arms may cost together, those of chance included.
        explore: Share for which an arm is drawn, all alike; nothing if missing.
        seed: Of the draw.

    Raises:
        InputError: If chance would use up the budget.
    """
    count = len(found.arms)
    wished, everything = found.gain.argmax(axis=1), np.ones_like(found.gain, dtype=np.bool_)
    likely = np.full(found.gain.shape, 1.0 / count)
    within, allowed = Budget(budget), found.gain >= 0.0
    if explore is not None:
        draw = Exploration(explore, seed).draw
        kept = without_reserve(within, within, found.spend, likely, explore).total
    else:
        kept = budget
    plan = allocate(found.gain, found.spend, kept, allowed).level
    reason = np.where(plan > 0, BEST, np.where(wished > 0, BUDGET, NO_ARM)).astype(object)
    reason[(plan > 0) & (plan != wished)] = BUDGET
    if explore is None:
        return ArmsGiven(plan, plan, everything[:, 0].astype(np.float64), reason)
    arm, drawn, propensity = Wheel(found.spend, likely, plan, explore).turn(within, draw)
    return ArmsGiven(arm, plan, propensity, np.where(drawn, EXPLORED, reason))


def _check(log: DecisionLog) -> None:
    if log.decisions.propensity is None:
        hint = "say --randomised if arms were drawn, or give a column propensity"
        raise InputError("does not say how likely each arm was", column="--log", hint=hint)
    code = log.decisions.level
    people = [len(np.unique(log.person[code == place])) for place in range(len(log.arms))]
    if min(people) < FEWEST:
        arm = log.arms[people.index(min(people))]
        what = f"the arm {arm!r} has {min(people)} people, and {FEWEST} are needed"
        raise InputError(what, column="arm", hint="leave its rows out or join it with another arm")


def _models(
    log: DecisionLog,
    x: FloatArray,
    rows: IntArray,
    order: list[int],
    learner: Learner,
    base: Base,
    seed: int,
) -> Callable[[FloatArray], FloatArray]:
    """Fit gain and cost of each arm on some rows; they foretell ``[m, F]`` as ``[m, R, 2]``."""
    assert log.decisions.propensity is not None
    code, chance = log.decisions.level[rows], log.decisions.propensity[rows]
    net, reward = log.decisions.reward[rows], log.reward[rows]
    control, gains, costs = order[0], [], []
    for place in order:
        own = code == place
        costs.append(Outcome(base, seed).fit(x[own], (reward - net)[own]).predict)
        if place == control:
            gains.append(lambda other: np.zeros(len(other)))
            continue
        mine = own | (code == control)
        share = chance[mine, place] / (chance[mine, place] + chance[mine, control])
        gains.append(fit_uplift(learner, x[mine], own[mine], net[mine], share, base, seed))

    def foretold(other: FloatArray) -> FloatArray:
        return np.stack([np.column_stack([one(other) for one in kind]) for kind in (gains, costs)], axis=2)

    return foretold
