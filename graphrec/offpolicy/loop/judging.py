"""Whether what was learnt should serve: the new and the serving policy, judged by the decisions of chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import PROPENSITY, RATE, REWARD
from graphrec.offers.budget.knapsack import allocate
from graphrec.offpolicy.estimators import (
    Estimator,
    PolicyValue,
    as_logged,
    doubly_robust,
    estimate,
    target_of,
)
from graphrec.offpolicy.gate import GateDecision, gate
from graphrec.offpolicy.loop.learned import LearnedResponse
from graphrec.offpolicy.loop.weeks import Week
from graphrec.offpolicy.support import Decisions, Thresholds, refusal, support

FOLDS = 5
JUDGES: tuple[Estimator, ...] = ("snips", "dr")


@dataclass(frozen=True)
class Judgement:
    """What a log of decisions says of two policies.

    Args:
        serving: Level of each decision under the policy that serves. Shape ``[n]``.
        candidate: Under the one that was learnt from other users. Shape ``[n]``.
        values: By policy and estimator, per decision.
        gain: What the candidate brings beyond the other per decision, by DR on the same decisions.
        better: How much better it foretells what is newer than the other, in logloss; None if nothing is.
        gate: Whether it goes live.
        price: What a unit of money of the budget counts as; 0 where no budget binds.
    """

    serving: IntArray
    candidate: IntArray
    values: dict[str, dict[Estimator, PolicyValue]]
    gain: PolicyValue
    better: PolicyValue | None
    gate: GateDecision
    price: float


@dataclass(frozen=True)
class Plan:
    """What a learnt response would do in a week.

    Args:
        level: Of each decision. Shape ``[n]``.
        value: What each level is expected to bring to the scenario. Shape ``[n, R]``.
        spend: What it is expected to cost, in money. Shape ``[n, R]``.
        budget_price: What another unit of the budget would bring.
    """

    level: IntArray
    value: FloatArray
    spend: FloatArray
    budget_price: float


def plan(response: LearnedResponse, week: Week) -> Plan:
    """Decide a week as the knapsack with a learnt response would have, within limits and budget."""
    frame, terms, money = week.frame, week.terms, week.money.each_level()
    price, worth = (frame[name].to_numpy(np.float64)[:, None] for name in ("price", "worth"))
    chance = response.response(frame).curve(terms.grid)
    value = terms.scenario.value(chance, price, terms.grid, money, worth)
    spend = money.spend(chance, price, terms.grid)
    allowed = terms.grid <= frame["highest_rate"].to_numpy(np.float64)[:, None] + 1e-12
    allowed[:, 0] = True
    found = allocate(value - value[:, :1], spend, terms.budget, allowed)
    return Plan(found.level, value, spend, found.budget_price)


def teach(weeks: Sequence[Week], kept: Sequence[np.ndarray] | None = None) -> LearnedResponse:
    """Learn from weeks, or from some rows of each."""
    rows = [np.arange(len(week.frame)) for week in weeks] if kept is None else kept
    frame = pd.concat([week.frame.iloc[own] for week, own in zip(weeks, rows, strict=True)])
    level = np.concatenate([week.level[own] for week, own in zip(weeks, rows, strict=True)])
    return LearnedResponse.fit(frame, -np.log1p(-weeks[-1].terms.grid), level)


def judge(weeks: Sequence[Week], serving: LearnedResponse | None, seed: int = 0) -> Judgement:
    """Judge what can be learnt against what serves.

    The candidate's decision on a user comes from what other users taught, by folds. So does the model of the
    reward. Both policies are compared on the same decisions, of which most are the same and cancel. Money of
    a budget counts as what it would bring elsewhere: a policy gains nothing by spending more than planned.

    Args:
        weeks: With the same levels and scenario.
        serving: Of the policy that serves; None before the first promotion, then it is what was planned.
        seed: Deals users to folds.
    """
    user = pd.factorize(pd.concat([week.frame[Columns.USER] for week in weeks]).astype("str"))[0]
    fold = np.random.default_rng(seed).integers(FOLDS, size=int(user.max()) + 1)[user]
    price = plan(teach(weeks), weeks[-1]).budget_price
    candidate, model, chance = _cross_fitted(weeks, fold, price)
    current = [week.planned if serving is None else plan(serving, week).level for week in weeks]
    log = Decisions(
        np.concatenate([week.level for week in weeks]),
        np.concatenate([week.frame[REWARD].to_numpy(np.float64) - price * week.spent for week in weeks]),
        np.concatenate([propensities(week) for week in weeks]),
        user.astype(np.int64),
    )
    count = len(weeks[-1].terms.levels)
    level = {"serving": np.concatenate(current), "candidate": candidate}
    targets = {name: target_of(one, count) for name, one in level.items()}
    values = {name: estimate(log, target, model, JUDGES)[0] for name, target in targets.items()}
    gain = _gain(log, targets["candidate"], targets["serving"], model)
    better = None if serving is None else _better(weeks, serving, chance, log.cluster)
    return Judgement(level["serving"], candidate, values, gain, better, opened(gain, better), price)


def opened(gain: PolicyValue, better: PolicyValue | None) -> GateDecision:
    """Open the gate for what surely brings more, or for what surely foretells better and costs nothing.

    A policy that has been refreshed decides nearly as before, and its gain is within noise for long. That it
    foretells better can be told much sooner, from all decisions and not only from those of chance.

    Args:
        gain: Of the candidate.
        better: How much better it foretells than another version of the same policy; None if it is another.
    """
    found = gate(gain, PolicyValue(0.0, 0.0))
    if found.live or better is None or not better.low > 0.0 or gain.high < 0.0:
        return found
    what = f"live: foretells better by at least {better.low:.4g}, and nothing says that it brings less"
    return GateDecision(True, what)


def _better(
    weeks: Sequence[Week], serving: LearnedResponse, chance: FloatArray, user: IntArray | None
) -> PolicyValue | None:
    """Compare how both foretell the weeks that neither has learnt from, by logloss per decision."""
    newer = np.concatenate([np.full(len(week.frame), week.number > serving.after) for week in weeks])
    if newer.sum() < 2:
        return None
    bought = np.concatenate([week.frame["bought"].to_numpy(np.bool_) for week in weeks])
    before = np.concatenate([_foretold(serving, week) for week in weeks])
    loss = [-np.log(np.where(bought, one, 1.0 - one).clip(1e-9)) for one in (before, chance)]
    group = None if user is None else user[newer]
    level = np.zeros(int(newer.sum()), dtype=np.int64)
    return as_logged(Decisions(level, (loss[0] - loss[1])[newer], None, group))


def _foretold(response: LearnedResponse, week: Week) -> FloatArray:
    """Foretell the purchases of a week at the rates that were given. Shape ``[n]``."""
    return response.response(week.frame).probability(week.frame[RATE].to_numpy(np.float64))


def _cross_fitted(
    weeks: Sequence[Week], fold: IntArray, price: float
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Let other users' decisions decide for each user.

    Returns:
        Levels ``[n]``, expected rewards ``[n, R]``, and probabilities at the rates that were given ``[n]``.
    """
    folds = np.split(fold, np.cumsum([len(week.frame) for week in weeks])[:-1])
    level = [np.zeros(len(week.frame), dtype=np.int64) for week in weeks]
    model = [np.zeros((len(week.frame), len(week.terms.levels))) for week in weeks]
    chance = [np.zeros(len(week.frame)) for week in weeks]
    for number in np.unique(fold):
        response = teach(weeks, [np.flatnonzero(own != number) for own in folds])
        for place, week in enumerate(weeks):
            mine, found = folds[place] == number, plan(response, week)
            level[place][mine] = found.level[mine]
            model[place][mine] = (found.value - price * found.spend)[mine]
            chance[place][mine] = _foretold(response, week)[mine]
    return np.concatenate(level), np.concatenate(model), np.concatenate(chance)


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
    frame, share, level = week.frame, week.terms.share, week.level
    allowed = week.terms.grid <= frame["highest_rate"].to_numpy(np.float64)[:, None] + 1e-12
    allowed[:, 0] = True
    rows = np.arange(len(frame))
    table = share * allowed / allowed.sum(axis=1, keepdims=True)
    table[rows, week.planned] += 1.0 - share
    taken = frame[PROPENSITY].to_numpy(np.float64)
    rest = 1.0 - table[rows, level]
    table *= np.divide(1.0 - taken, rest, out=np.zeros(len(frame)), where=rest > 1e-12)[:, None]
    table[rows, level] = taken
    return np.asarray(table / table.sum(axis=1, keepdims=True), dtype=np.float64)
