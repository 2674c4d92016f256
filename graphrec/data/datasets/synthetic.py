"""A shop whose answer is known: blocks of users that buy from blocks of items, and react to discounts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.interactions import Columns, RawData
from graphrec.data.week_numbers import MOST_WEEKS
from graphrec.errors import InputError, check_at_least, check_between

_FIRST_DAY = "2024-01-01"
"""A Monday, so that weeks of the log are weeks of the calendar."""
_DEPTHS = np.array([0.0, 0.1, 0.2, 0.3, 0.4])
_DEPTH_SHARES = np.array([0.6, 0.1, 0.1, 0.1, 0.1])
_MOST_RESPONSE, _MOST_ROWS = 100.0, 1e8
"""Beyond these a weight is infinite, or memory is."""
_COUPON_SHARE, _COUPON_RATE = 0.05, 0.1


def synthetic(
    num_users: int = 300,
    num_items: int = 200,
    num_blocks: int = 4,
    weeks: int = 20,
    density: float = 0.1,
    noise: float = 0.05,
    response: float = 2.0,
    seed: int = 0,
) -> RawData:
    """Make a log whose structure is known, from a seed.

    Use it in tests and to try a command in a second: a good model recommends items of the user's own block,
    and the column ``block`` of both attribute tables says which one that is.

    User u and item i belong to blocks u mod `num_blocks` and i mod `num_blocks`. Each row picks a user and a
    week at random, then the user's block (with probability 1 − `noise`; else any block), then an item of it
    with probability ∝ exp(`response` × depth), depth being the shop's discount on the item in that week.

    Args:
        num_users: U.
        num_items: I.
        num_blocks: Blocks; at most as many as users and items.
        weeks: Length of the log.
        density: Rows per (user, item) cell; every user has at least one row.
        noise: Share of rows that ignore the user's block.
        response: Growth of the logarithm of an item's sales per unit of depth.
        seed: The same seed gives the same log.

    Raises:
        InputError: If an argument is out of its range.
    """
    _check(num_users, num_items, num_blocks, weeks, density, noise)
    check_at_least(0, seed=seed)
    check_between(1, MOST_WEEKS, weeks=weeks)
    if not abs(response) <= _MOST_RESPONSE:
        hint = f"give -{_MOST_RESPONSE:g} to {_MOST_RESPONSE:g}"
        raise InputError(f"{response} is out of range", column="response", hint=hint)
    rng = np.random.default_rng(seed)
    rows = max(num_users, round(density * num_users * num_items))
    user = np.concatenate([np.arange(num_users), rng.integers(num_users, size=rows - num_users)])
    week = rng.integers(weeks, size=rows)
    depth = rng.choice(_DEPTHS, p=_DEPTH_SHARES, size=(num_items, weeks))
    block = np.where(rng.random(rows) < noise, rng.integers(num_blocks, size=rows), user % num_blocks)
    item = _choose_items(rng, block, week, depth, num_blocks, response)
    log = _log(rng, user, item, week, depth)
    return RawData(
        name="synthetic",
        log=log.sort_values(Columns.TIMESTAMP, kind="stable", ignore_index=True),
        users=_users(rng, num_users, num_blocks),
        items=_items(rng, num_items, num_blocks),
        file="synthetic",
    )


def _check(num_users: int, num_items: int, num_blocks: int, weeks: int, density: float, noise: float) -> None:
    if not 1 <= num_blocks <= min(num_users, num_items):
        raise InputError(
            f"{num_blocks} blocks do not fit {num_users} users and {num_items} items",
            column="num_blocks",
            hint="give 1 or more, and at most one per user and item",
        )
    for name, value, fits in (
        ("weeks", weeks, weeks >= 1),
        ("density", density, 0 < density <= _MOST_ROWS / (num_users * num_items)),
        ("noise", noise, 0 <= noise <= 1),
    ):
        if not fits:
            raise InputError(
                f"{value} is out of range",
                column=name,
                hint=f"weeks >= 1, 0 < density, at most {_MOST_ROWS:,.0f} rows, 0 <= noise <= 1",
            )


def _choose_items(
    rng: np.random.Generator,
    block: IntArray,
    week: IntArray,
    depth: FloatArray,
    num_blocks: int,
    response: float,
) -> IntArray:
    """Draw one item per row, for all rows of a block and week at once. Shape ``[rows]``."""
    num_items, weeks = depth.shape
    item = np.empty(len(block), dtype=np.int64)
    for b in range(num_blocks):
        members = np.arange(b, num_items, num_blocks)
        for w in range(weeks):
            here = np.flatnonzero((block == b) & (week == w))
            weight = np.exp(response * depth[members, w])
            item[here] = rng.choice(members, size=len(here), p=weight / weight.sum())
    return item


def _log(
    rng: np.random.Generator,
    user: IntArray,
    item: IntArray,
    week: IntArray,
    depth: FloatArray,
) -> pd.DataFrame:
    rows = len(user)
    regular = np.round(rng.lognormal(mean=1.0, sigma=0.6, size=len(depth)), 2)[item]
    shelf = regular * (1 - depth[item, week])
    coupon = _COUPON_RATE * (rng.random(rows) < _COUPON_SHARE)
    seconds = week * 7 * 86_400 + rng.integers(7 * 86_400, size=rows)
    return pd.DataFrame(
        {
            Columns.USER: _ids("user", user),
            Columns.ITEM: _ids("item", item),
            Columns.WEEK: week + 1,
            Columns.TIMESTAMP: pd.Timestamp(_FIRST_DAY) + pd.to_timedelta(seconds, unit="s"),
            Columns.BASKET: [f"{u}-{w}" for u, w in zip(user.tolist(), (week + 1).tolist(), strict=True)],
            Columns.QUANTITY: 1 + rng.poisson(0.3, size=rows),
            Columns.PRICE: shelf * (1 - coupon),
            Columns.REGULAR_PRICE: regular,
            Columns.SHELF_PRICE: shelf,
        }
    )


def _users(rng: np.random.Generator, num_users: int, num_blocks: int) -> pd.DataFrame:
    codes = np.arange(num_users)
    age = rng.choice(["19-24", "25-34", "35-44", "45-54", "55-64", "65+"], size=num_users)
    return pd.DataFrame({Columns.USER: _ids("user", codes), "block": codes % num_blocks, "age": age})


def _items(rng: np.random.Generator, num_items: int, num_blocks: int) -> pd.DataFrame:
    codes = np.arange(num_items)
    block = codes % num_blocks
    return pd.DataFrame(
        {
            Columns.ITEM: _ids("item", codes),
            "block": block,
            "department": [f"department {b}" for b in block.tolist()],
            "brand": rng.choice(["national", "private"], size=num_items),
        }
    )


def _ids(prefix: str, codes: IntArray) -> list[str]:
    """Make ids of equal length, so that their order is that of the codes."""
    return [f"{prefix}_{code:05d}" for code in codes.tolist()]
