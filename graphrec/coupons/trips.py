"""Features of (user, coupon) pairs that count shopping trips, and how the coupons of a pool compare by them.

Weeks times items, as `graphrec.coupons.features` counts them, grow with the number of items that a coupon
covers and with the length of the history. Trips per week, shares and places do not: they mean the same in an
early campaign as in a late one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import scipy.sparse as sp

from graphrec.arrays import Float32Array, FloatArray, IntArray
from graphrec.coupons.history import SLOW, History

_TRIP_DECAY, _COUPON_DECAY = 8.0, 10.0
"""Weeks after which a trip, and one with a coupon, count 1/e."""
_NEVER = 60.0
"""Weeks since a trip that never happened; more than the year that the log covers."""
_WIDE = 1000
"""A coupon on more items is for a department: everybody buys some of them."""
_RANKED = ("trip_lift", "trip_slow", "trip_expected", "trip_spend_share", "trip_coupon")


def trip_features(
    history: History, users: IntArray, covers: sp.csr_matrix, bought: Mapping[str, Float32Array], days: int
) -> dict[str, Float32Array]:
    """Compute trips with covered items, what to expect of the campaign by them, and places of coupons.

    Args:
        history: What is known before the campaign.
        users: IntArray, increasing. Shape ``[B]``.
        covers: Items by coupons, ones. Shape ``[I, C]``.
        bought: What `covered_purchases` found, ``covered_slow`` and ``covered_spend``. Each ``[B, C]``.
        days: Length of the campaign.

    Returns:
        Matrices ``[B, C]``.
    """
    found = covered_trips(history, users, covers)
    found |= _expected(history, users, bought, days)
    return found | pool_places(found, covers)


def covered_trips(history: History, users: IntArray, covers: sp.csr_matrix) -> dict[str, Float32Array]:
    """Measure trips with covered items: per week, recent, their share, weeks since, those with a coupon.

    ``trip_lift`` is the logarithm of the share over the mean share of the targeted users.
    """
    lines = history.lines[history.lines["user"].isin(users)]
    key = ["user", "basket"]
    row = lines.groupby(key).ngroup().to_numpy().astype(np.int64)
    trips = lines.drop_duplicates(key).sort_values(key)
    owner, back = np.searchsorted(users, trips["user"]), trips["week_back"].to_numpy()
    touched = _touched(row, lines, covers, len(trips))
    couponed = lines["coupon_saving"].to_numpy() > 0.005
    with_coupon = _touched(row[couponed], lines[couponed], covers, len(trips))

    def total(weight: FloatArray, of: sp.csr_matrix) -> Float32Array:
        places = (owner, np.arange(len(trips)))
        by_user = sp.csr_matrix((weight.astype(np.float32), places), shape=(len(users), len(trips)))
        return np.asarray((by_user @ of).toarray(), dtype=np.float32)

    count = total(np.ones(len(trips)), touched)
    share = count / np.maximum(np.bincount(owner, minlength=len(users)), 1)[:, None]
    pairs = touched.tocoo()
    away = np.full(count.shape, _NEVER)
    np.minimum.at(away, (owner[pairs.row], pairs.col), back[pairs.row])
    return {
        "trip_rate": count / np.float32(history.weeks),
        "trip_slow": total(np.exp(-back / _TRIP_DECAY), touched),
        "trip_share": share.astype(np.float32),
        "trip_weeks_away": away.astype(np.float32),
        "trip_coupon": total(np.exp(-back / _COUPON_DECAY), with_coupon),
        "trip_lift": np.log((share + 0.005) / (share.mean(axis=0) + 0.005)).astype(np.float32),
    }


def _touched(row: IntArray, lines: pd.DataFrame, covers: sp.csr_matrix, trips: int) -> sp.csr_matrix:
    """Mark trips that have an item that a coupon covers. Ones, ``[trips, C]``."""
    ones = np.ones(len(row), dtype=np.float32)
    bought = sp.csr_matrix((ones, (row, lines["item"])), shape=(trips, covers.shape[0]))
    return ((bought @ covers) > 0).astype(np.float32)


def _expected(
    history: History, users: IntArray, bought: Mapping[str, Float32Array], days: int
) -> dict[str, Float32Array]:
    """Estimate a purchase's probability at the recent rate (Poisson) in the campaign, and share of spend."""
    weeks = SLOW * (1 - np.exp(-history.weeks / SLOW))  # what the decay sums up to
    spend = history.purchases(history.by_week["spend"])[users].sum(axis=1)
    total = np.maximum(np.asarray(spend).ravel(), 1)
    return {
        "trip_expected": (1 - np.exp(-bought["covered_slow"] / weeks * days / 7)).astype(np.float32),
        "trip_spend_share": (bought["covered_spend"] / total[:, None]).astype(np.float32),
    }


def pool_places(pairs: Mapping[str, Float32Array], covers: sp.csr_matrix) -> dict[str, Float32Array]:
    """Rank among the user's coupons and the coupon's users, and measure what else the user's pool holds.

    Places are shares of the pool, the best has the smallest; ties share theirs.

    Args:
        pairs: The other features of this module. Shapes ``[B, C]``.
        covers: Items by coupons. Shape ``[I, C]``.
    """
    found = {}
    for name in _RANKED:
        table, short = pd.DataFrame(pairs[name]), name.removeprefix("trip_")
        found[f"place_{short}"] = table.rank(axis=1, ascending=False, pct=True).to_numpy("float32")
        found[f"place_{short}_among_users"] = table.rank(ascending=False, pct=True).to_numpy("float32")
    expected, coupon = pairs["trip_expected"], pairs["trip_coupon"]
    narrow = np.asarray(covers.sum(axis=0)).ravel() <= _WIDE
    total = expected.sum(axis=1, keepdims=True)
    found["pool_expected"] = np.broadcast_to(total, expected.shape)
    found["pool_expected_share"] = expected / np.maximum(total, 0.1)
    found["pool_coupon"] = np.broadcast_to((coupon * narrow).sum(axis=1, keepdims=True), expected.shape)
    return found
