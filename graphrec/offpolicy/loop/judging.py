"""Whether what was learnt should serve: the new and the serving policy, judged by the decisions of chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import PROPENSITY
from graphrec.offers.budget.knapsack import allocate
from graphrec.offpolicy.estimators import (
    Estimator,
    PolicyValue,
    doubly_robust,
    estimate,
    target_of,
)
from graphrec.offpolicy.gate import GateDecision, gate
from graphrec.offpolicy.loop.foretelling import better, pooled, teach
from graphrec.offpolicy.loop.learned import LearnedResponse
from graphrec.offpolicy.loop.weeks import Week
from graphrec.offpolicy.support import Decisions, Thresholds, refusal, support

FOLDS = 3
SURELY = 3.29
"""Standard errors by which one foretells better: chance gets so far once in a thousand looks."""
JUDGES: tuple[Estimator, ...] = ("snips", "dr")


@dataclass(frozen=True)
class Judgement:
    """What a log of decisions says of two policies.

    Args:
        serving: Level of each decision under the policy that serves. Shape ``[D]``.
        candidate: Under the one that was learnt from other users. Shape ``[D]``.
        values: By policy and estimator, per decision.
        gain: What the candidate brings beyond the other per decision, by DR on the same decisions.
        foretold: How much better weeks were foretold by what was learnt before each, in logloss per decision;
            since the policy serves.
        gate: Whether it goes live.
        price: What a unit of money of the budget counts as; 0 where no budget binds.
        learnt: What all decisions teach: it serves if the gate opens.
    """

    serving: IntArray
    candidate: IntArray
    values: dict[str, dict[Estimator, PolicyValue]]
    gain: PolicyValue
    foretold: tuple[PolicyValue, ...]
    gate: GateDecision
    price: float
    learnt: LearnedResponse


@dataclass(frozen=True)
class Plan:
    """What a learnt response would do in a week.

    Args:
        level: Of each decision. Shape ``[D]``.
        value: What each level is expected to bring to the scenario. Shape ``[D, R]``.
        spend: What it is expected to cost, in money. Shape ``[D, R]``.
        budget_price: What another unit of the budget would bring.
    """

    level: IntArray
    value: FloatArray
    spend: FloatArray
    budget_price: float


def plan(response: LearnedResponse, week: Week) -> Plan:
    """Decide a week as the knapsack with a learnt response would have, within limits and budget."""
    frame, terms, money, kind = week.frame, week.terms, week.money.each_level(), week.kind
    price, worth = (frame[name].to_numpy(np.float64) for name in ("price", "worth"))
    rates = kind.rates(price)
    units = week.horizon * kind.probability(response.response(frame), rates)
    worths = terms.scenario.value(units, price[:, None], rates, money, worth[:, None])
    value, spend, allowed = week.pooled(worths, money.spend(units, price[:, None], rates))
    found = allocate(value - value[:, :1], spend, terms.budget, allowed)
    return Plan(found.level, value, spend, found.budget_price)


def judge(
    weeks: Sequence[Week],
    serving: LearnedResponse | None,
    challenger: LearnedResponse | None = None,
    foretold: Sequence[PolicyValue] = (),
    seed: int = 0,
) -> Judgement:
    """Judge what can be learnt against what serves.

    The candidate's decision on a user comes from what other users taught, by folds. So does the model of the
    reward. Both policies are compared on the same decisions, of which most are the same and cancel. Money of
    a budget counts as what it would bring elsewhere: a policy gains nothing by spending more than planned.

    Args:
        weeks: With the same levels and scenario.
        serving: Of the policy that serves; None before the first promotion, then it is what was planned.
        challenger: What was learnt before the newest week; it is learnt again if missing.
        foretold: How earlier weeks under the same policy were foretold, by `Judgement.foretold`.
        seed: Deals users to folds.
    """
    users = [week.frame[Columns.USER].astype("str") for week in weeks]
    code = pd.factorize(pd.concat(users))[0]
    fold = np.random.default_rng(seed).integers(FOLDS, size=int(code.max()) + 1)[code]
    folds = np.split(fold, np.cumsum([len(one) for one in users])[:-1])
    learnt = teach(weeks)
    price = plan(learnt, weeks[-1]).budget_price
    candidate, model = _cross_fitted(weeks, folds, price)
    current = [week.planned if serving is None else plan(serving, week).level for week in weeks]
    log = Decisions(
        np.concatenate([week.level for week in weeks]),
        np.concatenate([week.reward - price * week.spent for week in weeks]),
        np.concatenate([propensities(week) for week in weeks]),
        pd.factorize(pd.concat([one.iloc[week.first] for one, week in zip(users, weeks, strict=True)]))[0],
    )
    count = len(weeks[-1].terms.levels)
    level = {"serving": np.concatenate(current), "candidate": candidate}
    targets = {name: target_of(one, count) for name, one in level.items()}
    values = {name: estimate(log, target, model, JUDGES)[0] for name, target in targets.items()}
    gain = _gain(log, targets["candidate"], targets["serving"], model)
    newest = better(weeks, serving, challenger)
    foretold = (*foretold, *([] if newest is None else [newest]))
    decision = opened(gain, pooled(foretold), first=serving is None)
    return Judgement(level["serving"], candidate, values, gain, foretold, decision, price, learnt)


def opened(gain: PolicyValue, better: PolicyValue | None, first: bool = False) -> GateDecision:
    """Open the gate for what surely brings more, or surely foretells better and does not surely bring less.

    The value of a policy can be told from the decisions of chance alone, which are few. How well it foretells
    can be told from all. A better response under the same kind of policy is a better policy, unless the value
    surely says otherwise: its sign alone, where it is hardly known, would be a coin toss.

    Args:
        gain: Of the candidate.
        better: How much better it foretells than what serves; None if it cannot be compared so.
        first: Whether another kind of policy served so far. Then its value has to be known.
    """
    found = gate(gain, PolicyValue(0.0, 0.0))
    if found.live or better is None or not better.value > SURELY * better.standard_error:
        return found
    if gain.high < 0.0 or (first and np.isnan(gain.value)):
        return found
    what = f"live: foretells better by {better.value:.4g}, and does not surely bring less"
    return GateDecision(True, what)


def _cross_fitted(
    weeks: Sequence[Week], folds: Sequence[IntArray], price: float
) -> tuple[IntArray, FloatArray]:
    """Let other users' decisions decide for each user. Levels ``[n]`` and expected rewards ``[n, R]``."""
    own = [fold[week.first] for fold, week in zip(folds, weeks, strict=True)]
    level = [np.zeros(len(one), dtype=np.int64) for one in own]
    model = [np.zeros((len(one), len(week.terms.levels))) for one, week in zip(own, weeks, strict=True)]
    for number in np.unique(np.concatenate(own)):
        response = teach(weeks, [np.flatnonzero(fold != number) for fold in folds])
        for place, week in enumerate(weeks):
            mine, found = own[place] == number, plan(response, week)
            level[place][mine] = found.level[mine]
            model[place][mine] = (found.value - price * found.spend)[mine]
    return np.concatenate(level), np.concatenate(model)


