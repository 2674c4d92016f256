from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from coupon_data import PER_GROUP, day, planted
from sklearn.metrics import roc_auc_score

from graphrec.coupons.history import History, covered_items
from graphrec.coupons.redemption import (
    NOT_FEATURES,
    RedemptionEnsemble,
    fit_logistic,
    link_features,
    redemption_table,
    rises,
    thin_idle,
    user_vectors,
)
from graphrec.coupons.sent import SentRegression


@pytest.fixture(scope="module")
def data():
    return planted()


@pytest.fixture(scope="module")
def tables(data):
    return redemption_table(data, (1, 2, 3, 4), rank=4), redemption_table(data, (5,), rank=4)


@pytest.fixture(scope="module")
def columns(tables):
    return [name for name in tables[0].columns if name not in NOT_FEATURES]


@pytest.fixture(scope="module")
def ensemble(tables, columns):
    return RedemptionEnsemble(columns, members=2, trees=40).fit(tables[0])


def test_full_rank_vectors_give_the_purchases_back(data):
    """With every eigenvector the filter lets everything pass."""
    history = History(data, day(90))
    vectors, items, degree = user_vectors(history, rank=1000)
    passed = vectors @ (items * degree[:, None]).T
    assert np.allclose(passed, (history.item_weeks > 0).toarray(), atol=1e-4)


def test_links_point_to_the_coupons_of_the_users_group(data):
    history = History(data, day(90))
    users = np.arange(3 * PER_GROUP)
    links = link_features(history, users, *covered_items(data, 3), rank=3)
    right = users // PER_GROUP
    for name in ("link_sum", "link_cosine", "link_redeemers"):
        assert (links[name].argmax(axis=1) == right).mean() > 0.95, name
    assert (links["link_place"].argmin(axis=1) == right).all()


def test_a_users_own_redemption_is_not_counted_as_a_likeness(data):
    one = data.redemptions.iloc[[0]].assign(user_id=1, coupon_id=100, timestamp=day(40))
    history = History(dataclasses.replace(data, redemptions=one), day(90))
    links = link_features(history, np.arange(5), *covered_items(data, 3), rank=3)
    assert links["link_redeemers"][0, 0] == 0
    assert (links["link_redeemers"][1:, 0] > 0).all()


def test_nothing_from_the_first_day_on_changes_a_link(data):
    known = data.log[data.log["timestamp"] < day(90)]
    later = data.log[data.log["timestamp"] >= day(90)].assign(item_id=5)
    other = dataclasses.replace(data, log=pd.concat([known, later]))
    ours, theirs = (redemption_table(one, (3,), rank=3) for one in (data, other))
    pd.testing.assert_frame_equal(ours, theirs)


def test_finds_the_planted_redemptions_of_a_later_campaign(ensemble, tables):
    test = tables[1]
    probability = ensemble.probability(test)
    suits = test["user"] // PER_GROUP == test["coupon"]
    ceiling = roc_auc_score(test["redeemed"], suits)  # within a group nobody can tell who will redeem
    assert 0.8 < ceiling < 0.95
    assert roc_auc_score(test["redeemed"], probability) > ceiling - 0.03
    assert probability.mean() == pytest.approx(test["redeemed"].mean(), abs=0.06)


def test_more_of_what_can_only_help_never_lowers_the_boosted_log_odds(ensemble, tables, columns):
    base = ensemble.boosted_log_odds(tables[1])
    rising = [name for name in columns if rises(name)]
    assert {"covered_weeks", "link_sum", "user_redeems", "redeemed_same"} <= set(rising)
    assert not {"rank_covered_slow", "link_place", "user_redeemed_days"} & set(rising)
    more = tables[1].assign(**{name: tables[1][name] * 1.5 + 1 for name in rising})
    assert (ensemble.boosted_log_odds(more) >= base - 1e-9).all()
    assert (ensemble.boosted_log_odds(more) > base).any()


def test_the_mean_lies_between_its_two_parts(ensemble, tables, columns):
    table = tables[1]
    rows, weight = thin_idle(tables[0], ensemble.idle_share, ensemble.seed)
    smooth = SentRegression(columns, ensemble.strength).fit(tables[0].iloc[rows], weight).log_odds(table)
    boosted = ensemble.boosted_log_odds(table)
    assert np.allclose(ensemble.log_odds(table), (smooth + boosted) / 2)
    trees = dataclasses.replace(ensemble, regression_share=0.0)
    assert (trees.log_odds(table) == boosted).all()


def test_the_regression_cuts_off_what_lies_far_out(tables, columns):
    regression = fit_logistic(tables[0], columns, 1.0, seed=0)
    row = tables[1][columns].iloc[[0, 0]].to_numpy(float)
    row[:, columns.index("covered_spend")] = 1e6, 1e9
    assert np.ptp(regression.decision_function(row)) == 0


def test_an_ensemble_that_was_not_fitted_says_so(tables, columns):
    with pytest.raises(RuntimeError, match="fit comes before"):
        RedemptionEnsemble(columns).log_odds(tables[1])


def test_the_labels_of_the_test_change_nothing(ensemble, tables):
    flipped = tables[1].assign(redeemed=~tables[1]["redeemed"])
    assert (ensemble.log_odds(flipped) == ensemble.log_odds(tables[1])).all()


def test_the_same_seed_gives_the_same_and_another_another(tables, columns, ensemble):
    again = RedemptionEnsemble(columns, members=2, trees=40).fit(tables[0])
    other = RedemptionEnsemble(columns, members=2, trees=40, seed=7, idle_share=0.5).fit(tables[0])
    assert (again.log_odds(tables[1]) == ensemble.log_odds(tables[1])).all()
    assert (other.log_odds(tables[1]) != ensemble.log_odds(tables[1])).any()


def test_thinning_keeps_every_active_pair_and_the_total_weight():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"redeemed": rng.random(20_000) < 0.01, "covered_weeks": rng.random(20_000) < 0.1})
    rows, weight = thin_idle(table, 0.1, seed=1)
    assert set(np.flatnonzero(table["redeemed"] | table["covered_weeks"])) <= set(rows)
    assert weight.sum() == pytest.approx(len(table), rel=0.03)
    assert len(rows) < 5000
