"""The rate of each pair under a policy, a scenario, budgets and guardrails, with the reason why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.offers.budget.budgets import GroupBudget, UserCap, check_budget
from graphrec.offers.budget.knapsack import allocate
from graphrec.offers.economics import Economics, percent
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.limits.parity import close_gap
from graphrec.offers.limits.rates import (
    Limit,
    Reasons,
    limit_reasons,
    rate_limits,
    spread_cap,
    spread_window,
    tightest,
)
from graphrec.offers.limits.stock import sells_out
from graphrec.offers.pairs import Pairs
from graphrec.offers.policies.base import GreedyROI, LevelPolicy, Policy, RulePolicy
from graphrec.offers.policies.levels import Levels
from graphrec.offers.policies.rules import asked_rates
from graphrec.offers.scenarios import Scenario


@dataclass(frozen=True)
class Rules:
    """What a decision has to obey.

    Args:
        scenario: Objective and eligible pairs.
        economics: Margin and funding.
        guardrails: Allowed rates.
        budget: Upper bound of the total spend, in money; none if missing.
        group_budgets: Budgets of campaigns or categories below it.
        cap: At most so many offers per user.
        parity: Demographic group of each pair (-1 where not known) and the number of users of each; the
            guardrail's `max_parity_gap` holds between them.
    """

    scenario: Scenario
    economics: Economics
    guardrails: Guardrails
    budget: float | None = None
    group_budgets: tuple[GroupBudget, ...] = ()
    cap: UserCap | None = None
    parity: tuple[IntArray, IntArray] | None = None

    def limits(self, pairs: Pairs) -> list[Limit]:
        """The highest rates of the pairs, by guardrail."""
        gone = sells_out(pairs.response.base, pairs.item, pairs.stock)
        return rate_limits(self.guardrails, self.economics, pairs.max_depth, pairs.cooling, gone)


@dataclass(frozen=True)
class Decision:
    """Rates and reasons. Shapes ``[P]``."""

    rate: FloatArray
    reason: Reasons
    budget_price: float = field(default=0.0)


def decide(policy: Policy, pairs: Pairs, rules: Rules, levels: Levels) -> Decision:
    """The rate of every pair under a policy, and why; parity between groups is kept by budgets of theirs."""
    gap = rules.guardrails.max_parity_gap

    def decided(families: tuple[GroupBudget, ...]) -> Decision:
        return _decide(policy, pairs, replace(rules, group_budgets=(*rules.group_budgets, *families)), levels)

    if gap is None or rules.parity is None:
        return decided(())
    return close_gap(
        decided, lambda found: _spend(found.rate, pairs, rules), *rules.parity, gap, rules.budget is not None
    )


def _decide(policy: Policy, pairs: Pairs, rules: Rules, levels: Levels) -> Decision:
    if isinstance(policy, LevelPolicy):
        return best_levels(policy, pairs, rules, levels)
    return rule_rates(policy, pairs, rules, levels)


def best_levels(policy: LevelPolicy, pairs: Pairs, rules: Rules, levels: Levels) -> Decision:
    """Rates with the highest total value of the scenario within the budgets, and the reasons."""
    rates = levels.rates(pairs.price)
    probability = levels.probability(pairs.response, rates)
    price = pairs.price[:, None]
    value = rules.scenario.value(probability, price, rates, rules.economics, pairs.worth[:, None])
    value = value - value[:, :1]
    spend = rules.economics.spend(probability, price, rates)
    limits = levels.shared(rules.limits(pairs))
    eligible = levels.whole(rules.scenario.eligible(pairs.seen))
    allowed = (rates <= tightest(limits)[:, None] + 1e-12) & levels.possible(pairs.price)
    allowed &= eligible[:, None]
    allowed[:, 0] = True
    value, spend, allowed, members = levels.pooled(value, spend, allowed)
    cap, families = levels.pooled_budgets(rules.cap, rules.group_budgets)
    wished = allocate(value, spend).level
    free = allocate(value, spend, None, allowed).level
    if rules.guardrails.max_spread is not None:
        worth = np.where(allowed, value, -np.inf)
        together = levels.kept_together(pairs.item)
        allowed &= spread_window(worth, rates[: len(worth)], together, rules.guardrails.max_spread)
    near = allocate(value, spend, None, allowed).level
    if isinstance(policy, GreedyROI):
        level = best_return(value, spend, allowed, rules.budget, families, cap)
        lam = 0.0
    else:
        found = allocate(value, spend, rules.budget, allowed, families, cap)
        level, lam = found.level, found.budget_price
    gain = value[np.arange(len(level)), level]
    if members is not None:
        level, free, near, wished = level[members], free[members], near[members], wished[members]
        gain = gain[members]
    rows = np.arange(len(level))
    reason = _level_reasons(rates[rows, level], rates[rows, near], rates.shape[1], gain, rules, policy.name)
    spread = "spread: another rate would pay, but too far from the other offers on this item"
    reason = np.where((near != free) & (level == near), spread, reason)
    capped = (rates[rows, wished] > rates[rows, free]) & (level == free)
    reason = limit_reasons(limits, capped, reason)
    return Decision(rates[rows, level], _ineligible(reason, eligible, rules), lam)


def rule_rates(policy: RulePolicy, pairs: Pairs, rules: Rules, levels: Levels) -> Decision:
    """Rates of a rule. Where a budget does not reach, the likeliest buyers are served first."""
    asked, reason = asked_rates(policy, pairs.unit_score, pairs.affinity)
    if np.isnan(asked).any():
        raise ValueError("a policy returned a missing rate")
    limits = levels.shared(rules.limits(pairs))
    eligible = levels.whole(rules.scenario.eligible(pairs.seen))
    highest = tightest(limits)
    reason = limit_reasons(limits, asked > highest, reason)
    capped = np.where(eligible, np.clip(asked, 0.0, highest), 0.0)
    rate = levels.payable(capped, pairs.price)
    if levels.members is not None:
        lowest = "coupon: the lowest rate that the policy asks for in its set, in whole per cent"
        reason = np.where(rate < capped, lowest, reason)
    if rules.guardrails.max_spread is not None:
        together = levels.kept_together(pairs.item)
        together = together if levels.members is None else together[levels.members]
        spread = spread_cap(rate, together, rules.guardrails.max_spread)
        text = f"spread: within {percent(rules.guardrails.max_spread)} of the lowest offer on this item"
        reason = np.where(rate > spread, text, reason)
        rate = levels.payable(np.minimum(rate, spread), pairs.price)
    reason = _ineligible(reason, eligible, rules)
    within = _likeliest(rate, pairs, rules, levels)
    short = f"{_scarce(rules)}: spent on likelier buyers"
    reason = np.where(within | (rate == 0), reason, short)
    return Decision(np.where(within, rate, 0.0), reason)


def _likeliest(rate: FloatArray, pairs: Pairs, rules: Rules, levels: Levels) -> BoolArray:
    """Which offers of a rule are made: likeliest buyers first, a coupon whole or not at all. ``[P]``."""
    spend, base, given = _spend(rate, pairs, rules), pairs.response.base, rate > 0
    cap, families = levels.pooled_budgets(rules.cap, rules.group_budgets)
    if levels.members is not None:
        rows = int(levels.members.max(initial=-1)) + 1
        spend = np.bincount(levels.members, spend, rows).astype(np.float64)
        given = np.bincount(levels.members, given, rows) > 0
        likeliest = np.zeros(rows)
        np.maximum.at(likeliest, levels.members, base)
        base = likeliest
    order = np.argsort(-base, kind="stable")
    within = _within(order, spend, given, rules.budget, families, cap)
    return within if levels.members is None else within[levels.members]


def _spend(rate: FloatArray, pairs: Pairs, rules: Rules) -> FloatArray:
    return rules.economics.spend(pairs.response.probability(rate), pairs.price, rate)


def best_return(
    value: FloatArray,
    spend: FloatArray,
    allowed: BoolArray,
    budget: float | None,
    families: Sequence[GroupBudget],
    cap: UserCap | None,
) -> IntArray:
    """Each pair's level with the most value per spend, the best first while they fit. Shape ``[P]``."""
    useful = allowed & (value > 0) & (spend > 0)
    ratio = np.divide(value, spend, out=np.full_like(value, -np.inf), where=useful)
    level, rows = ratio.argmax(axis=1), np.arange(len(ratio))
    best = ratio[rows, level]
    level = np.where(np.isfinite(best), level, 0)
    order = np.argsort(-best, kind="stable")
    within = _within(order, spend[rows, level], level > 0, budget, families, cap)
    return np.where(within, level, 0)


