"""Judging a new policy by the log of another one, in a market where the truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from graphrec.arrays import FloatArray, IntArray
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.decide import decide
from graphrec.offers.economics import Economics
from graphrec.offers.levels import LEVELS
from graphrec.offers.policies.by_value import Knapsack
from graphrec.offpolicy.estimators import Estimator, PolicyValue, estimate, target_of
from graphrec.offpolicy.market import Market
from graphrec.offpolicy.shop.logistic import Logistic, standardised
from graphrec.offpolicy.shop.policies import WORST_CASE, articles_budget
from graphrec.offpolicy.simulator import SimulatedLog, even_propensities
from graphrec.offpolicy.support import Decisions, Support


def learned_levels(market: Market, log: SimulatedLog, economics: Economics = WORST_CASE) -> IntArray:
    """Choose the level of each pair: the knapsack on a plain model of a log, at the articles' budget.

    Args:
        market: The market.
        log: What the model learns from.
        economics: Margin and funding.

    Returns:
        Indices of levels. Shape ``[P]``.
    """
    pairs = market.pairs(Logistic.fit(market, log).response(), economics)
    return levels_of(decide(Knapsack(), pairs, Budget(articles_budget(market, economics))).rate)


def levels_of(rate: FloatArray) -> IntArray:
    """Find the index of the level that each rate is. Shape ``[P]``."""
    return np.searchsorted(np.asarray(LEVELS), rate - 1e-9).astype(np.int64)


def shallow_propensities(market: Market, deepest: float) -> FloatArray:
    """Spread the random discounts of a shop that never goes deeper than a rate. Shape ``[P, R]``."""
    table = even_propensities(len(market))
    table[:, np.asarray(LEVELS) > deepest] = 0.0
    return np.asarray(table / table.sum(axis=1, keepdims=True))


def estimated_propensities(market: Market, log: SimulatedLog) -> FloatArray:
    """Estimate propensities that nobody wrote down by a logistic regression of the level on the features.

    It is what an analyst can do, and it misses what the features do not say. Shape ``[n, R]``.
    """
    x = standardised(market)[log.pair]
    return np.asarray(LogisticRegression(max_iter=200).fit(x, log.level).predict_proba(x), dtype=np.float64)


def judge(
    market: Market, log: SimulatedLog, level: IntArray, propensity: FloatArray | None, seed: int = 0
) -> tuple[dict[Estimator, PolicyValue], Support]:
    """Estimate the units per decision of a policy with all estimators.

    The model of the reward for one half of the households comes from the other.

    Args:
        market: The market, of which the features are used alone.
        log: Of another policy.
        level: What the new policy gives each pair. Shape ``[P]``.
        propensity: Of the log; None if unknown. Shape ``[n, R]``.
        seed: Of the halves.

    Returns:
        Estimates by name, and the support that they rest on.
    """
    half = np.random.default_rng(seed).integers(2, size=int(market.user.max()) + 1)[market.user[log.pair]]
    predicted = np.empty((len(log), len(LEVELS)))
    for side in (0, 1):
        model = Logistic.fit(market, log.part(np.flatnonzero(half != side)))
        predicted[half == side] = model.table()[log.pair[half == side]]
    decisions = Decisions(log.level, log.bought.astype(float), propensity)
    found, support = estimate(decisions, target_of(level[log.pair], len(LEVELS)), predicted)
    return dict(found), support


def true_value(market: Market, log: SimulatedLog, level: IntArray) -> float:
    """Compute the units per decision that the policy brings on the very visits of the log."""
    return float(market.truth.curve(LEVELS)[log.pair, level[log.pair]].mean())


def naive_value(log: SimulatedLog, level: IntArray) -> float:
    """Average the decisions that happen to be what the policy would do; no estimate of its worth."""
    return float(log.bought[log.level == level[log.pair]].mean())


def answers(market: Market, log: SimulatedLog, level: IntArray, seed: int = 0) -> pd.DataFrame:
    """Put what each estimator says of a policy beside the truth.

    Propensities that were not written down are estimated.

    Args:
        market: The market.
        log: Of another policy.
        level: What the new policy gives each pair. Shape ``[P]``.
        seed: See `judge`.

    Returns:
        A row per estimator, and one for ``naive``, which is none: ``estimator``; ``value``, ``low`` and
        ``high`` (units per decision, 95 %); ``truth``; ``error``; ``covered``, whether the interval holds
        the truth, missing for ``naive``; ``reason`` of a refusal, else empty; and ``ess``, effective
        decisions.
    """
    propensity = log.propensity if log.known else estimated_propensities(market, log)
    found, support = judge(market, log, level, propensity, seed)
    rows = [(str(name), one.value, one.low, one.high, one.reason) for name, one in found.items()]
    rows.append(("naive", naive_value(log, level), np.nan, np.nan, ""))
    table = pd.DataFrame(rows, columns=["estimator", "value", "low", "high", "reason"])
    truth = true_value(market, log, level)
    covered = pd.Series(table["low"].le(truth) & table["high"].ge(truth), dtype="boolean")
    return table.assign(
        truth=truth,
        error=table["value"] - truth,
        covered=covered.mask(table["low"].isna()),
        ess=support.effective_sample_size,
    )
