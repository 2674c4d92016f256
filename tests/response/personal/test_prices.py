"""Shelf prices that vary from buyer to buyer are refused, put right by a table of offers, or accepted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.errors import InputError
from graphrec.response.personal.prices import check_prices, how_prices_vary, without_offers


def sold(users=20, weeks=6, seed=0) -> pd.DataFrame:
    """Every user buys two items each week; the shelf has a depth for all."""
    rng = np.random.default_rng(seed)
    rows = pd.MultiIndex.from_product([range(users), ["007", "茶"], range(1, weeks + 1)])
    log = rows.to_frame(index=False, name=["user_id", "item_id", "week"])
    depth = pd.Series(
        rng.choice([0.0, 0.2], 2 * weeks), index=log.set_index(["item_id", "week"]).index.unique()
    )
    asked = 3.99 * (1 - depth.reindex(pd.MultiIndex.from_frame(log[["item_id", "week"]])).to_numpy())
    return log.assign(user_id=log["user_id"].astype(str), regular_price=3.99, shelf_price=asked.round(2))


def offers_on(log: pd.DataFrame, share=0.4, redeemed=np.nan) -> pd.DataFrame:
    """Offers to every other user or so, with 10 or 30 per cent."""
    rng = np.random.default_rng(1)
    given = log[rng.random(len(log)) < share][["user_id", "item_id", "week"]]
    return given.assign(rate=rng.choice([0.1, 0.3], len(given)), redeemed=redeemed)


def paid(log: pd.DataFrame, offers: pd.DataFrame) -> pd.DataFrame:
    both = log.merge(offers[["user_id", "item_id", "week", "rate"]], how="left").fillna({"rate": 0.0})
    return log.assign(shelf_price=(log["shelf_price"] * (1 - both["rate"].to_numpy())).round(2))


def test_one_price_for_all_passes_with_its_rounding():
    log = sold()
    log["shelf_price"] += np.where(np.arange(len(log)) % 2, 0.01, -0.01)
    check_prices(log, "log.csv", given=False, choice="refuse")


def test_personal_prices_are_refused_with_the_share_and_an_example():
    log = paid(sold(), offers_on(sold()))
    with pytest.raises(InputError) as caught:
        check_prices(log, "log.csv", given=False, choice="refuse")
    said = str(caught.value)
    assert (
        "log.csv, column 'shelf_price': shelf prices of an item differ within 100% of the item-weeks" in said
    )
    item, week = said.split(": ")[2].split(" for ")[0].split(" in week ")
    here = log[(log["item_id"] == item) & (log["week"] == int(week))]["shelf_price"]
    assert all(f"{price:.2f}" in {f"{one:.2f}" for one in here} for price in pair_in(said))
    assert "offers: {path: offers.csv}" in said
    assert "prices_vary: accept" in said
    check_prices(log, "log.csv", given=False, choice="accept")


def pair_in(said: str) -> list[float]:
    words = said.split(" for ")[1].split(";")[0].split(" and ")
    return [float(word) for word in words]


def test_offers_are_put_back_onto_prices_that_hold_them(capfd):
    log = sold()
    offers = offers_on(log)
    found = without_offers(paid(log, offers), offers)
    assert found["shelf_price"].to_numpy() == pytest.approx(log["shelf_price"].to_numpy(), abs=0.01)
    assert "are put back" in capfd.readouterr().err
    check_prices(found, "log.csv", given=True, choice="refuse")


def test_prices_without_offers_in_them_are_left_alone(capfd):
    log = sold()
    assert without_offers(log, offers_on(log)) is log
    assert capfd.readouterr().err == ""


def test_a_log_without_shelf_prices_is_refused_where_they_are_needed():
    log = sold().drop(columns="shelf_price")
    assert without_offers(log, offers_on(log)) is log


def test_an_offer_that_was_not_redeemed_took_nothing_off():
    log = sold()
    offers = offers_on(log)
    offers["redeemed"] = (np.arange(len(offers)) % 3 > 0).astype(float)
    given = paid(log, offers[offers["redeemed"] > 0])
    found = without_offers(given, offers)
    assert found["shelf_price"].to_numpy() == pytest.approx(log["shelf_price"].to_numpy(), abs=0.01)


def test_a_table_that_does_not_explain_the_prices_is_said_so():
    log = paid(sold(), offers_on(sold()))
    other = offers_on(sold(), share=0.1).head(3).assign(rate=0.5)
    with pytest.raises(InputError, match="the table of offers does not explain it"):
        check_prices(without_offers(log, other), "log.csv", given=True, choice="refuse")


def test_few_odd_rows_and_single_buyers_are_no_reason():
    log = sold(users=40)
    log.loc[log.index % 79 == 0, "shelf_price"] = 0.5
    assert how_prices_vary(log) == ""
    one = sold(users=1)
    assert how_prices_vary(one.assign(shelf_price=np.arange(len(one)))) == ""
    assert how_prices_vary(one.drop(columns="shelf_price")) == ""
    assert how_prices_vary(one.assign(shelf_price=np.nan)) == ""
