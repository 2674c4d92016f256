from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from coupon_data import PER_GROUP, day, planted

from graphrec.coupons.features import covered_purchases
from graphrec.coupons.history import History, covered_items
from graphrec.coupons.trips import covered_trips, pool_places, trip_features


@pytest.fixture(scope="module")
def data():
    return planted()


@pytest.fixture(scope="module")
def history(data):
    return History(data, day(90))


@pytest.fixture(scope="module")
def covered(data):
    return covered_items(data, 3)


def features_of(history, users, covers, days):
    return trip_features(history, users, covers, covered_purchases(history, users, covers), days)


@pytest.fixture(scope="module")
def features(history, covered):
    return features_of(history, np.arange(3 * PER_GROUP), covered[1], days=28)


def test_trips_agree_with_a_naive_count(data, history, covered, features):
    log = data.log[data.log["timestamp"] < day(90)]
    back = (day(90) - log["timestamp"]).dt.total_seconds() // (7 * 86_400)
    log = log.assign(back=back, coupon=log["shelf_price"] - log["price"] > 0.005)
    coupons, covers = covered
    for user in (0, 17, 41):
        mine = log[log["user_id"] == data.users_map.ids[user]]
        for column in range(len(coupons)):
            items = data.items_map.ids[covers[:, [column]].nonzero()[0]]
            found = mine[mine["item_id"].isin(items)]
            trips = found.groupby("basket_id").agg(back=("back", "first"), coupon=("coupon", "any"))
            share = len(trips) / mine["basket_id"].nunique()
            away = trips["back"].min() if len(trips) else 60
            decayed = np.exp(-trips["back"] / 10)[trips["coupon"]].sum()
            ours = {name: values[user, column] for name, values in features.items()}
            assert ours["trip_rate"] == pytest.approx(len(trips) / history.weeks, rel=1e-5)
            assert ours["trip_slow"] == pytest.approx(np.exp(-trips["back"] / 8).sum(), rel=1e-5)
            assert ours["trip_share"] == pytest.approx(share, rel=1e-5)
            assert ours["trip_weeks_away"] == away
            assert ours["trip_coupon"] == pytest.approx(decayed, rel=1e-5, abs=1e-6)


def test_a_basket_number_that_two_users_share_is_two_trips(history, covered):
    """Shops that number the baskets of each user anew must get the same features."""
    users = np.arange(6)
    numbered = History(history.data, history.day)
    by_user = numbered.lines.groupby("user")["basket"].rank(method="dense").astype(int)
    numbered.lines = numbered.lines.assign(basket=by_user)
    ours, theirs = (covered_trips(one, users, covered[1]) for one in (numbered, history))
    for name, values in theirs.items():
        assert np.allclose(ours[name], values, rtol=1e-5), name


def test_an_item_bought_once_a_week_is_expected_once_a_week(data, history, covered):
    """Probability of at least one event of a Poisson process with one event per week."""
    weeks = np.arange(int(history.weeks))
    steady = History(data, history.day)
    item = covered[1][:, [0]].nonzero()[0][0]
    steady.lines = pd.DataFrame(
        {"user": 0, "item": item, "basket": weeks, "week_back": weeks, "spend": 2.0}
    ).assign(coupon_saving=0.0, shelf_saving=0.0)
    found = features_of(steady, np.array([0]), covered[1], days=7)
    assert found["trip_expected"][0, 0] == pytest.approx(1 - np.exp(-1), abs=0.03)
    assert found["trip_spend_share"][0, 0] == 1
    assert found["trip_expected"][0, 1:].max() == found["trip_spend_share"][0, 1:].max() == 0


def test_the_places_name_the_coupon_of_the_users_group(features):
    right = np.arange(3 * PER_GROUP) // PER_GROUP
    for name in ("place_slow", "place_lift", "place_expected", "place_spend_share"):
        assert (features[name].argmin(axis=1) == right).all(), name
        assert features[name].max() <= 1
        among = features[f"{name}_among_users"]
        for group in range(3):
            assert among[right == group, group].max() < among[right != group, group].min(), name


def test_a_pool_in_which_more_is_expected_leaves_a_smaller_share(features, covered):
    total = features["trip_expected"].sum(axis=1)
    assert np.allclose(features["pool_expected"][:, 0], total, rtol=1e-5)
    assert np.allclose(features["pool_expected_share"].sum(axis=1), 1, atol=1e-5)
    doubled = pool_places(features | {"trip_expected": 2 * features["trip_expected"]}, covered[1])
    assert np.allclose(doubled["place_expected"], features["place_expected"])
    assert np.allclose(doubled["pool_expected_share"], features["pool_expected_share"], atol=1e-5)
