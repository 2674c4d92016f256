"""``graphrec offers --promotion threshold``: spend T, save y, for each household."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.cli.commands.recommend import user_codes
from graphrec.errors import InputError
from graphrec.offers.eligibility import log_weeks
from graphrec.offers.households import Baskets
from graphrec.offers.policies import LevelPolicy, NoDiscount
from graphrec.offers.shelf_facts import user_elasticities
from graphrec.offers.thresholds import (
    STRETCH,
    choose_thresholds,
    threshold_options,
    threshold_table,
)

if TYPE_CHECKING:
    from graphrec.cli.offering import Request
    from graphrec.data.module import RecommenderData


def threshold_offers(request: Request, data: RecommenderData) -> pd.DataFrame:
    """The threshold of each household under each policy.

    Raises:
        InputError: If a policy is a rule for items, or the log has no baskets.
    """
    train = data.split.train
    for policy in request.policies:
        if not isinstance(policy, LevelPolicy | NoDiscount):
            mend = "choose knapsack, or none to compare with"
            raise InputError(f"{policy.name} has no thresholds", column="--policy", mend=mend)
    log = data.source.log
    log = log[data.splitter.parts(log, data.seed) == "train"]
    baskets = Baskets.of(log, train.users, log_weeks(log, "threshold"))
    codes = user_codes(request.users, train.users)
    elasticity = user_elasticities(train).reindex(train.users.ids[codes]).to_numpy(dtype=np.float64)
    options = threshold_options(baskets, codes, elasticity)
    tables = []
    for policy in request.policies:
        budget = 0.0 if isinstance(policy, NoDiscount) else request.options.budget
        choice = choose_thresholds(options, request.scenario, request.economics, request.guardrails, budget)
        ids, name = train.users.ids[codes], request.scenario.name
        tables.append(threshold_table(ids, options, choice, request.economics, name, policy.name))
    share = f"a share of {STRETCH:g} of the baskets just below a threshold is filled up"
    print(f"Assumed: {share}, more for a user who uses discounts; one basket per offer in four weeks.")
    return pd.concat(tables, ignore_index=True)
