"""``graphrec offers --promotion threshold``: spend T, save y, for each household."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.arrays import AnyArray, FloatArray
from graphrec.cli.frames import user_codes
from graphrec.errors import InputError
from graphrec.offers.budget.budgets import GroupBudget
from graphrec.offers.candidates.eligibility import log_weeks
from graphrec.offers.candidates.prices import user_elasticities
from graphrec.offers.households import Baskets
from graphrec.offers.limits.parity import close_gap, user_groups_of
from graphrec.offers.policies.base import GreedyROI, LevelPolicy, NoDiscount, Policy
from graphrec.offers.table import BASKET
from graphrec.offers.thresholds import (
    STRETCH,
    ThresholdChoice,
    ThresholdOptions,
    choose_thresholds,
    threshold_options,
    threshold_table,
)

if TYPE_CHECKING:
    from graphrec.cli.offers.request import Request
    from graphrec.data.module import RecommenderData

NONE = "no_discount: this policy gives none"


def threshold_offers(
    request: Request, data: RecommenderData, week: int | None, groups: pd.Series[Any] | None
) -> pd.DataFrame:
    """The threshold of each household under each policy.

    Args:
        request: The options of the command.
        data: Log and split.
        week: The week that is decided for.
        groups: Demographic group by ``user_id`` where a gap between them is limited.

    Raises:
        InputError: If a policy is a rule for items, or the log has no baskets.
    """
    train = data.split.train
    for policy in request.policies:
        if not isinstance(policy, LevelPolicy | NoDiscount):
            hint = "choose knapsack, or none to compare with"
            raise InputError(f"{policy.name} has no thresholds", column="--policy", hint=hint)
    log = data.source.log
    log = log[data.splitter.parts(log, data.seed) == "train"]
    baskets = Baskets.of(log, train.users, log_weeks(log, "threshold"))
    codes = user_codes(request.users, train.users)
    ids = pd.Series(train.users.ids[codes])
    elasticity = user_elasticities(train).reindex(train.users.ids[codes]).to_numpy(dtype=np.float64)
    options = threshold_options(baskets, codes, elasticity)
    share = f"a share of {STRETCH:g} of the baskets just below a threshold is filled up"
    print(f"Assumed: {share}, more for a user who uses discounts; one basket per offer in four weeks.")
    refused = _refused(request, ids, week)
    name = request.scenario.name
    return pd.concat(
        [
            threshold_table(
                ids.to_numpy(),
                options,
                _chosen(policy, request, options, ids, refused, groups),
                request.economics,
                name,
                policy.name,
                week,
            )
            for policy in request.policies
        ],
        ignore_index=True,
    )


def _refused(request: Request, users: pd.Series[Any], week: int | None) -> AnyArray:
    """Why households may get no offer this time; empty where they may. Shape ``[U]``."""
    frequency, past = request.frequency, request.exposure
    refused = np.full(len(users), "", dtype=object)
    quota = frequency.quota(pd.Index(users), past, week or 0)
    if quota is not None:
        refused[quota < 1] = "user_cap: no offer is left to the household in this window"
    pairs = pd.DataFrame({"user_id": users, "item_id": BASKET})
    refused[frequency.cooling(pairs, past, week or 0)] = "cool_down: a basket was offered too recently"
    return refused


def _chosen(
    policy: Policy,
    request: Request,
    options: ThresholdOptions,
    users: pd.Series[Any],
    refused: AnyArray,
    groups: pd.Series[Any] | None,
) -> ThresholdChoice:
    """What a policy chooses, with a gap between groups that is small enough."""
    if isinstance(policy, NoDiscount):
        refused = np.full(len(users), NONE, dtype=object)
    budget = request.options.budget

    def choose(families: tuple[GroupBudget, ...]) -> ThresholdChoice:
        return choose_thresholds(
            options,
            request.scenario,
            request.economics,
            request.guardrails,
            budget,
            refused=refused,
            families=families,
            by_return=isinstance(policy, GreedyROI),
        )

    gap = request.guardrails.max_parity_gap
    if groups is None or gap is None:
        return choose(())
    spend: Callable[[ThresholdChoice], FloatArray] = lambda found: found.spend  # noqa: E731
    return close_gap(choose, spend, *user_groups_of(users, groups), gap, budget is not None)
