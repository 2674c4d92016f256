"""Stock on hand: a clearance gives no discount on what sells out without one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import STOCK
from graphrec.data.tables.read import TextFormat, read_table
from graphrec.notices import warn


def read_stock(
    path: Path, columns: Mapping[str, str | None] | None = None, text: TextFormat | None = None
) -> pd.Series[Any]:
    """Read units on hand by ``item_id`` from a table with ``item_id`` and ``stock``; rows are added up.

    Args:
        path: The table; see `graphrec.data.tables.read.read_table`, also for the other arguments.
        columns: Our name → the file's name.
        text: How to read a text file.

    Raises:
        InputError: If the file is missing, lacks a column, or a stock is not a number of 0 or more.
    """
    frame = read_table(path, columns, kind="stock", text=text)
    several = frame.loc[frame[Columns.ITEM].duplicated(), Columns.ITEM].unique()
    if len(several):
        what = f"{len(several):,} items stand in several rows, as {several[0]}: their stock is added up"
        warn(what, file=path, hint="keep one row of each if they are one stock at several times")
    return frame.groupby(Columns.ITEM)[STOCK].sum()


def sells_out(units: FloatArray, item: IntArray, stock: FloatArray) -> BoolArray:
    """Mark pairs of items that are expected to sell out at the regular price.

    Args:
        units: Expected at the regular price, of all pairs that may get an offer. Shape ``[P]``.
        item: Code of each pair's item. Shape ``[P]``.
        stock: Units on hand of each pair's item, infinite where it is not known. Shape ``[P]``.

    Returns:
        Shape ``[P]``. Other users may buy the item too, so that an item may sell out and not be marked.
    """
    wanted = np.bincount(item, units, int(item.max(initial=-1)) + 1)
    return np.asarray(wanted[item] >= stock, dtype=np.bool_)
