"""Visits and whether the user came back: the table that the satisfaction proxy is fitted to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.arrays import IntArray
from graphrec.data.interactions import Columns
from graphrec.errors import InputError

HORIZON = 4
"""Weeks within which a user returns, or not."""
LABEL = "return_within_four_weeks"
SATISFIED = "satisfied"
"""Column of an outcome that may be the proxy or what somebody said."""
FEATURES = (
    "relevance",
    "saving",
    "saving_usual",
    "relevance_saving",
    "visits",
    "visits_recent",
    "weeks_away",
    "longest_gap",
    "weeks_known",
    "spend",
    "items",
)
_RECENT = 8
"""Weeks of ``visits_recent``: two months."""


def weekly_visits(log: pd.DataFrame) -> pd.DataFrame:
    """Build a row per user and week with a purchase, with what is known at the end of that week.

    Args:
        log: Purchases with ``user_id``, ``item_id``, ``week``, ``quantity`` and the prices before discounts
            (``regular_price``) and after all of them (``price``), in money per unit.

    Returns:
        ``user_id``, ``week`` and `FEATURES`: ``relevance`` the share of the week's items that the user had
        bought in an earlier week; ``saving`` the share of the full price that was saved; ``saving_usual`` its
        mean over the user's weeks before this one; ``relevance_saving`` the product of the first two; visits
        in all earlier weeks and in the last 8, per week; weeks since the visit before and the longest such
        gap so far; weeks since the first visit; money spent and different items this week, in logarithms.

    Raises:
        InputError: If a column is missing.
    """
    needed = (
        Columns.USER,
        Columns.ITEM,
        Columns.WEEK,
        Columns.QUANTITY,
        Columns.PRICE,
        Columns.REGULAR_PRICE,
    )
    for column in needed:
        if column not in log.columns:
            raise InputError("this column is missing", column=column, hint="visits need weeks and prices")
    visits = _week_sums(log)
    by_user = visits.groupby(Columns.USER)
    first, number = by_user[Columns.WEEK].transform("min"), by_user.cumcount()
    visits["weeks_known"] = visits[Columns.WEEK] - first
    visits["weeks_away"] = by_user[Columns.WEEK].diff().fillna(0)
    visits["longest_gap"] = visits.groupby(Columns.USER)["weeks_away"].cummax()
    visits["visits"] = number / visits["weeks_known"].clip(lower=1)
    visits["visits_recent"] = _visits_before(visits) / visits["weeks_known"].clip(1, _RECENT)
    before = by_user["saving"].cumsum() - visits["saving"]
    visits["saving_usual"] = np.where(number > 0, before / number.clip(lower=1), visits["saving"])
    visits["relevance_saving"] = visits["relevance"] * visits["saving"]
    return visits[[Columns.USER, Columns.WEEK, *FEATURES]]


def label_returns(visits: pd.DataFrame, last_week: int) -> pd.DataFrame:
    """Add whether the user bought again in one of the four weeks after; drop weeks whose answer is not known.

    Args:
        visits: As from `weekly_visits`, with all visits up to `last_week`.
        last_week: Last week of the log that is complete.

    Returns:
        The rows of weeks up to ``last_week - 4`` with the bool column ``return_within_four_weeks``.
    """
    upcoming = visits.groupby(Columns.USER)[Columns.WEEK].shift(-1)
    labelled = visits.assign(**{LABEL: (upcoming - visits[Columns.WEEK]) <= HORIZON})
    return labelled[labelled[Columns.WEEK] <= last_week - HORIZON].reset_index(drop=True)


def with_saving(visits: pd.DataFrame, saving: npt.ArrayLike) -> pd.DataFrame:
    """Change visits as if this share of the full price had been saved. Scalar or ``[V]``."""
    saved = np.broadcast_to(np.asarray(saving, dtype=np.float64), len(visits))
    return visits.assign(saving=saved, relevance_saving=visits["relevance"] * saved)


def _week_sums(log: pd.DataFrame) -> pd.DataFrame:
    user, item, week = Columns.USER, Columns.ITEM, Columns.WEEK
    lines = pd.DataFrame(
        {
            user: log[user],
            item: log[item],
            week: log[week],
            "paid": log[Columns.PRICE] * log[Columns.QUANTITY],
            "full": log[Columns.REGULAR_PRICE] * log[Columns.QUANTITY],
        }
    )
    bought = lines.groupby([user, week, item], as_index=False)[["paid", "full"]].sum()
    bought["known"] = bought.groupby([user, item]).cumcount() > 0  # sorted by week: not the first one
    sums = bought.groupby([user, week], as_index=False).agg(
        paid=("paid", "sum"), full=("full", "sum"), items=(item, "size"), relevance=("known", "mean")
    )
    sums["saving"] = (1 - sums["paid"] / sums["full"].clip(lower=0.01)).clip(0, 1)
    sums["spend"], sums["items"] = np.log1p(sums["paid"]), np.log1p(sums["items"])
    return sums


def _visits_before(visits: pd.DataFrame) -> IntArray:
    """Count the weeks with a visit of the user among the 8 before each row's; rows sorted by both."""
    user = pd.factorize(visits[Columns.USER], sort=True)[0].astype(np.int64)
    week = visits[Columns.WEEK].to_numpy(dtype=np.int64)
    width = int(week.max()) + _RECENT + 1
    key = user * width + week
    first = np.searchsorted(key, user * width + np.maximum(week - _RECENT, 0))
    return np.asarray(np.arange(len(key)) - first, dtype=np.int64)
