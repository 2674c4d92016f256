"""The rate of every pair under a policy, within all limits and budgets, whoever wrote the policy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphrec.arrays import AnyArray, BoolArray, FloatArray, IntArray
from graphrec.errors import InputError
from graphrec.offers.budget.budgets import Budget, GroupBudget
from graphrec.offers.budget.in_order import affordable
from graphrec.offers.decision import Decision
from graphrec.offers.limits.parity import close_gap
from graphrec.offers.limits.rates import ROUNDING, limit_reasons, spread_cap, tightest
from graphrec.offers.pairs import Pairs
from graphrec.offers.policies.base import Policy
from graphrec.offers.reasons import Reason, chosen


@dataclass(frozen=True)
class Groups:
    """Groups of users between which the guardrail `max_parity_gap` holds.

    Args:
        group: Of each pair's user. Shape ``[P]``.
        users: Number of users of each group. Shape ``[G]``.
    """

    group: IntArray
    users: IntArray


def decide(policy: Policy, pairs: Pairs, budget: Budget, groups: Groups | None = None) -> Decision:
    """Ask a policy for its rates, and keep them within the limits of the pairs and the budget.

    Args:
        policy: How rates are chosen.
        pairs: What may be known of them.
        budget: What the offers may cost together.
        groups: Groups of users, where their mean spend may not differ by more than a gap.

    Raises:
        InputError: If what the policy returns are no rates.
    """
    gap = pairs.guardrails.max_parity_gap

    def decided(families: tuple[GroupBudget, ...]) -> Decision:
        within = budget.beside(families)
        return _kept(_asked(policy, pairs, within), pairs, within)

    if gap is None or groups is None:
        return decided(())

    def spend(found: Decision) -> FloatArray:
        return pairs.spend(found.rate)

    return close_gap(decided, spend, groups.group, groups.users, gap, budget.total is not None)


def _asked(policy: Policy, pairs: Pairs, budget: Budget) -> Decision:
    """Ask the policy, check what it returns, and note what it asked for."""
    found: Any = policy.rates(pairs, budget)
    place = f"policy {policy.name}"
    if type(found) is not Decision:
        hint = "return graphrec.offers.decision.Decision(rate)"
        raise InputError(f"it returned a {type(found).__name__}", column=place, hint=hint)
    rate = np.asarray(found.rate, dtype=np.float64)
    if rate.shape != pairs.price.shape:
        hint = f"return one rate for each of the {len(pairs)} pairs"
        raise InputError(f"it returned rates of shape {list(rate.shape)}", column=place, hint=hint)
    wrong = ~((rate >= 0.0) & (rate < np.inf))
    if wrong.any():
        hint = "a rate is a share of the price: 0 for no offer, 0.1 for 10 % off"
        raise InputError(f"it returned the rate {rate[wrong][0]}", column=place, hint=hint)
    return replace(found, rate=rate, asked=rate if found.asked is None else found.asked)


def _kept(found: Decision, pairs: Pairs, budget: Budget) -> Decision:
    """Keep a decision within all limits, and within the budget by serving the likeliest buyers first."""
    rate, reason = _within_limits(found, pairs)
    if pairs.guardrails.max_spread is not None:
        rate, reason = _within_spread(found, rate, reason, pairs, pairs.guardrails.max_spread)
    reason = chosen(~pairs.eligible, Reason.NOT_ELIGIBLE, reason)
    within = _paid_for(rate, pairs, budget)
    short = Reason.BUDGET_LIKELIER if budget.is_money else Reason.CAP_LIKELIER
    reason = chosen(~within & (rate > 0), short, reason)
    return replace(found, rate=np.where(within, rate, 0.0), reason=reason)


def _within_limits(found: Decision, pairs: Pairs) -> tuple[FloatArray, AnyArray]:
    """Cap the rates at what every limit allows and the promotion can pay, and give the reasons."""
    highest = tightest(pairs.limits)
    reason = limit_reasons(pairs.limits, found.rate > highest + ROUNDING, found.reasons)
    capped = np.where(pairs.eligible, np.minimum(found.rate, highest), 0.0)
    rate = _payable(found, capped, pairs)
    if pairs.levels.members is not None:
        reason = chosen(rate < capped, Reason.COUPON, reason)
    return rate, chosen((rate == 0) & (capped > 0) & (reason == found.reasons), Reason.COIN, reason)


def _within_spread(
    found: Decision, rate: FloatArray, reason: AnyArray, pairs: Pairs, spread: float
) -> tuple[FloatArray, AnyArray]:
    """Lower the rates that lie further than a spread above the lowest on their item."""
    together = pairs.levels.kept_together(pairs.item)
    together = together if pairs.levels.members is None else together[pairs.levels.members]
    highest = spread_cap(rate, together, spread)
    reason = chosen(rate > highest + ROUNDING, Reason.SPREAD, reason)
    return _payable(found, np.minimum(rate, highest), pairs), reason


def _payable(found: Decision, rate: FloatArray, pairs: Pairs) -> FloatArray:
    """Turn rates into what the promotion can give; its own levels it can. Shape ``[P]``."""
    return rate if found.levels else pairs.levels.payable(rate, pairs.price)


def _paid_for(rate: FloatArray, pairs: Pairs, budget: Budget) -> BoolArray:
    """Tell which offers are made: likeliest buyers first, a coupon whole or not at all. Shape ``[P]``."""
    spend, base, given = pairs.spend(rate), pairs.response.base, rate > 0
    members = pairs.levels.members
    if members is not None:
        rows = int(members.max(initial=-1)) + 1
        spend = np.bincount(members, spend, rows).astype(np.float64)
        given = np.bincount(members, given, rows) > 0
        likeliest = np.zeros(rows)
        np.maximum.at(likeliest, members, base)
        base = likeliest
    order = np.argsort(-base, kind="stable")
    within = affordable(order, spend, given, pairs.levels.pooled_budget(budget))
    return within if members is None else within[members]