def _gain(log: Decisions, candidate: FloatArray, serving: FloatArray, model: FloatArray) -> PolicyValue:
    """Estimate what one policy brings beyond another, refused where the log cannot answer for either.

    Only decisions in which they differ tell them apart, so that support is asked for among these.
    """
    differ = np.flatnonzero((candidate != serving).any(axis=1))
    if not len(differ):
        return PolicyValue(np.nan, np.nan, "it decides as the current one does")
    assert log.propensity is not None
    if len(differ) < 2:
        return PolicyValue(np.nan, np.nan, "a single decision differs")
    part = Decisions(log.level[differ], log.reward[differ], log.propensity[differ])
    for target in (candidate, serving):
        if reason := refusal(support(part, target[differ]), Thresholds()):
            return PolicyValue(np.nan, np.nan, reason)
    return doubly_robust(log, candidate - serving, model)


def propensities(week: Week) -> FloatArray:
    """Lay out how likely each level was: exact for the level taken, nearly so for the others. ``[n, R]``."""
    share, level = week.terms.share, week.level
    nothing = np.zeros((len(week.frame), len(week.terms.levels)))
    allowed = week.pooled(nothing, nothing)[2]
    rows = np.arange(len(level))
    table = share * allowed / allowed.sum(axis=1, keepdims=True)
    table[rows, week.planned] += 1.0 - share
    taken = week.of_decisions(PROPENSITY).astype(np.float64)
    rest = 1.0 - table[rows, level]
    table *= np.divide(1.0 - taken, rest, out=np.zeros(len(level)), where=rest > 1e-12)[:, None]
    table[rows, level] = taken
    return np.asarray(table / table.sum(axis=1, keepdims=True), dtype=np.float64)
