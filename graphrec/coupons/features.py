"""Features of (user, coupon) pairs of a campaign, all from before its first day.

Names say what they describe: ``covered_*`` the user's purchases of the items that the coupon covers,
``type_*`` to ``maker_*`` those of similar items, ``user_*``, ``coupon_*`` and ``campaign_*``; ``rank_*`` and
``pool_*`` the place of the coupon among all the user may get. For a pool of 200 is narrowed to the 16
nearest to what the household buys. ``trip_*`` and ``place_*`` are described in `graphrec.coupons.trips`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import scipy.sparse as sp

from graphrec.arrays import Float32Array, IntArray
from graphrec.coupons.campaigns import CAMPAIGN, END, KIND, START, CouponData, candidates
from graphrec.coupons.history import SLOW, History, covered_items
from graphrec.coupons.trips import trip_features
from graphrec.data.interactions import Columns

_FAST, _RECENT = 4.0, 8
"""Weeks: a month as decay, and two months as a window."""
_NEVER = 400.0
"""Days since something that never happened; more than the year that the log covers."""
_PRIOR_MAILINGS, _PRIOR_RATE = 300.0, 0.003
"""A coupon never mailed before counts as this many mailings at the rate of all pairs."""
KINDS = ("A", "B", "C")


def campaign_features(data: CouponData, campaign: int) -> pd.DataFrame:
    """Compute the features of the candidates of a campaign.

    Returns:
        The columns of `candidates`, then float32 features without missing values.

    Raises:
        InputError: If the campaign is not known or starts before the first purchase.
    """
    history = History(data, data.campaign(campaign)[START])
    table = candidates(data, campaign)
    users = np.unique(table["user"])
    coupons, covers = covered_items(data, campaign)
    pairs = covered_purchases(history, users, covers)
    pairs |= _similar_purchases(history, users, covers)
    pairs |= _similar_redemptions(history, users, coupons, covers)
    pairs |= _ranks(pairs)
    dates = data.campaign(campaign)
    pairs |= trip_features(history, users, covers, pairs, (dates[END] - dates[START]).days)
    shape = (len(users), len(coupons))
    pairs |= {n: np.broadcast_to(v[:, None], shape) for n, v in user_features(history, users).items()}
    pairs |= {n: np.broadcast_to(v, shape) for n, v in coupon_features(history, coupons, covers).items()}
    pairs |= {n: np.full(shape, v) for n, v in _campaign(data, campaign, shape, history).items()}
    return pd.concat([table, long_features(pairs)], axis=1)


def long_features(pairs: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]) -> pd.DataFrame:
    """Lay matrices ``[users, coupons]`` out as columns in the order of `candidates`."""
    return pd.DataFrame({name: np.asarray(v, dtype=np.float32).ravel() for name, v in pairs.items()})


def covered_purchases(history: History, users: IntArray, covers: sp.csr_matrix) -> dict[str, Float32Array]:
    """Measure the users' purchases of covered items, in weeks with a purchase where nothing else is said.

    Args:
        history: What is known.
        users: IntArray. Shape ``[B]``.
        covers: Items by coupons, ones. Shape ``[I, C]``.

    Returns:
        Matrices ``[B, C]``.
    """
    rows, weeks = history.by_week, history.item_weeks
    popularity = np.asarray(weeks.sum(axis=0)).ravel()
    back = rows["week_back"].to_numpy()
    weights = {
        "slow": np.exp(-back / SLOW),
        "fast": np.exp(-back / _FAST),
        "recent": back < _RECENT,
        "spend": rows["spend"],
        "coupon": rows["coupon_saving"] > 0.005,
        "sale": rows["shelf_saving"] > 0.005,
        "rare": 1 / np.sqrt(1 + popularity[rows["item"]]),
    }
    mine = weeks[users]
    found = {"covered_weeks": _dense(mine @ covers)}
    found |= {
        f"covered_{name}": _dense(history.purchases(weight)[users] @ covers)
        for name, weight in weights.items()
    }
    found["covered_items"] = _dense((mine > 0).astype(np.float32) @ covers)
    found["covered_repeated"] = _dense((mine > 1).astype(np.float32) @ covers)
    found["covered_top"] = _largest(mine, covers)
    last = rows.groupby(["user", "item"])["week_back"].transform("min") == rows["week_back"]
    found["covered_last"] = _largest(history.purchases(last / (1 + back))[users], covers)
    active = np.maximum(np.asarray(mine.sum(axis=1)), 1)
    expected = active * (popularity @ covers)[None] / popularity.sum()
    found["covered_share"] = found["covered_weeks"] / active
    found["covered_lift"] = np.log((found["covered_weeks"] + 0.5) / (expected + 0.5))
    return found


def _similar_purchases(history: History, users: IntArray, covers: sp.csr_matrix) -> dict[str, Float32Array]:
    """Count purchases in the groups of a coupon's items: all, and weighted by their share in it."""
    slow = history.purchases(np.exp(-history.by_week["week_back"] / SLOW))[users]
    couponed = history.purchases(history.by_week["coupon_saving"] > 0.005)[users]
    weeks, found = history.item_weeks[users], {}
    for name, members in history.data.item_groups.items():
        share = sp.csr_matrix(covers.T @ members)
        touched = (share > 0).astype(np.float32)
        share = sp.diags(1 / np.maximum(np.asarray(share.sum(axis=1)).ravel(), 1)) @ share
        found[f"{name}_any"] = _dense((weeks @ members) @ touched.T)
        found[f"{name}_weeks"] = _dense((weeks @ members) @ share.T)
        found[f"{name}_slow"] = _dense((slow @ members) @ share.T)
        if name == "type":
            found["type_coupon"] = _dense((couponed @ members) @ touched.T)
    return found


