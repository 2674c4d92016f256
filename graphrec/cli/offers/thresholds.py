"""``graphrec offers --promotion threshold``: spend T, save y, for each household."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.arrays import AnyArray, FloatArray, IntArray
from graphrec.cli.frames import user_codes
from graphrec.cli.offers.curves.response import learned_elasticities
from graphrec.cli.offers.shelf import chosen_by_rule
from graphrec.data.interactions import Interactions
from graphrec.errors import InputError
from graphrec.offers.budget.budgets import Budget, GroupBudget
from graphrec.offers.candidates.eligibility import everybody, log_weeks
from graphrec.offers.candidates.prices import user_elasticities
from graphrec.offers.decided_week import Decided
from graphrec.offers.economics import Money, PairEconomics, percent
from graphrec.offers.households import Baskets, basket_money
from graphrec.offers.limits.basket_facts import of_baskets
from graphrec.offers.limits.parity import close_gap, user_groups_of
from graphrec.offers.policies.base import Policy
from graphrec.offers.reasons import Reason
from graphrec.offers.table import BASKET
from graphrec.offers.thresholds import (
    STRETCH,
    Choose,
    ThresholdChoice,
    ThresholdOptions,
    choose_thresholds,
    threshold_options,
    threshold_table,
)

if TYPE_CHECKING:
    from graphrec.cli.offers.request import Request
    from graphrec.data.module import RecommenderData
    from graphrec.training import RankedTask


def threshold_offers(
    request: Request,
    task: RankedTask,
    data: RecommenderData,
    decided: Decided,
    groups: pd.Series[Any] | None,
) -> pd.DataFrame:
    """Choose the threshold of each household under each policy.

    Args:
        request: The options of the command.
        task: The ranker.
        data: Log and split.
        decided: The weeks that are decided for.
        groups: Demographic group by ``user_id`` where a gap between them is limited.

    Raises:
        InputError: If a policy is a rule for items, the log has no baskets, or the scenario is for none of
            the households.
    """
    train = data.split.train
    choices = {policy.name: choice_of(policy) for policy in request.policies}
    log = data.source.log
    log = log[data.splitter.parts(log, data.seed) == "train"]
    money = None if request.costs is None else basket_money(log)
    baskets = Baskets.of(log, train.users, log_weeks(log, "threshold"), money)
    codes = _meant(request, task, data)
    request, economics = _of_baskets(request, log, money, train, codes)
    ids = pd.Series(train.users.ids[codes])
    week, weeks = decided.week, decided.horizon or 1
    elasticity, whose = _elasticities(request, data, codes, week)
    savings = (request.scenario.levels or ())[1:]
    options = threshold_options(baskets, codes, elasticity, weeks=weeks, savings=savings)
    share = f"a share of {STRETCH:g} of the baskets just below a threshold is filled up"
    span = "a week" if weeks == 1 else f"{weeks} weeks"
    print(f"Assumed: {share}, more for a user {whose}; one basket per offer in {span}.")
    refused = _refused(request, ids, week)
    return pd.concat(
        [
            threshold_table(
                ids.to_numpy(),
                options,
                _chosen(choose, request, economics, options, ids, refused, groups),
                economics,
                request.scenario,
                name,
                week,
                weeks,
            )
            for name, choose in choices.items()
        ],
        ignore_index=True,
    )


def _of_baskets(
    request: Request, log: pd.DataFrame, money: FloatArray | None, train: Interactions, codes: IntArray
) -> tuple[Request, Money]:
    """Put what the shop knows of its items in the place of what is assumed, basket by basket, and say so."""
    if request.costs is None or money is None:
        return request, request.economics
    each, limits = of_baskets(log, money, train, request.costs, request.economics, request.guardrails)
    mine = [np.asarray(one)[codes] for one in (each.margin, each.funded_share)]
    kept = [np.asarray(one)[codes] for one in (limits.max_rate, limits.min_margin)]
    low, middle, high = (percent(round(float(one), 3)) for one in np.quantile(mine[0], (0.1, 0.5, 0.9)))
    print(
        f"Facts of items hold for a basket as the mean of the household's past ones, by money:"
        f" margin {middle} ({low} to {high} for eight households of ten)."
    )
    guardrails = replace(limits, max_rate=kept[0], min_margin=kept[1])
    return replace(request, guardrails=guardrails), PairEconomics(mine[0], mine[1])


def _meant(request: Request, task: RankedTask, data: RecommenderData) -> IntArray:
    """Find the codes of the households that are asked for and that the scenario is for."""
    train = data.split.train
    codes, rule = user_codes(request.users, train.users), chosen_by_rule(request, task, data)
    eligible = rule or everybody(train)
    eligible = request.lists.narrowed(eligible, train.users, train.items, request.scenario.rule)
    codes = codes[eligible.users[codes]]
    if not len(codes):
        what, hint = "the scenario is for none of these users", "name others, or choose another scenario"
        raise InputError(what, column="--users", hint=hint)
    return codes


def _elasticities(
    request: Request, data: RecommenderData, codes: IntArray, week: int | None
) -> tuple[FloatArray, str]:
    """Find how much each household gives for a discount, learnt or assumed, and say whose is high."""
    train, options = data.split.train, request.options
    if options.response is not None:
        found = learned_elasticities(options.response, train, codes, week, options.trust)
        return found, "who buys more at a discount, as --response learnt"
    assumed = user_elasticities(train).reindex(train.users.ids[codes]).to_numpy(dtype=np.float64)
    return assumed, "who uses discounts"


def choice_of(policy: Policy) -> Choose:
    """Find how a policy chooses among levels of any kind.

    Raises:
        InputError: If it is a rule, which knows rates of items alone.
    """
    choose: Choose | None = getattr(policy, "choose", None)
    if choose is None:
        hint = "choose knapsack, or none to compare with"
        raise InputError(f"{policy.name} has no thresholds", column="--policy", hint=hint)
    return choose


def _refused(request: Request, users: pd.Series[Any], week: int | None) -> AnyArray:
    """Tell why households may get no offer this time; None where they may. Shape ``[U]``."""
    frequency, past = request.frequency, request.exposure
    refused = np.full(len(users), None, dtype=object)
    quota = frequency.quota(pd.Index(users), past, week or 0)
    if quota is not None:
        refused[quota < 1] = Reason.QUOTA
    pairs = pd.DataFrame({"user_id": users, "item_id": BASKET})
    refused[frequency.cooling(pairs, past, week or 0)] = Reason.BASKET_COOL_DOWN
    return refused


def _chosen(
    choose: Choose,
    request: Request,
    economics: Money,
    options: ThresholdOptions,
    users: pd.Series[Any],
    refused: AnyArray,
    groups: pd.Series[Any] | None,
) -> ThresholdChoice:
    """Let a policy choose, with a gap between groups that is small enough."""
    total, guardrails = request.options.budget, request.guardrails

    def chosen(families: tuple[GroupBudget, ...]) -> ThresholdChoice:
        return choose_thresholds(
            options,
            choose,
            request.scenario,
            economics,
            guardrails,
            Budget(total, families),
            refused=refused,
        )

    gap = guardrails.max_parity_gap
    if groups is None or gap is None:
        return chosen(())

    def spend(found: ThresholdChoice) -> FloatArray:
        return found.spend

    return close_gap(chosen, spend, *user_groups_of(users, groups), gap, total is not None)