def _within(
    order: IntArray,
    spend: FloatArray,
    given: BoolArray,
    budget: float | None,
    families: Sequence[GroupBudget],
    cap: UserCap | None,
) -> BoolArray:
    """Which offers are made when one goes down an order until a budget or a user's quota is gone. ``[P]``."""
    kept = given.copy()
    if cap is not None:
        rank = _running(order, kept.astype(np.float64), cap.user)
        most = np.asarray(cap.offers) if isinstance(cap.offers, int) else cap.offers[cap.user]
        kept &= rank <= most
    for family in families:
        running = _running(order, np.where(kept, spend, 0.0), family.group + 1)
        kept &= running <= np.append(np.inf, family.budget)[family.group + 1]
    if budget is not None:
        check_budget(budget)
        kept &= _running(order, np.where(kept, spend, 0.0), np.zeros(len(order), dtype=np.int64)) <= budget
    return kept


def _running(order: IntArray, amount: FloatArray, group: IntArray) -> FloatArray:
    """Sum within each group up to and with each pair, in an order. Shape ``[P]``."""
    sequence = order[np.argsort(group[order], kind="stable")]
    running = np.empty(len(order))
    for part in np.split(sequence, np.flatnonzero(np.diff(group[sequence])) + 1):
        running[part] = np.cumsum(amount[part])
    return running


def _level_reasons(
    rate: FloatArray, free: FloatArray, count: int, gain: FloatArray, rules: Rules, policy: str
) -> Reasons:
    """Why each level was chosen; `free` is the rate that would be chosen without budgets."""
    what = rules.scenario.measure
    best = "best_return" if policy == GreedyROI.name else "best_level"
    none = f"no_level_pays: no level pays at {percent(rules.economics.margin)} margin"
    texts = []
    for now, most, worth in zip(rate.tolist(), free.tolist(), gain.tolist(), strict=True):
        if now == most or (best == "best_return" and now > 0):
            texts.append(f"{best}: best of {count} levels: {worth:+.2g} {what}" if now > 0 else none)
        elif now > 0:
            texts.append(f"{_scarce(rules)}: {worth:+.2g} {what}; {percent(most)} without a budget")
        else:
            texts.append(f"{_scarce(rules)}: {percent(most)} would pay, but other offers do more")
    return np.asarray(texts, dtype=object)


def _scarce(rules: Rules) -> str:
    """What an offer that would pay can fail for."""
    return "user_cap" if rules.budget is None and not rules.group_budgets else "budget"


def _ineligible(reason: Reasons, eligible: BoolArray, rules: Rules) -> Reasons:
    text = f"not_eligible: {rules.scenario.name} is for items the user has "
    text += "bought before" if rules.scenario.pairs == "seen" else "not bought before"
    return np.where(eligible, reason, text)
