"""Whether a shelf price holds for everybody, and what personal offers took off it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import RATE, REDEEMED
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.response.personal.offers import KEY

PricesVary = Literal["refuse", "accept"]
CELL = [Columns.ITEM, Columns.WEEK]
ROUNDING, ROUNDING_SHARE = 0.02, 0.02
"""Prices are the same within two hundredths of money, or 2 per cent: units of a line are rounded."""
ODD_ROWS = 0.05
"""In an item-week whose prices vary, more rows than this share are off its median."""
MOST_VARYING = 0.1
"""Of the item-weeks with two purchases or more; beyond it a shelf price is not one for all."""
_CLEAR = 0.02
"""Rates from here on tell whether a shelf price holds an offer."""


def without_offers(log: pd.DataFrame, offers: pd.DataFrame) -> pd.DataFrame:
    """Put personal offers back onto the shelf prices, if the log's shelf prices are what was left after them.

    Whether they are follows from rows with an offer, against other rows of their item and week.

    Args:
        log: Rows with ``user_id``, ``item_id``, ``week``, ``regular_price`` and ``shelf_price``.
        offers: As from `graphrec.response.personal.offers.read_offers`; those not redeemed took nothing off.

    Returns:
        The log with the shelf prices that everybody saw.
    """
    if Columns.SHELF_PRICE not in log:
        return log
    taken = offers.loc[(offers[RATE] > 0) & ~(offers[REDEEMED] <= 0), [*KEY, RATE]]
    rate = log[KEY].merge(taken, on=KEY, how="left")[RATE].fillna(0.0).to_numpy()
    if not _inside(log, rate):
        return log
    note("shelf prices of the log hold personal offers; they are put back, as the table of offers tells")
    return log.assign(**{Columns.SHELF_PRICE: log[Columns.SHELF_PRICE].to_numpy() / (1.0 - rate)})


def _inside(log: pd.DataFrame, rate: FloatArray) -> bool:
    """Tell whether rows with an offer are as much cheaper than others as the offer says."""
    shelf = log[Columns.SHELF_PRICE]
    cells = [log[name] for name in CELL]
    usual = shelf.where(rate == 0).groupby(cells).transform("median")
    with np.errstate(divide="ignore", invalid="ignore"):
        part = ((1.0 - shelf / usual) / rate)[rate >= _CLEAR].dropna()
    return bool(len(part)) and float(part.median()) > 0.5


def varying_cells(log: pd.DataFrame) -> tuple[pd.Series[bool], BoolArray]:
    """Find item-weeks whose prices differ by more than rounding.

    Args:
        log: Rows with ``item_id``, ``week`` and ``shelf_price``.

    Returns:
        Whether they do, of each item-week with two purchases or more; and the rows that are off. ``[n]``.
    """
    rows = log[[*CELL, Columns.SHELF_PRICE]]
    by_cell = rows.groupby(CELL)[Columns.SHELF_PRICE]
    usual = by_cell.transform("median")
    room = np.maximum(ROUNDING, ROUNDING_SHARE * usual)
    off = ((rows[Columns.SHELF_PRICE] - usual).abs() > room + 1e-9).rename("off")
    cells = pd.concat([rows[CELL], off], axis=1).groupby(CELL)["off"].agg(["mean", "size"])
    several = cells[cells["size"] > 1]
    return several["mean"] > ODD_ROWS, off.to_numpy()


def how_prices_vary(log: pd.DataFrame) -> str:
    """Say how many item-weeks have several prices, with an example; empty if they are few.

    Args:
        log: As of `varying_cells`; without ``shelf_price`` nothing varies.
    """
    if Columns.SHELF_PRICE not in log:
        return ""
    varies, off = varying_cells(log)
    if not len(varies) or varies.mean() <= MOST_VARYING:
        return ""
    item, week = varies.index[varies.to_numpy()][0]
    here = ((log[Columns.ITEM] == item) & (log[Columns.WEEK] == week)).to_numpy()
    first = log.loc[here & off, Columns.SHELF_PRICE].iloc[0]
    others = log.loc[here & ~off, Columns.SHELF_PRICE]
    other = others.iloc[0] if len(others) else log.loc[here, Columns.SHELF_PRICE].max()
    low, high = sorted((first, other))
    return (
        f"shelf prices of an item differ within {varies.mean():.0%} of the item-weeks:"
        f" {item} in week {week} for {low:.2f} and {high:.2f}"
    )


def check_prices(log: pd.DataFrame, file: str, given: bool, choice: PricesVary) -> None:
    """Refuse prices that vary from buyer to buyer, unless that is accepted: a non-buyer's price is not known.

    Args:
        log: The log, personal offers put back.
        file: Of the log.
        given: Whether there is a table of offers.
        choice: What was asked for.

    Raises:
        InputError: If they vary.
    """
    said = "" if choice == "accept" else how_prices_vary(log)
    if not said:
        return
    beside = "the table of offers does not explain it" if given else "what a non-buyer was asked is not known"
    give = "correct the table" if given else "give personal discounts as offers: {path: offers.csv}"
    hint = f"{give}, or take the median, where stores or days differ: prices_vary: accept"
    raise InputError(f"{said}; {beside}", file=file, column=Columns.SHELF_PRICE, hint=hint)
