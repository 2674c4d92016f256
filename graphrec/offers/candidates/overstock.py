"""Stock beyond what is expected to sell without a discount."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray
from graphrec.data.interactions import Columns, IdMap
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.offers.candidates.eligibility import LATE_WEEKS, log_weeks
from graphrec.response.curves import MEDIAN_ELASTICITY


def expected_units(log: pd.DataFrame, items: IdMap, week: int | None, horizon: int) -> FloatArray:
    """Forecast what each item sells without a discount: its weekly units of late, times the weeks.

    What was sold at a discount counts as what would have been sold at the regular price. The assumed
    elasticity of 1.5 says how much that is.

    Args:
        log: The whole log.
        items: The catalogue.
        week: The week that is decided for: only earlier ones count; the last ones of the log if missing.
        horizon: Weeks to forecast.

    Returns:
        Units. Shape ``[I]``.

    Raises:
        InputError: If the log has no weeks.
    """
    weeks = log_weeks(log, "a forecast of sales")
    end = int(weeks.max()) + 1 if week is None else min(week, int(weeks.max()) + 1)
    span = min(LATE_WEEKS, end - int(weeks.min()))
    late = (weeks >= end - span) & (weeks < end)
    rows = log[late]
    units = rows.get(Columns.QUANTITY, pd.Series(1.0, rows.index)).fillna(1.0).to_numpy(dtype=np.float64)
    code = items.codes(rows[Columns.ITEM])
    sold = np.bincount(code[code >= 0], (units * _undiscounted(rows))[code >= 0], len(items))
    return np.asarray(sold / max(span, 1) * horizon, dtype=np.float64)


def _undiscounted(rows: pd.DataFrame) -> FloatArray:
    """Find the share of each row's units that would have been sold at the regular price. Shape ``[rows]``."""
    if not {Columns.REGULAR_PRICE, Columns.SHELF_PRICE} <= set(rows):
        return np.ones(len(rows))
    paid = (rows[Columns.SHELF_PRICE] / rows[Columns.REGULAR_PRICE]).clip(0.01, 1.0).fillna(1.0)
    return np.asarray(paid.to_numpy(dtype=np.float64) ** MEDIAN_ELASTICITY, dtype=np.float64)


def overstocked(
    stock: pd.Series[Any] | None, expected: FloatArray, items: IdMap, factor: float, horizon: int
) -> BoolArray:
    """Mark the items that hold more than so many times what they are expected to sell, and say how many.

    Args:
        stock: Units on hand by ``item_id`` as text; items without one are no overstock.
        expected: What each item is expected to sell. Shape ``[I]``.
        items: The catalogue.
        factor: How many times.
        horizon: Weeks of the expectation, for the message.

    Raises:
        InputError: If no stock is given, or none is more than that.
    """
    if stock is None:
        what, hint = "overstock is about units on hand", "give a table of them with --stock"
        raise InputError(what, column="overstock", hint=hint)
    units = stock.reindex(pd.Index(items.ids).astype("str")).to_numpy(dtype=np.float64)
    marks = np.asarray(np.nan_to_num(units) > factor * expected, dtype=np.bool_)
    if not marks.any():
        what = f"no item has more stock than {_times(factor, horizon)} expected to sell"
        raise InputError(what, column="overstock", hint="lower the factor, or leave it out")
    over = float((units - factor * expected)[marks].sum())
    note(
        f"overstock: {int(marks.sum()):,} of {int(np.isfinite(units).sum()):,} items with a stock hold more"
        f" than {_times(factor, horizon)} expected to sell without a discount,"
        f" {over:,.0f} units in all"
    )
    return marks


def _times(factor: float, weeks: int) -> str:
    """Say ``1.5 times what 4 weeks are``."""
    what = "what a week is" if weeks == 1 else f"what {weeks} weeks are"
    return what if factor == 1 else f"{factor:g} times {what}"
