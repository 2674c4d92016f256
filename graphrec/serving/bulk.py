"""Lists and offers of many shoppers as tables: those that a service would answer, one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from graphrec.serving.live.answers import Answers, Filter, Shopper
from graphrec.serving.offers.levels import Choosing

LISTS = pa.schema(
    [
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
        ("basis", pa.string()),
    ]
)
OFFERS = pa.schema(
    [
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("price", pa.float64()),
        ("rate", pa.float64()),
        ("probability", pa.float64()),
        ("spend", pa.float64()),
        ("value", pa.float64()),
        ("reason", pa.string()),
    ]
)
_AT_ONCE = 64
"""Shoppers whose scores are in memory together."""


def list_table(model: Answers, users: Sequence[str], k: int) -> pa.Table:
    """Make the lists of some shoppers, of items that are new to them.

    Args:
        model: A live one.
        users: Ids, in the order of the rows.
        k: Items of each.

    Returns:
        Columns of `LISTS`, best first.
    """
    rows = []
    for begin in range(0, len(users), _AT_ONCE):
        some = users[begin : begin + _AT_ONCE]
        found = model.recommend([Shopper(user) for user in some], k, Filter())
        for user, listing in zip(some, found, strict=True):
            for rank, one in enumerate(listing.items, 1):
                rows.append((user, one.item, rank, one.score, listing.basis))
    return _table(rows, LISTS)


def offer_table(model: Answers, users: Sequence[str], k: int) -> pa.Table:
    """Decide on the best items of some shoppers, at the price of the budget and under the cap of the export.

    Nothing is booked, so each shopper is decided on alone.

    Args:
        model: A live one that decides offers.
        users: Ids, in the order of the rows.
        k: Items of each.

    Returns:
        Columns of `OFFERS`, best item first; ``rate`` 0 is no discount.
    """
    choosing = Choosing((model.purse() or {}).get("price", 0.0))
    cap = model.bounds().get("max_offers_per_user")
    most = None if cap is None else int(cap)
    rows = []
    for user in users:
        candidates = model.candidates(Shopper(user), k, Filter(item_set="all"))
        for candidate, made in zip(candidates, choosing.all(candidates, most), strict=True):
            level = made.level
            numbers = (None, 0.0, 0.0) if level is None else (level.probability, level.spend, level.value)
            rows.append((user, made.item, candidate.price, made.rate, *numbers, made.why))
    return _table(rows, OFFERS)


def without_rows(table: pa.Table, users: Sequence[str]) -> int:
    """Count the shoppers for whom a table has no row."""
    return len(set(users)) - len(np.unique(table.column("user_id").to_numpy(zero_copy_only=False)))


def _table(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pa.table([list(column) for column in columns], schema=schema)
