"""What is paid: discounts and their depth, how often prices change, and weeks in which no price is known."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray
from graphrec.data.interactions import Columns
from graphrec.data.profile.coded import CodedLog

SMALLEST = 0.005
"""A price that is lower by less than this share is the same one, rounded."""
_DEPTHS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75)


def prices_there(log: CodedLog) -> list[str]:
    """List the columns of prices that a log has, the one before any discount first."""
    return [one for one in (Columns.REGULAR_PRICE, Columns.SHELF_PRICE, Columns.PRICE) if one in log.frame]


def depth(log: CodedLog) -> FloatArray | None:
    """Compute the discount of each row, 0 ≤ depth < 1; nothing where only one price is known. ``[rows]``.

    It is the share by which the lowest price lies below the highest of regular, shelf and paid price.
    """
    names = prices_there(log)
    if len(names) < 2:
        return None
    before = log.frame[names[0]].to_numpy(dtype=np.float64)
    paid = log.frame[names[-1]].to_numpy(dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 1 - paid / before
    return np.where(np.isfinite(found) & (before > 0), found.clip(0, 1), np.nan)


def discounts(log: CodedLog) -> pd.DataFrame:
    """Tell how often and how deep each kind of discount is.

    Returns:
        ``discount`` (the shop's own, by coupons, of any kind), ``rows``, ``share`` (of the rows whose two
        prices are known), ``mean_depth`` and ``median_depth`` (of the discounted); empty without two prices.
    """
    kinds = [
        ("the shop's own", Columns.REGULAR_PRICE, Columns.SHELF_PRICE),
        ("by coupons", Columns.SHELF_PRICE, Columns.PRICE),
    ]
    names = prices_there(log)
    rows = [_of_kind(log, *kind) for kind in kinds if kind[1] in names and kind[2] in names]
    if len(names) > 1:
        rows.append(_of_kind(log, "of any kind", names[0], names[-1]))
    return pd.DataFrame(rows, columns=["discount", "rows", "share", "mean_depth", "median_depth"])


def _of_kind(log: CodedLog, words: str, before: str, after: str) -> tuple[str, int, float, float, float]:
    high, low = (log.frame[name].to_numpy(dtype=np.float64) for name in (before, after))
    known = np.isfinite(high) & np.isfinite(low) & (high > 0)
    found = 1 - low[known] / high[known]
    deep = found[found > SMALLEST]
    middle = (float(deep.mean()), float(np.median(deep))) if len(deep) else (np.nan, np.nan)
    return (words, len(deep), len(deep) / max(int(known.sum()), 1), *middle)


def depths(of_row: FloatArray) -> pd.DataFrame:
    """Count discounted rows by their depth: ``depth`` (in words), ``rows`` and ``share`` (of them)."""
    deep = of_row[np.nan_to_num(of_row) > SMALLEST]
    bounds = [0.0, *_DEPTHS, 1.0 + 1e-9]
    words = [f"{100 * low:.0f}–{100 * high:.0f} %" for low, high in pairwise(bounds)]
    counts, _ = np.histogram(deep, bins=bounds)
    return pd.DataFrame({"depth": words, "rows": counts, "share": counts / max(len(deep), 1)})


def weekly_discounts(log: CodedLog, of_row: FloatArray) -> pd.DataFrame:
    """Compute the share of discounted rows of each month of four weeks: ``week`` and ``share``."""
    if Columns.WEEK not in log.frame:
        return pd.DataFrame(columns=["week", "share"])
    known = np.isfinite(of_row)
    block = (log.frame[Columns.WEEK].to_numpy(dtype=np.int64)[known] - 1) // 4
    share = pd.Series(of_row[known] > SMALLEST, dtype="float64").groupby(block).mean()
    return pd.DataFrame({"week": 4 * share.index.to_numpy() + 1, "share": share.to_numpy()})


def price_changes(log: CodedLog) -> pd.DataFrame:
    """Tell how prices of items move and where they are unknown.

    Returns:
        ``what`` and ``value``, both text: items with one price alone, the median number of prices of the
        others, and how far their highest lies above their lowest. With weeks also the item-weeks between
        first and last sale without a sale: no price is known there.
    """
    names = prices_there(log)
    if not names:
        return pd.DataFrame(columns=["what", "value"])
    price = log.frame[names[-1]].round(2)
    by_item = price.groupby(log.item)
    spread = pd.DataFrame(
        {"prices": by_item.nunique(), "low": by_item.min(), "high": by_item.max(), "rows": by_item.size()}
    )
    sold_often = spread[(spread["rows"] > 1) & (spread["prices"] > 0)]
    moving = sold_often[sold_often["prices"] > 1]
    one = len(sold_often) - len(moving)
    ratio = (moving["high"] / moving["low"].where(moving["low"] > 0)).median()
    rows = [
        ("rows without a price", _of(int(price.isna().sum()), len(price))),
        ("rows at a price of 0", _of(int((price == 0).sum()), len(price))),
        ("items sold more than once, always at one price", _of(one, len(sold_often))),
        ("prices of the others, median", f"{moving['prices'].median():,.0f}" if len(moving) else "–"),
        ("highest to lowest price of these, median", f"{ratio:.2f} times" if np.isfinite(ratio) else "–"),
        *_gaps(log, price.notna().to_numpy()),
    ]
    return pd.DataFrame(rows, columns=["what", "value"])


def _gaps(log: CodedLog, priced: BoolArray) -> list[tuple[str, str]]:
    """Count item-weeks between first and last sale, and those without a price."""
    if Columns.WEEK not in log.frame or not priced.any():
        return []
    week = pd.Series(log.frame[Columns.WEEK].to_numpy(dtype=np.int64)[priced])
    by_item = week.groupby(log.item[priced])
    life = int((by_item.max() - by_item.min() + 1).sum())
    return [
        (
            "item-weeks between first and last sale without a price",
            _of(life - int(by_item.nunique().sum()), life),
        )
    ]


def _of(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({part / max(whole, 1):.1%})"


def kinds_of(values: pd.Series[Any], most: int = 12) -> pd.DataFrame:
    """Count rows by a rating or an event: ``value``, ``rows`` and ``share``; rare ones together."""
    counts = values.value_counts()
    if pd.api.types.is_numeric_dtype(values):
        counts = _binned(values) if len(counts) > most else counts.sort_index()
    names = [f"{one:g}" if isinstance(one, float) else str(one) for one in counts.index]
    found = list(zip(names, counts.tolist(), strict=True))
    shown, rest = found[:most], found[most:]
    shown += [(f"{len(rest):,} others", sum(rows for _, rows in rest))] if rest else []
    shown += [("none", int(values.isna().sum()))] if values.isna().any() else []
    table = pd.DataFrame(shown, columns=["value", "rows"])
    return table.assign(share=table["rows"] / len(values))


def _binned(values: pd.Series[Any]) -> pd.Series[Any]:
    """Count numbers in ten bins."""
    counts, edges = np.histogram(values.dropna(), bins=10)
    return pd.Series(counts, index=[f"{low:.3g}–{high:.3g}" for low, high in pairwise(edges)])
