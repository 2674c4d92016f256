"""What the training part tells of prices: regular ones, depths that were seen, and who uses discounts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from graphrec.data.interactions import Columns, Interactions
from graphrec.errors import InputError
from graphrec.response.curves import MEDIAN_ELASTICITY, discount_affinity, elasticity_from_affinity

HALF_A_CENT = 0.005 + 1e-9
DEPTH_LINES = 3
"""A depth counts as seen when so many lines show it or a deeper one."""
PRICE_WEEKS = 8
"""Weeks at the end of training that the regular price is read from."""


def regular_prices(train: pd.DataFrame) -> pd.Series[Any]:
    """Find the regular price of each item: its median over the last weeks, or over all where it rested.

    Args:
        train: Rows of the training part with ``item_id`` and ``regular_price`` or ``price`` (money per
            unit), and ``week`` if there is one.

    Returns:
        Price by ``item_id``; items without any price above 0 are left out.

    Raises:
        InputError: If there is no price column, or nothing in it.
    """
    column = Columns.REGULAR_PRICE if Columns.REGULAR_PRICE in train else Columns.PRICE
    if column not in train:
        hint = "map a column to regular_price or price in the source's `columns`"
        raise InputError("offers need a price", file=train.attrs.get("file"), column=column, hint=hint)
    priced = train[train[column] > 0]
    if priced.empty:
        hint = "map a column with prices above 0"
        raise InputError("no price is above 0", file=train.attrs.get("file"), column=column, hint=hint)
    prices = priced.groupby(Columns.ITEM)[column].median()
    if Columns.WEEK in train:
        late = priced[priced[Columns.WEEK] > train[Columns.WEEK].max() - PRICE_WEEKS]
        prices = late.groupby(Columns.ITEM)[column].median().reindex(prices.index).fillna(prices)
    return prices.rename("price")


def discount_affinities(train: Interactions) -> pd.Series[Any]:
    """Compute `discount_affinity` by ``user_id``; empty where the log has no shelf prices."""
    if not {Columns.REGULAR_PRICE, Columns.SHELF_PRICE} <= set(train.frame):
        return pd.Series(dtype=np.float64)
    frame = train.frame if Columns.QUANTITY in train.frame else train.frame.assign(quantity=1)
    return discount_affinity(frame)


def observed_depths(train: pd.DataFrame) -> pd.Series[Any]:
    """Find the deepest shelf discount of each item that at least three lines of the log show.

    One line may be a slip of the till or a clearance of damaged goods. Prices are whole cents: 12.98 instead
    of 18.54 counts as 30 % off, although it is 29.99 %.

    Args:
        train: Rows of the training part with ``item_id``, ``regular_price`` and ``shelf_price``.

    Returns:
        Depth in [0, 1) by ``item_id``, 0 where there was none; empty where the log has no shelf prices.
    """
    if not {Columns.REGULAR_PRICE, Columns.SHELF_PRICE} <= set(train):
        return pd.Series(dtype=np.float64)
    regular = train[Columns.REGULAR_PRICE]
    exact = (1.0 - train[Columns.SHELF_PRICE] / regular).clip(0.0, 0.99)
    whole = exact.round(2)
    depth = whole.where((whole - exact).abs() * regular <= HALF_A_CENT, exact.round(4))
    frame = pd.DataFrame({Columns.ITEM: train[Columns.ITEM], "depth": depth}).sort_values(
        "depth", ascending=False, kind="stable"
    )
    third = frame[frame.groupby(Columns.ITEM).cumcount() == DEPTH_LINES - 1].set_index(Columns.ITEM)["depth"]
    return third.reindex(frame[Columns.ITEM].unique()).fillna(0.0)


def user_elasticities(train: Interactions) -> pd.Series[Any]:
    """Assume an elasticity for every user, by ``user_id``: 1.5 where the log tells nothing."""
    elasticity = elasticity_from_affinity(discount_affinities(train))
    return elasticity.reindex(train.users.ids).fillna(MEDIAN_ELASTICITY)
