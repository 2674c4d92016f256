"""How large a log is, and how its rows are spread over users, items and pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphrec.arrays import IntArray
from graphrec.data.interactions import Columns
from graphrec.data.profile.coded import CodedLog

_QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
_TOP = (0.01, 0.1, 0.2)
_MOST_POINTS = 200


def degrees(log: CodedLog) -> pd.DataFrame:
    """Describe how many items a user has, and how many users an item.

    Returns:
        ``of`` (users, items), quantiles as columns from ``least`` to ``most``, ``mean`` and ``with_one``, the
        share with one alone. Then the shares of all pairs that the top 1, 10 and 20 % hold.
    """
    names = ["least", "10 %", "25 %", "median", "75 %", "90 %", "99 %", "most"]
    rows = []
    for of, counts in (("users", log.items_of_user), ("items", log.users_of_item)):
        quantiles = np.quantile(counts, _QUANTILES, method="lower")
        rows.append(
            {
                "of": of,
                **dict(zip(names, quantiles.astype(int).tolist(), strict=True)),
                "mean": float(counts.mean()),
                "with_one": float((counts == 1).mean()),
                **{f"top {100 * share:.0f} %": top_share(counts, share) for share in _TOP},
            }
        )
    return pd.DataFrame(rows)


def top_share(counts: IntArray, share: float) -> float:
    """Sum the largest of some counts, as a share of all: those of the top `share`, one at least."""
    largest = np.sort(counts)[::-1]
    return float(largest[: max(1, int(share * len(counts)))].sum() / max(counts.sum(), 1))


def at_least(counts: IntArray) -> pd.DataFrame:
    """Compute which share has so many or more, for a plot of two logarithmic axes.

    Returns:
        ``count`` (1 and more, rising) and ``share``; at most some hundred rows.
    """
    values, sizes = np.unique(counts, return_counts=True)
    share = sizes[::-1].cumsum()[::-1] / len(counts)
    if len(values) > _MOST_POINTS:
        wanted = np.geomspace(values[0], values[-1], _MOST_POINTS)
        kept = np.unique(np.searchsorted(values, wanted).clip(max=len(values) - 1))
        values, share = values[kept], share[kept]
    return pd.DataFrame({"count": values, "share": share})


def times_bought(log: CodedLog) -> pd.DataFrame:
    """Count pairs by the number of their rows: once, twice, 3, 4, 5 to 9, 10 and more.

    Returns:
        ``rows``, ``pairs`` and ``share`` (of the pairs).
    """
    counts = pd.Series(log.pair).value_counts().to_numpy()
    bounds = ((1, 1, "1"), (2, 2, "2"), (3, 3, "3"), (4, 4, "4"), (5, 9, "5–9"), (10, None, "10+"))
    found = [
        (words, int(((counts >= low) & (counts <= (high or counts.max()))).sum()))
        for low, high, words in bounds
    ]
    table = pd.DataFrame(found, columns=["rows", "pairs"])
    return table.assign(share=table["pairs"] / table["pairs"].sum())


def most_bought(log: CodedLog, count: int = 10) -> pd.DataFrame:
    """List the items with the most users.

    Returns:
        ``item_id``, ``users``, ``rows`` and ``share`` (of all users).
    """
    top = np.argsort(-log.users_of_item, kind="stable")[:count]
    rows = np.bincount(log.item, minlength=len(log.item_ids))
    return pd.DataFrame(
        {
            Columns.ITEM: [str(name) for name in log.item_ids[top]],
            "users": log.users_of_item[top],
            "rows": rows[top],
            "share": log.users_of_item[top] / len(log.user_ids),
        }
    )


def basket_sizes(log: CodedLog) -> pd.DataFrame:
    """Count baskets by the number of their distinct items; empty without a column of baskets.

    Returns:
        ``items`` (1 to 9, then 10 or more), ``baskets`` and ``share``.
    """
    if Columns.BASKET not in log.frame:
        return pd.DataFrame(columns=["items", "baskets", "share"])
    basket, ids = pd.factorize(log.frame[Columns.BASKET])
    known = basket >= 0
    cells = np.unique(basket[known] * len(log.item_ids) + log.item[known]) // len(log.item_ids)
    sizes = np.bincount(cells, minlength=len(ids)).clip(max=10)
    baskets = np.bincount(sizes, minlength=11)[1:]
    names = [*(str(size) for size in range(1, 10)), "10+"]
    table = pd.DataFrame({"items": names, "baskets": baskets})
    return table.assign(share=table["baskets"] / max(int(baskets.sum()), 1))