def _similar_redemptions(
    history: History, users: IntArray, coupons: IntArray, covers: sp.csr_matrix
) -> dict[str, Float32Array]:
    """Count the user's redemptions of this coupon and of ones on similar items, before the campaign."""
    mine = history.past_redemptions[users]
    found = {"redeemed_same": _dense(mine[:, coupons])}
    for name in ("type", "category", "maker_category"):
        found[f"redeemed_{name}"] = _dense(mine @ _similarity(history.data, covers, name).T)
    every = sp.csr_matrix(covered_items(history.data)[1].T)
    found["redeemed_items"] = _dense(mine @ (_unit_rows(sp.csr_matrix(covers.T)) @ _unit_rows(every).T).T)
    return found


def _similarity(data: CouponData, covers: sp.csr_matrix, group: str) -> sp.csr_matrix:
    """Compare a campaign's coupons with all by cosine of the groups of their items. ``[C, coupons]``."""
    members = data.item_groups[group]
    ours, every = (sp.csr_matrix(m.T @ members) for m in (covers, covered_items(data)[1]))
    return _unit_rows(ours) @ _unit_rows(every).T


def _unit_rows(matrix: sp.csr_matrix) -> sp.csr_matrix:
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sp.diags(1 / np.maximum(length, 1e-9)) @ matrix


def user_features(history: History, users: IntArray) -> dict[str, Float32Array]:
    """Measure activity per week, taste for discounts, and past redemptions. Each ``[B]``."""
    lines, recent = history.lines, history.lines[history.lines["week_back"] < _RECENT]
    by_user, weeks = lines.groupby("user"), history.weeks
    spend = by_user["spend"].sum()
    full = spend + by_user["shelf_saving"].sum() + by_user["coupon_saving"].sum()
    couponed = lines[lines["coupon_saving"] > 0.005]
    found = {
        "user_trips": by_user["basket"].nunique() / weeks,
        "user_trips_recent": recent.groupby("user")["basket"].nunique() / min(weeks, _RECENT),
        "user_spend": spend / weeks,
        "user_items": by_user["item"].nunique(),
        "user_sale_share": by_user["shelf_saving"].sum() / full,
        "user_coupon_share": by_user["coupon_saving"].sum() / full,
        "user_coupon_trips": couponed.groupby("user")["basket"].nunique() / weeks,
        "user_coupon_trips_recent": couponed[couponed["week_back"] < _RECENT]
        .groupby("user")["basket"]
        .nunique(),
    }
    features = {name: _of(values, users, 0.0) for name, values in found.items()}
    features["user_weeks_away"] = _of(by_user["week_back"].min(), users, weeks)
    return features | _past_redemptions(history, users)


def _past_redemptions(history: History, users: IntArray) -> dict[str, Float32Array]:
    data, past = history.data, history.redemptions
    targets = data.targets[data.targets[CAMPAIGN].isin(history.started)]
    mailed = _of(pd.Series(data.users_map.codes(targets[Columns.USER])).value_counts(), users, 0.0)
    by_user = past.groupby(data.users_map.codes(past[Columns.USER]))
    days = (history.day - by_user[Columns.TIMESTAMP].max()).dt.days
    redeemed = _of(by_user.size(), users, 0.0)
    campaigns = _of(by_user[CAMPAIGN].nunique(), users, 0.0)
    return {
        "user_mailed": mailed,
        "user_redeemed": redeemed,
        "user_redeemed_campaigns": campaigns,
        # two campaigns at the share of pairs with a redemption, 12 %, stand for a user without a past
        "user_redeems": (campaigns + 0.24) / (mailed + 2),
        "user_redeemed_days": _of(days, users, _NEVER),
    }


