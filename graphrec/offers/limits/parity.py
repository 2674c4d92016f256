"""Who gets the discounts: spend per user of each demographic group, and a cap on the gap between groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray, IntArray
from graphrec.offers.budget.budgets import GroupBudget

Choice = TypeVar("Choice")
UNKNOWN = "unknown"
ROUNDS = 24


def group_codes(users: pd.Series, groups: pd.Series) -> tuple[IntArray, list[str]]:
    """Find the group of each row's user, -1 where it is not known.

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


def user_groups_of(users: pd.Series, groups: pd.Series) -> tuple[IntArray, IntArray]:
    """Find the group of each row's user and the number of users of each group, for `close_gap`.

    Users of no known group are one more: else those who told theirs would pay for the cap.

    Args:
        users: ``user_id`` of each row. Shape ``[P]``.
        groups: Name of the group by ``user_id``.

    Returns:
        Codes, shape ``[P]``, and numbers of users, shape ``[G]``; every group has users.
    """
    code, names = group_codes(users, groups)
    code = np.where(code < 0, len(names), code)
    first = ~users.duplicated().to_numpy()
    present, code = np.unique(code, return_inverse=True)
    return code.astype(np.int64), np.bincount(code[first], minlength=len(present)).astype(np.int64)


def parity_report(offers: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """Tabulate what the users of each group get.

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
    """Compute by what share the best-served group gets more per user than the worst-served.

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
    """Set budgets under which no group gets more per user than the worst-served now, by a share `gap`.

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


def close_gap(
    choose: Callable[[tuple[GroupBudget, ...]], Choice],
    spend_of: Callable[[Choice], FloatArray],
    group: IntArray,
    users: IntArray,
    gap: float,
    budgeted: bool,
) -> Choice:
    """Choose again under budgets of the groups until the gap between them is small enough.

    Args:
        choose: Makes a choice within budgets of the groups.
        spend_of: What a choice spends on each pair. Shape ``[P]``.
        group: Of each pair. Shape ``[P]``.
        users: Number of users of each group. Shape ``[G]``.
        gap: Allowed share above the worst-served.
        budgeted: Whether there is a budget in all, which is then shared alike at first.

    Returns:
        The last choice; one without a gap, under which nobody gets anything, at the end.
    """
    found = choose(())
    for round_ in range(ROUNDS):
        spend = spend_of(found)
        if parity_gap(spend, group, users) <= gap:
            return found
        # Equal shares of a budget at first; then below the worst-served, which freed money may have moved
        found = choose((parity_budget(spend, group, users, gap, budgeted and round_ == 0),))
    if parity_gap(spend_of(found), group, users) <= gap:
        return found
    return choose((GroupBudget(group, np.zeros(len(users))),))


def _mean_spend(spend: FloatArray, group: IntArray, users: IntArray) -> FloatArray:
    total = np.bincount(group + 1, spend, len(users) + 1)[1:]
    return np.asarray(total / np.maximum(users, 1), dtype=np.float64)
