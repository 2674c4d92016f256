"""How users buy: money and baskets, coupons and discounts, days and hours; and events of users and items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphrec.arrays import AnyFloatArray, FloatArray
from graphrec.data.engine import facts
from graphrec.data.engine.rows import SECONDS, TRIP, USER
from graphrec.data.features.log import LogFacts, log_of, ratio, saved_share
from graphrec.data.interactions import Columns

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_EVENTS = 30
"""Kinds of events with a column of their own, the most frequent first."""


def habits(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Measure money a week, sizes of baskets, and how much of it is bought on discount or with coupons.

    Each column appears with the columns of the log that it needs. A coupon is what lowers the price paid
    below the shelf price, in a log that has both.
    """

    def columns(user: ir.Table) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if log.has(TRIP):
            found["log_rows_per_trip"] = log_of(ratio(user.rows, user.trips))
            if log.has_own(Columns.QUANTITY):
                found["log_units_per_trip"] = log_of(ratio(user.units, user.trips))
        if "spent" in user.columns and (end := log.span.last) is not None:
            found["log_spent_per_week"] = log_of(ratio(user.spent, end - user.first_week + 1.0))
        if "regular_shelf_rows" in user.columns:
            found["discounted_rows"] = user.regular_shelf_rows
        if "shelf_paid_rows" in user.columns:
            found["coupon_share"] = saved_share(user.shelf_paid_before, user.shelf_paid_after)
            found["coupon_rows"] = user.shelf_paid_rows
        return found

    return log.columns(USER, [log.by_user, log.trips], columns)


def times(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Compute the share of the user's rows on each weekday and, where times tell, in each part of the day."""
    if not log.has(SECONDS):
        return {}
    shares = log.coded(facts.shares_of_time(log.rows, USER, log.span.has_hours))
    names = [name for name in shares.columns if name != USER]
    return log.columns(USER, [shares], lambda user: {name: user[name] for name in names})


def events(log: LogFacts, side: str) -> dict[str, AnyFloatArray]:
    """Count the rows of each kind of event, such as views, of each user or item, as logarithms.

    Rows of weight 0 are not in the training part, so they count nowhere.
    """
    if log.all_rows is None or Columns.EVENT not in log.all_rows.columns:
        return {}
    found = log.engine.fetched(log.coded(facts.events(log.all_rows, side)))
    code, rows = (found.column(name).to_numpy() for name in (side, "rows"))
    names, place = np.unique(found.column(Columns.EVENT).to_numpy(zero_copy_only=False), return_inverse=True)
    total = np.bincount(place, weights=rows, minlength=len(names))
    most = sorted(range(len(names)), key=lambda index: (-total[index], names[index]))[:MOST_EVENTS]
    columns: dict[str, AnyFloatArray] = {}
    for index in sorted(most):
        counts: FloatArray = np.zeros(log.users if side == USER else log.items)
        counts[code[place == index]] = rows[place == index]
        columns[f"log_{names[index]}"] = np.log1p(counts)
    return columns
