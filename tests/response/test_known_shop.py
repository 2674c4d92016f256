"""The files of the shop whose truth is known say what its truth says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from known_shop import KnownShop

from graphrec.data.sources import table

SMALL = {"users": 150, "items": 40, "weeks": 12}


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop = KnownShop.drawn(seed=1, **SMALL)
    return shop, folder, shop.open(folder)


def test_coupons_are_taken_up_as_often_as_the_truth_says(opened):
    shop, folder, _ = opened
    offers = pd.read_csv(folder / "offers.csv", dtype={"item_id": str})
    shelf = shop.shelf[shop.codes(offers["user_id"], offers["item_id"])[1], offers["week"] - 1]
    rate = 1 - (1 - shelf) * (1 - offers["rate"].to_numpy())
    expected = shop.probability(offers["user_id"], offers["item_id"], rate)
    error = np.sqrt((expected * (1 - expected)).sum())
    assert abs(expected.sum() - offers["redeemed"].sum()) < 4 * error
    assert not offers["user_id"].isin(shop.users[shop.holdout]).any()
    assert offers["propensity"].to_numpy() == pytest.approx(0.1), "each of three levels, three weeks in ten"


def test_the_log_is_read_as_any_other_and_returns_are_left_out(opened):
    shop, folder, log = opened
    raw = table(str(folder / "log.csv"), users=str(folder / "users.csv"), items=str(folder / "items.csv"))
    assert len(raw.log) == (log["quantity"] > 0).sum() < len(log)
    assert set(raw.log["item_id"]) <= set(shop.items)
    paid = raw.log["price"] / raw.log["shelf_price"]
    assert (paid < 0.95).mean() > 0.05, "coupons are paid with"
    assert _varying(raw.log) == 0


def test_confounded_coupons_go_to_those_who_buy_anyway(tmp_path):
    shop = KnownShop.drawn(seed=1, coupons="confounded", **SMALL)
    log = shop.open(tmp_path, shelf_known=False)
    offers = pd.read_csv(tmp_path / "offers.csv", dtype={"item_id": str})
    assert "propensity" not in offers
    pool = shop.chance > 0
    assert np.corrcoef(shop.chance[pool], shop.base[pool])[0, 1] > 0.8
    assert _varying(log) > 0.3
    deep = offers["rate"] > 0.25
    at = shop.codes(offers["user_id"], offers["item_id"])
    assert shop.base[at][deep].mean() > shop.base[at][~deep].mean() + 0.3


def test_a_week_under_given_offers_brings_what_the_truth_says():
    shop = KnownShop.drawn(seed=2, **SMALL, coupons="none")
    pairs = pd.MultiIndex.from_product([shop.users, shop.items]).to_frame(index=False)
    offers = pairs.set_axis(["user_id", "item_id"], axis=1).assign(rate=0.3)
    more = shop.brings(offers)
    assert more["units"] > 0
    sold = []
    for given in (offers, offers.assign(rate=0.0)):
        weeks = [shop.week(13, given, seed=world)[0] for world in range(30)]
        shelf = shop.shelf[:, 12] == 0  # `brings` has no deals on the shelf
        sold.append(np.mean([_bought(rows, shop.items[shelf]) for rows in weeks]))
    plain = shop.brings(offers[offers["item_id"].isin(shop.items[shop.shelf[:, 12] == 0])])
    assert sold[0] - sold[1] == pytest.approx(plain["units"], rel=0.1)
    again, _ = shop.week(13, offers)
    pd.testing.assert_frame_equal(again, shop.week(13, offers)[0])


def _bought(rows: pd.DataFrame, items: np.ndarray) -> int:
    return int(((rows["quantity"] > 0) & rows["item_id"].isin(items)).sum())


def _varying(log: pd.DataFrame) -> float:
    """Compute the share of item-weeks with more than one price on the shelf."""
    return float((log.groupby(["item_id", "week"])["shelf_price"].agg(np.ptp) > 0.005).mean())
