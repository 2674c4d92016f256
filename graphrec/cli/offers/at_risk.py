"""``graphrec offers --scenario retention --satisfaction CKPT``: who is foretold to stay away."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.cli.experiment.loading import load_satisfaction
from graphrec.data.interactions import Columns
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.offpolicy.return_visits import HORIZON, weekly_visits

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData

NEEDED = (Columns.WEEK, Columns.QUANTITY, Columns.PRICE, Columns.REGULAR_PRICE)


def risk_of(options: argparse.Namespace, data: RecommenderData, week: int | None) -> FloatArray | None:
    """Foretell how likely each user is not to be satisfied; 0 for those who are not at risk.

    At risk is whoever was less satisfied on the last visit than visits are on average. Where satisfied means
    to return, whoever has not come for longer than it looks ahead has not returned.

    Args:
        options: Of the command, with ``satisfaction``.
        data: Log and split of the ranker.
        week: That is decided for; only earlier ones are looked at.

    Returns:
        Shape ``[U]``; None where a saving does not go with satisfaction, so that trips decide.

    Raises:
        InputError: If the checkpoint is of no satisfaction, or the log has no visits with prices.
    """
    task, theirs = load_satisfaction(options.satisfaction, options.trust)
    line, association = task.fitted()
    if not association.holds:
        note(f"{options.satisfaction} is not used, and users whose trips fall are at risk: {association}")
        return None
    visits = _visits(data, week)
    satisfied = line.probability(visits)
    last = visits.assign(satisfied=satisfied).drop_duplicates(Columns.USER, keep="last")
    end = int(visits[Columns.WEEK].max()) + 1 if week is None else week
    usual, chance = float(satisfied.mean()), last["satisfied"].to_numpy(np.float64)
    if theirs.survey is None:
        chance = np.where(last[Columns.WEEK] < end - HORIZON, 0.0, chance)
    risk = np.zeros(len(data.split.users))
    code = data.split.users.codes(last[Columns.USER])
    risk[code[code >= 0]] = np.where(chance < usual, 1.0 - chance, 0.0)[code >= 0]
    note(
        f"at risk are {int((risk > 0).sum()):,} of {len(risk):,} users, whom {options.satisfaction} foretells"
        f" to be satisfied less than visits on average ({usual:.0%}, {theirs.outcome}): {association}"
    )
    return risk


def _visits(data: RecommenderData, week: int | None) -> pd.DataFrame:
    """Build the visits of the log before a week, by user and in their order.

    Raises:
        InputError: If it has none with prices.
    """
    log = data.source.log
    for name in NEEDED:
        if name not in log:
            hint = "map it in the source's `columns`, or leave --satisfaction out"
            raise InputError("satisfaction is of visits with prices", column=name, hint=hint)
    known = (log[Columns.QUANTITY] > 0) & log[list(NEEDED)].notna().all(axis=1)
    if week is not None:
        known &= log[Columns.WEEK] < week
    if not known.any():
        hint = "leave --satisfaction out"
        raise InputError("no row before the week has prices", column=Columns.PRICE, hint=hint)
    return weekly_visits(log[known].astype({Columns.WEEK: "int64"}))