def coupon_features(history: History, coupons: IntArray, covers: sp.csr_matrix) -> dict[str, Float32Array]:
    """Measure size, sales, price and past redemption rate of coupons and of those like them. Each ``[C]``."""
    weeks, rows = history.item_weeks, history.by_week
    popularity = np.asarray(weeks.sum(axis=0)).ravel()
    sold = np.maximum(popularity @ covers, 1)
    count, spend, sale, couponed = (
        np.asarray(history.purchases(weight).sum(axis=0)).ravel() @ covers
        for weight in (
            np.ones(len(rows)),
            rows["spend"],
            rows["shelf_saving"] > 0.005,
            rows["coupon_saving"] > 0.005,
        )
    )
    redeemed = np.asarray(history.past_redemptions.sum(axis=0)).ravel()
    found = {
        "coupon_items": np.asarray(covers.sum(axis=0)).ravel(),
        "coupon_sold": count / history.weeks,
        "coupon_buyers": np.asarray(((weeks @ covers) > 0).sum(axis=0)).ravel(),
        "coupon_spend": spend / sold,
        "coupon_sale_share": sale / sold,
        "coupon_coupon_share": couponed / sold,
        "coupon_types": np.asarray(((covers.T @ history.data.item_groups["type"]) > 0).sum(axis=1)).ravel(),
        "coupon_mailed": history.mailed[coupons],
        "coupon_redeemed": _rate(redeemed[coupons], history.mailed[coupons]),
    }
    for name in ("type", "category"):
        like = _similarity(history.data, covers, name).power(2)
        found[f"coupon_redeemed_{name}"] = _rate(like @ redeemed, like @ history.mailed)
    return {name: np.asarray(values, dtype=np.float32) for name, values in found.items()}


def _rate(redeemed: Float32Array, mailed: Float32Array) -> Float32Array:
    shrunk = (redeemed + _PRIOR_MAILINGS * _PRIOR_RATE) / (mailed + _PRIOR_MAILINGS)
    return np.asarray(shrunk, dtype=np.float32)


def _campaign(data: CouponData, campaign: int, shape: tuple[int, int], history: History) -> dict[str, float]:
    row = data.campaign(campaign)
    days = float((row[END] - row[START]).days)
    size = {"campaign_users": float(shape[0]), "campaign_coupons": float(shape[1]), "campaign_days": days}
    return size | {"campaign_kind": float(KINDS.index(row[KIND])), "history_weeks": history.weeks}


def _ranks(pairs: Mapping[str, Float32Array]) -> dict[str, Float32Array]:
    """Rank among the coupons of the user, and among the users of the coupon; ties share their place."""
    found = {}
    for name in ("covered_slow", "covered_lift", "covered_spend", "type_any"):
        found[f"rank_{name}"] = pd.DataFrame(pairs[name]).rank(axis=1, ascending=False).to_numpy("float32")
    among = pd.DataFrame(pairs["covered_slow"]).rank(ascending=False, pct=True)
    found["rank_among_users"] = among.to_numpy("float32")
    bought = pairs["covered_weeks"] > 0
    found["pool_bought"] = np.repeat(bought.sum(1, keepdims=True), bought.shape[1], 1).astype(np.float32)
    total = np.maximum(pairs["covered_slow"].sum(1, keepdims=True), 0.1)
    found["pool_share"] = pairs["covered_slow"] / total
    return found


def _of(values: pd.Series[float] | pd.Series[int], users: IntArray, missing: float) -> Float32Array:
    return np.asarray(values.reindex(users).fillna(missing), dtype=np.float32)


def _dense(matrix: sp.spmatrix) -> Float32Array:
    return np.asarray(matrix.toarray(), dtype=np.float32)


def _largest(mine: sp.csr_matrix, covers: sp.csr_matrix) -> Float32Array:
    """Find for each user the largest entry over the items of each coupon. ``[B, I]`` to ``[B, C]``."""
    columns, by_coupon = mine.tocsc(), covers.tocsc()
    parts = [by_coupon.indices[a:b] for a, b in zip(by_coupon.indptr, by_coupon.indptr[1:], strict=False)]
    return np.stack([columns[:, items].max(axis=1).toarray().ravel() for items in parts], axis=1)
