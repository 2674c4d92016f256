"""Who gets the discounts: spend per user of each demographic group, and a cap on the gap between groups."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.offers.allocation import GroupBudget
from graphrec.offers.economics import FloatArray

IntArray = npt.NDArray[np.int64]

UNKNOWN = "unknown"


def group_codes(users: pd.Series, groups: pd.Series) -> tuple[IntArray, list[str]]:
    """Group of each row's user, -1 where it is not known.

    Args:
        users: ``user_id`` of each row. Shape ``[P]``.
        groups: Name of the group by ``user_id``; missing or ``unknown`` where it is not known.

    Returns:
        Codes, shape ``[P]``, and the groups' names.
    """
    known = groups[groups.notna() & ~groups.astype("str").str.lower().isin([UNKNOWN, "", "nan"])].astype(
        "str"
    )
    names = sorted(known.unique())
    codes = users.map(known).map({name: code for code, name in enumerate(names)})
    return codes.fillna(-1).to_numpy(dtype=np.int64), names


def parity_report(offers: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """What the users of each group get.

    Args:
        offers: Offers table of one or more policies.
        groups: Name of the group by ``user_id``.

    Returns:
        A row per policy and group, ``unknown`` last: ``users``, ``offers_per_user``, ``mean_rate`` (of the
        offers), ``spend_per_user`` (money), and ``gap``: the most of any group over this group's spend per
        user, minus 1.
    """
    code, names = group_codes(offers["user_id"], groups)
    named = np.array([*names, UNKNOWN], dtype=object)[code]
    frame = offers.assign(group=named, given=(offers["rate"] > 0).astype(int))
    grouped = frame.groupby(["policy", "group"], sort=False)
    table = grouped.agg(
        users=("user_id", "nunique"), given=("given", "sum"), rate=("rate", "sum"), spend=("spend", "sum")
    ).reset_index()
    result = pd.DataFrame(
        {
            "policy": table["policy"],
            "group": table["group"],
            "users": table["users"],
            "offers_per_user": table["given"] / table["users"],
            "mean_rate": table["rate"] / table["given"].clip(lower=1),
            "spend_per_user": table["spend"] / table["users"],
        }
    )
    most = result["policy"].map(result.groupby("policy")["spend_per_user"].max())
    result["gap"] = (most / result["spend_per_user"] - 1.0).mask(most == 0, 0.0)
    last = (result["group"] == UNKNOWN).astype(int)
    return result.assign(last=last).sort_values(["policy", "last", "group"]).drop(columns="last")


def parity_gap(spend: FloatArray, group: IntArray, users: IntArray) -> float:
    """How much more the best-served group gets per user than the worst-served, minus 1.

    Args:
        spend: Of each pair. Shape ``[P]``.
        group: Of each pair, -1 where it is not known. Shape ``[P]``.
        users: Number of users of each group. Shape ``[G]``.
    """
    mean = _mean_spend(spend, group, users)
    if not len(mean) or mean.max() == 0.0:
        return 0.0
    return float(mean.max() / mean.min() - 1.0) if mean.min() > 0 else np.inf


def parity_budget(
    spend: FloatArray, group: IntArray, users: IntArray, gap: float, shared: bool = False
) -> GroupBudget:
    """Budgets under which no group gets more per user than the worst-served does now, by a share `gap`.

    Args:
        spend: Of each pair. Shape ``[P]``.
        group: Of each pair, -1 where it is not known. Shape ``[P]``.
        users: Number of users of each group. Shape ``[G]``.
        gap: Allowed share above the worst-served.
        shared: Budgets at the mean of all groups instead: what a total budget is worth to each alike.
    """
    mean = _mean_spend(spend, group, users)
    most = float((mean * users).sum() / max(users.sum(), 1)) if shared else mean.min() * (1.0 + gap)
    return GroupBudget(group, users * most)


def _mean_spend(spend: FloatArray, group: IntArray, users: IntArray) -> FloatArray:
    total = np.bincount(group + 1, spend, len(users) + 1)[1:]
    return np.asarray(total / np.maximum(users, 1), dtype=np.float64)
