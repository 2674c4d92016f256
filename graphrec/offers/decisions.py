"""The rate of each pair under a policy, a scenario, a budget and guardrails, with the reason why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrec.offers.allocation import allocate, check_budget
from graphrec.offers.economics import BoolArray, Economics, FloatArray, percent
from graphrec.offers.guardrails import Guardrails
from graphrec.offers.policies import (
    ExpectedProfit,
    LinearRate,
    NoDiscount,
    Uniform,
    linear_rate,
    no_discount,
    uniform,
)
from graphrec.offers.response import ElasticResponse
from graphrec.offers.scenarios import Scenario

Reasons = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """What a decision may know about ``P`` pairs of user and item; every array has shape ``[P]``.

    Args:
        unit_score: Score in [0, 1].
        price: Regular price, money per unit.
        seen: Whether the pair is in the training part.
        response: Response curves.
    """

    unit_score: FloatArray
    price: FloatArray
    seen: BoolArray
    response: ElasticResponse


@dataclass(frozen=True)
class Rules:
    """What a decision has to obey.

    Args:
        scenario: Objective and eligible pairs.
        economics: Margin and funding.
        guardrails: Allowed rates.
        budget: Upper bound of the total spend, in money; none if missing.
    """

    scenario: Scenario
    economics: Economics
    guardrails: Guardrails
    budget: float | None = None


def best_levels(policy: ExpectedProfit, pairs: Pairs, rules: Rules) -> tuple[FloatArray, Reasons]:
    """Rates with the highest total value of the scenario within the budget, and the reasons. ``[P]`` each."""
    rates = np.asarray(policy.levels)
    probability, price = pairs.response.curve(rates), pairs.price[:, None]
    value = rules.scenario.value(probability, price, rates[None, :], rules.economics)
    value -= value[:, :1]
    spend = rules.economics.spend(probability, price, rates[None, :])
    allowed = rules.guardrails.allowed(rates, rules.economics)[None, :]
    allowed = allowed & rules.scenario.eligible(pairs.seen)[:, None]
    free = allocate(value, spend, None, allowed).level
    level = free if rules.budget is None else allocate(value, spend, rules.budget, allowed).level
    reason = _level_reasons(rates, level, free, value, rules)
    return rates[level], _ineligible(reason, pairs, rules)


def rule_rates(
    policy: NoDiscount | Uniform | LinearRate, pairs: Pairs, rules: Rules
) -> tuple[FloatArray, Reasons]:
    """Rates of a policy that follows a rule, and the reasons. ``[P]`` each.

    Where the budget does not reach, the likeliest buyers are served first.
    """
    asked, reason = _asked(policy, pairs)
    rate, capped = rules.guardrails.apply(asked, rules.economics)
    reason = np.where(capped, rules.guardrails.reason(rules.economics), reason)
    rate = np.where(rules.scenario.eligible(pairs.seen), rate, 0.0)
    reason = _ineligible(reason, pairs, rules)
    if rules.budget is not None:
        within = _within_budget(rate, pairs, rules, rules.budget)
        reason = np.where(within, reason, "budget: spent on likelier buyers")
        rate = np.where(within, rate, 0.0)
    return rate, reason


def _asked(policy: NoDiscount | Uniform | LinearRate, pairs: Pairs) -> tuple[FloatArray, Reasons]:
    """What the rule says before any limit."""
    count = len(pairs.price)
    if isinstance(policy, NoDiscount):
        return no_discount(count), _words(["no_discount: this policy gives none"] * count)
    if isinstance(policy, Uniform):
        same = f"uniform: {percent(policy.rate)} for everyone"
        return uniform(count, policy.rate), _words([same] * count)
    text = [f"linear_rate: {policy.slope:g} x score {score:.4f}" for score in pairs.unit_score]
    return linear_rate(pairs.unit_score, policy.slope), _words(text)


def _level_reasons(
    rates: FloatArray, level: IntArray, free: IntArray, value: FloatArray, rules: Rules
) -> Reasons:
    """Why each level was chosen; `free` is what would be chosen without a budget."""
    what = "profit" if rules.scenario.name == "promotion" else f"{rules.scenario.name} value"
    gain = [f"{worth:+.2g} {what}" for worth in value[np.arange(len(level)), level]]
    wish = [f"{percent(rates[most])} would pay" for most in free]
    best = _words([f"best_level: best of {len(rates)} levels: {worth}" for worth in gain])
    none = f"no_level_pays: no level pays at {percent(rules.economics.margin)} margin"
    less = _words(
        [f"budget: {worth}; {most} without a budget" for worth, most in zip(gain, wish, strict=True)]
    )
    spent = _words([f"budget: {most}, but the budget does more elsewhere" for most in wish])
    capped = value.argmax(axis=1) > free
    reason = np.where(free > 0, best, none)
    reason = np.where(capped, rules.guardrails.reason(rules.economics), reason)
    return np.where(level == free, reason, np.where(level > 0, less, spent))


def _ineligible(reason: Reasons, pairs: Pairs, rules: Rules) -> Reasons:
    text = f"not_eligible: {rules.scenario.name} is for items the user has "
    text += "bought before" if rules.scenario.pairs == "seen" else "not bought before"
    return np.where(rules.scenario.eligible(pairs.seen), reason, text)


def _within_budget(rate: FloatArray, pairs: Pairs, rules: Rules, budget: float) -> BoolArray:
    """Which offers are paid for, from the likeliest buyer down, until one no longer fits. Shape ``[P]``."""
    check_budget(budget)
    spend = rules.economics.spend(pairs.response.probability(rate), pairs.price, rate)
    order = np.argsort(-pairs.response.base, kind="stable")
    within = np.empty(len(rate), dtype=np.bool_)
    within[order] = np.cumsum(spend[order]) <= budget
    return np.asarray(within | (spend == 0.0), dtype=np.bool_)


def _words(text: list[str]) -> Reasons:
    return np.asarray(text, dtype=object)
