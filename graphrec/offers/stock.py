"""Stock on hand: a clearance gives no discount on what sells out without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.errors import InputError
from graphrec.offers.economics import BoolArray, FloatArray
from graphrec.offers.exposure import read_rows

IntArray = npt.NDArray[np.int64]


def read_stock(path: Path) -> pd.Series[Any]:
    """Units on hand by ``item_id`` (as text), from a table with ``item_id`` and ``stock``.

    Raises:
        InputError: If the file is missing, lacks a column, or a stock is not a number of 0 or more.
    """
    frame = read_rows(path, ("item_id", "stock"), "--stock")
    stock = pd.to_numeric(frame["stock"], errors="coerce")
    wrong = np.flatnonzero(~(stock >= 0))
    if len(wrong):
        value, row = frame["stock"].iloc[wrong[0]], int(wrong[0]) + 2
        mend = "give the units on hand, 0 or more"
        raise InputError(f"{value!r} is no stock", file=path, row=row, column="stock", mend=mend)
    return stock.groupby(frame["item_id"].astype("str")).sum()


def sells_out(probability: FloatArray, item: IntArray, stock: FloatArray) -> BoolArray:
    """Pairs of items that are expected to sell out at the regular price.

    Args:
        probability: Of a purchase at the regular price, of all pairs that may get an offer. Shape ``[P]``.
        item: Code of each pair's item. Shape ``[P]``.
        stock: Units on hand of each pair's item, infinite where it is not known. Shape ``[P]``.

    Returns:
        Shape ``[P]``. Other users may buy the item too, so that an item may sell out and not be marked.
    """
    units = np.bincount(item, probability, int(item.max(initial=-1)) + 1)
    return np.asarray(units[item] >= stock, dtype=np.bool_)
