"""Features worked out with numpy over the rows of a log: what the expressions are held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from graphrec.arrays import AnyFloatArray, IntArray
from graphrec.data.features.encoding import Attributes
from graphrec.data.interactions import Columns, Interactions


@dataclass(frozen=True)
class LogFacts:
    """Columns of the training log as arrays of shape ``[rows]``; what the log lacks is None.

    Args:
        user: Codes.
        item: Codes.
        users: Number of users.
        items: Number of items.
        week: Week of each row, NaN where unknown; from the timestamp where there is no ``week``.
        trip: Code of the visit to the shop: the basket, or else the user's week; a user's rows without a
            basket count as one trip.
        quantity: Units, 1 where unknown.
        price: Paid per unit.
        regular_price: Per unit, before any discount.
        shelf_price: Per unit, after the shop's discount; the price paid where the log has none.
        rating: Rating.
    """

    user: IntArray
    item: IntArray
    users: int
    items: int
    week: AnyFloatArray | None
    trip: IntArray | None
    quantity: AnyFloatArray
    price: AnyFloatArray | None
    regular_price: AnyFloatArray | None
    shelf_price: AnyFloatArray | None
    rating: AnyFloatArray | None

    @classmethod
    def of(cls, train: Interactions) -> LogFacts:
        """Read the columns that the log has."""
        frame = train.frame
        user = frame[Columns.USER_CODE].to_numpy(dtype=np.int64)
        week = _weeks(frame)
        quantity = _number(frame, Columns.QUANTITY)
        price, shelf_price = _number(frame, Columns.PRICE), _number(frame, Columns.SHELF_PRICE)
        return cls(
            user=user,
            item=frame[Columns.ITEM_CODE].to_numpy(dtype=np.int64),
            users=len(train.users),
            items=len(train.items),
            week=week,
            trip=_trips(frame, user, week),
            quantity=np.ones(len(frame)) if quantity is None else np.nan_to_num(quantity, nan=1.0),
            price=price,
            regular_price=_number(frame, Columns.REGULAR_PRICE),
            shelf_price=price if shelf_price is None else shelf_price,
            rating=_number(frame, Columns.RATING),
        )

    def counts(self) -> sparse.csr_matrix:
        """Count the rows of each user and item. Sparse, shape ``[U, I]``."""
        ones = np.ones(len(self.user))
        return sparse.csr_matrix((ones, (self.user, self.item)), shape=(self.users, self.items))

    def saved_share(self, code: IntArray, n: int) -> AnyFloatArray | None:
        """Compute the share of regular value that the shop's discounts took off, in 0..1. Shape ``[n]``.

        1 − Σ shelf·quantity / Σ regular·quantity over the rows that know both prices.
        """
        if self.regular_price is None or self.shelf_price is None:
            return None
        known = np.isfinite(self.regular_price) & np.isfinite(self.shelf_price)
        regular = sum_by(code[known], n, (self.regular_price * self.quantity)[known])
        shelf = sum_by(code[known], n, (self.shelf_price * self.quantity)[known])
        share: AnyFloatArray = np.clip(1.0 - ratio(shelf, regular), 0.0, 1.0)
        return share


def sum_by(code: IntArray, n: int, values: AnyFloatArray | None = None) -> AnyFloatArray:
    """Add up the known values, or count the rows, of each code. Shape ``[n]``."""
    weights = None if values is None else np.nan_to_num(values, nan=0.0)
    return np.bincount(code, weights=weights, minlength=n).astype(np.float64)


def mean_by(code: IntArray, n: int, values: AnyFloatArray) -> AnyFloatArray:
    """Average the known values of each code, NaN where there is none. Shape ``[n]``."""
    known = np.isfinite(values)
    return ratio(sum_by(code[known], n, values[known]), sum_by(code[known], n))


def distinct_by(code: IntArray, n: int, *others: AnyFloatArray | IntArray) -> AnyFloatArray:
    """Count the distinct combinations of the other columns of each code. Shape ``[n]``."""
    key = code
    for other in others:
        levels, found = pd.factorize(other)  # −1 where missing: such rows are not counted
        key = np.where((key < 0) | (levels < 0), -1, key * max(len(found), 1) + levels)
    first = ~pd.Series(key).duplicated().to_numpy() & (key >= 0)
    return np.bincount(code[first], minlength=n).astype(np.float64)


def first_and_last(code: IntArray, n: int, values: AnyFloatArray) -> tuple[AnyFloatArray, AnyFloatArray]:
    """Find the smallest and greatest known value of each code, NaN where there is none. Shapes ``[n]``."""
    groups = pd.Series(values).groupby(code)
    every = range(n)
    return groups.min().reindex(every).to_numpy(dtype=float), groups.max().reindex(every).to_numpy(float)


def ratio(numerator: AnyFloatArray, denominator: AnyFloatArray) -> AnyFloatArray:
    """Divide, with NaN where the denominator is 0."""
    empty: AnyFloatArray = np.full(len(numerator), np.nan)
    return np.divide(numerator, denominator, out=empty, where=denominator != 0)


def log_of(values: AnyFloatArray) -> AnyFloatArray:
    """Compute log(1 + value): counts and money are skewed; below 0 counts as 0."""
    logarithm: AnyFloatArray = np.log1p(np.maximum(values, 0.0))
    return logarithm


def _number(frame: pd.DataFrame, column: str) -> AnyFloatArray | None:
    if column not in frame:
        return None
    values: AnyFloatArray = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _weeks(frame: pd.DataFrame) -> AnyFloatArray | None:
    if Columns.WEEK in frame:
        return _number(frame, Columns.WEEK)
    if Columns.TIMESTAMP not in frame:
        return None
    time = frame[Columns.TIMESTAMP]
    if not pd.api.types.is_datetime64_any_dtype(time):
        time = pd.to_datetime(time, unit="s")
    # counted back from the end of training, so that week 0 is its last seven days
    back = ((time.max() - time) / pd.Timedelta(weeks=1)).to_numpy(dtype=np.float64)
    weeks: AnyFloatArray = 0.0 - np.floor(back)
    return weeks


def _trips(frame: pd.DataFrame, user: IntArray, week: AnyFloatArray | None) -> IntArray | None:
    if Columns.BASKET in frame:
        codes: Any = pd.factorize(frame[Columns.BASKET])[0]
    elif week is not None:
        codes = pd.MultiIndex.from_arrays([user, week]).factorize()[0]
    else:
        return None
    return np.asarray(codes, dtype=np.int64)


def interest(log: LogFacts, items: Attributes) -> dict[str, AnyFloatArray]:
    """Compute the share of the user's interactions on each level of each item attribute, in 0..1."""
    counts = log.counts()
    rows = np.asarray(counts.sum(axis=1)).ravel()
    share = sparse.diags(1.0 / np.maximum(rows, 1.0)) @ counts @ items.member
    return dict(zip(items.levels, share.toarray().T, strict=True))


