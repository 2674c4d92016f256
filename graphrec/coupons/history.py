"""What is known about users, items and coupons on the evening before a day, as sparse matrices."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from graphrec.arrays import Float32Array, IntArray
from graphrec.coupons.campaigns import CAMPAIGN, COUPON, START, CouponData
from graphrec.data.interactions import Columns
from graphrec.errors import InputError

SLOW = 13.0
"""Weeks, a quarter, after which a purchase counts 1/e where habits change slowly."""


class History:
    """Purchases, redemptions and mailings before a day; nothing later enters.

    Args:
        data: All tables.
        day: First day that is not known.

    Raises:
        InputError: If there is no purchase before that day.
    """

    def __init__(self, data: CouponData, day: pd.Timestamp) -> None:
        self.data, self.day = data, day
        self.lines = _coded_lines(data, day)
        if self.lines.empty:
            raise InputError(f"no purchase is known before {day.date()}", hint="take a later campaign")
        self.weeks = (day - data.first_day).days / 7
        known = data.redemptions[data.redemptions[Columns.TIMESTAMP] < day]
        self.redeemed_user = data.users_map.codes(known[Columns.USER])
        self.redeemed_coupon = data.coupons_map.codes(known[COUPON])
        self.redemptions = known
        self.started = data.campaigns.loc[data.campaigns[START] < day, CAMPAIGN]

    @cached_property
    def by_week(self) -> pd.DataFrame:
        """One row per user, item and week back from the day (0 is the last), with spend and savings."""
        lines = self.lines
        columns = {"spend": "sum", "coupon_saving": "sum", "shelf_saving": "sum"}
        return lines.groupby(["user", "item", "week_back"], as_index=False).agg(columns)

    def purchases(self, weight: npt.ArrayLike) -> sp.csr_matrix:
        """Add up a weight of each row of `by_week`. Shape ``[U, I]``, zeros not stored."""
        rows, weights = self.by_week, np.asarray(weight, dtype=np.float32)
        shape = (len(self.data.users_map), len(self.data.items_map))
        found = sp.csr_matrix((weights, (rows["user"], rows["item"])), shape=shape)
        found.eliminate_zeros()
        return found

    @cached_property
    def item_weeks(self) -> sp.csr_matrix:
        """In how many weeks each user bought each item. Shape ``[U, I]``."""
        return self.purchases(np.ones(len(self.by_week)))

    @cached_property
    def past_redemptions(self) -> sp.csr_matrix:
        """How often each user redeemed each coupon. Shape ``[U, coupons]``."""
        shape = (len(self.data.users_map), len(self.data.coupons_map))
        ones = np.ones(len(self.redeemed_user), dtype=np.float32)
        return sp.csr_matrix((ones, (self.redeemed_user, self.redeemed_coupon)), shape=shape)

    @cached_property
    def mailed(self) -> Float32Array:
        """To how many users each coupon was mailed before, or its pool was. Shape ``[coupons]``."""
        data = self.data
        sent = data.targets.groupby(CAMPAIGN).size()
        pools = data.coverage.loc[data.coverage[CAMPAIGN].isin(self.started), [CAMPAIGN, COUPON]]
        pools = pools.drop_duplicates()
        counts = np.bincount(
            data.coupons_map.codes(pools[COUPON]),
            weights=pools[CAMPAIGN].map(sent).fillna(0),
            minlength=len(data.coupons_map),
        )
        return counts.astype(np.float32)


def covered_items(data: CouponData, campaign: int | None = None) -> tuple[IntArray, sp.csr_matrix]:
    """Find the coupons of a campaign, or of all of them, and the items that each covers.

    Returns:
        Codes of the coupons, increasing, and a matrix of ones. Shapes ``[C]`` and ``[I, C]``.
    """
    rows = data.coverage if campaign is None else data.coverage[data.coverage[CAMPAIGN] == campaign]
    coupons, place = np.unique(data.coupons_map.codes(rows[COUPON]), return_inverse=True)
    items = data.items_map.codes(rows[Columns.ITEM])
    shape = (len(data.items_map), len(coupons))
    covers = sp.csr_matrix((np.ones(len(rows), dtype=np.float32), (items, place)), shape=shape)
    covers.data[:] = 1.0  # a coupon of two campaigns may name an item twice
    return coupons, covers


def _coded_lines(data: CouponData, day: pd.Timestamp) -> pd.DataFrame:
    log = data.log[data.log[Columns.TIMESTAMP] < day]
    quantity = log[Columns.QUANTITY]
    return pd.DataFrame(
        {
            "user": data.users_map.codes(log[Columns.USER]),
            "item": data.items_map.codes(log[Columns.ITEM]),
            "basket": log[Columns.BASKET].to_numpy(),
            # the last second before the day belongs to week 0
            "week_back": ((day - log[Columns.TIMESTAMP]).dt.total_seconds() // (7 * 86_400)).to_numpy(int),
            "spend": (log[Columns.PRICE] * quantity).to_numpy(),
            "coupon_saving": ((log[Columns.SHELF_PRICE] - log[Columns.PRICE]) * quantity).to_numpy(),
            "shelf_saving": ((log[Columns.REGULAR_PRICE] - log[Columns.SHELF_PRICE]) * quantity).to_numpy(),
        }
    )
