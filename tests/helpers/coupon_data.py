"""A small shop with coupons: users buy what their group likes, and redeem coupons on what they buy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphrec.coupons.campaigns import CouponData

FIRST = pd.Timestamp("2020-01-01")
GROUPS, PER_GROUP, ITEMS = 3, 14, 8


def day(number: int) -> pd.Timestamp:
    return FIRST + pd.Timedelta(days=number)


def planted(seed: int = 0, days: int = 200, per_group: int = PER_GROUP) -> CouponData:
    """Group g buys items of group g twice a week; coupon 100 + g covers the items of group g.

    A tenth of a group's redemptions go to coupons that do not suit it.
    """
    rng = np.random.default_rng(seed)
    users = np.arange(GROUPS * per_group) + 1
    group = (users - 1) // per_group
    visits = [
        (u, g, d) for u, g in zip(users, group, strict=True) for d in range(days) if rng.random() < 2 / 7
    ]
    log = pd.DataFrame(
        [
            (u, 10 * g + rng.integers(ITEMS), 1000 * u + d, day(d) + pd.Timedelta(hours=12), 1.0)
            for u, g, d in visits
        ],
        columns=["user_id", "item_id", "basket_id", "timestamp", "quantity"],
    )
    log["regular_price"] = 2.0
    log["shelf_price"] = np.where(rng.random(len(log)) < 0.3, 1.5, 2.0)
    log["price"] = log["shelf_price"]
    log["week"] = (log["timestamp"] - FIRST).dt.days // 7 + 1
    campaigns = pd.DataFrame(
        [(k, "A" if k % 2 else "B", day(30 * k), day(30 * k + 20)) for k in range(1, 6)],
        columns=["campaign_id", "kind", "start", "end"],
    )
    targets = pd.DataFrame([(k, u) for k in range(1, 6) for u in users], columns=["campaign_id", "user_id"])
    cover = [(k, 100 + g, 10 * g + i) for k in range(1, 6) for g in range(GROUPS) for i in range(ITEMS)]
    coverage = pd.DataFrame(cover, columns=["campaign_id", "coupon_id", "item_id"])
    redeemed = [
        (k, 100 + (g if rng.random() < 0.9 else (g + 1) % GROUPS), u, day(30 * k + 5))
        for k in range(1, 6)
        for u, g in zip(users, group, strict=True)
        if rng.random() < 0.6
    ]
    redemptions = pd.DataFrame(redeemed, columns=["campaign_id", "coupon_id", "user_id", "timestamp"])
    items = pd.DataFrame({"item_id": [10 * g + i for g in range(GROUPS) for i in range(ITEMS)]})
    items["product_category"] = "category " + (items["item_id"] // 10).astype(str)
    items["product_type"] = "type " + (items["item_id"] // 5).astype(str)
    items["manufacturer_id"] = (items["item_id"] % 4).astype(str)
    return CouponData(log, items, campaigns, targets, coverage, redemptions, FIRST, day(days))