def behaviour(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Measure how much, often, dear, discounted, faithfully and lately the user buys.

    The first four need nothing but users and items; the rest appear with the columns that they need.
    """
    count, distinct = sum_by(log.user, log.users), distinct_by(log.user, log.users, log.item)
    buyers = distinct_by(log.item, log.items, log.user)
    columns = {
        "log_interactions": log_of(count),
        "log_items": log_of(distinct),
        "repeat_share": 1.0 - ratio(distinct, count),
        "mean_log_item_buyers": mean_by(log.user, log.users, log_of(buyers)[log.item]),
    }
    return columns | _rhythm(log) | _money(log)


def purchase_frequency(log: LogFacts) -> AnyFloatArray:
    """Count interactions per week in which the user bought at all; all of them if the log has no weeks."""
    count = sum_by(log.user, log.users)
    if log.week is None:
        return count
    return ratio(count, distinct_by(log.user, log.users, log.week))


def _rhythm(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Count trips per week since the first purchase, and weeks from the last one to the end of training."""
    if log.week is None or log.trip is None or not np.isfinite(log.week).any():
        return {}
    first, last = first_and_last(log.user, log.users, log.week)
    end = float(np.nanmax(log.week))
    trips = distinct_by(log.user, log.users, log.trip)
    return {"trips_per_week": ratio(trips, end - first + 1.0), "weeks_since_last": end - last}


def _money(log: LogFacts) -> dict[str, AnyFloatArray]:
    columns: dict[str, AnyFloatArray] = {}
    if log.price is not None:
        columns["log_mean_price"] = log_of(mean_by(log.user, log.users, log.price))
        if log.trip is not None:
            spent = sum_by(log.user, log.users, log.price * log.quantity)
            trips = distinct_by(log.user, log.users, log.trip)
            columns["log_mean_basket_value"] = log_of(ratio(spent, trips))
    saved = log.saved_share(log.user, log.users)
    return columns if saved is None else columns | {"discount_share": saved}


def base(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Measure how widely, to whom, at what price and depth, and when the item is sold.

    The first three need nothing but users and items; the rest appear with the columns that they need.
    """
    activity = log_of(sum_by(log.user, log.users))
    columns = {
        "log_buyers": log_of(distinct_by(log.item, log.items, log.user)),
        "log_interactions": log_of(sum_by(log.item, log.items)),
        "mean_log_buyer_interactions": mean_by(log.item, log.items, activity[log.user]),
        "log_mean_quantity": log_of(mean_by(log.item, log.items, log.quantity)),
    }
    if log.price is not None:
        columns["log_price"] = log_of(mean_by(log.item, log.items, log.price))
    saved = log.saved_share(log.item, log.items)
    if saved is not None:
        columns["mean_discount_depth"] = saved
    if log.week is not None and np.isfinite(log.week).any():
        first, last = first_and_last(log.item, log.items, log.week)
        end = float(np.nanmax(log.week))
        columns |= {"weeks_since_first": end - first, "weeks_since_last": end - last}
    return columns


def reviews(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Compute mean rating and number of ratings; no columns for a log without ratings."""
    if log.rating is None:
        return {}
    rated = np.isfinite(log.rating)
    return {
        "mean_rating": mean_by(log.item, log.items, log.rating),
        "log_ratings": log_of(sum_by(log.item[rated], log.items)),
    }


def average_rating(log: LogFacts) -> AnyFloatArray:
    """Compute the mean rating of the item, or an implied one where the log has no ratings.

    The implied rating is the mean number of distinct weeks (interactions, where the log has no weeks) in
    which a buyer bought the item: what people come back for, they like.
    """
    if log.rating is not None:
        return mean_by(log.item, log.items, log.rating)
    buyers = distinct_by(log.item, log.items, log.user)
    if log.week is None:
        return ratio(sum_by(log.item, log.items), buyers)
    return ratio(distinct_by(log.item, log.items, log.user, log.week), buyers)
