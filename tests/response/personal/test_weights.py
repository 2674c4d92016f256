"""Weights undo a known assignment of offers, and say where they come from."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec.response.personal.weights import offer_weights

ROWS = 40_000


@pytest.fixture(scope="module")
def given():
    """Offers to those who buy anyway: the chance rises with x, which moves the purchase, too."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=ROWS)
    chance = 1 / (1 + np.exp(1.0 - 1.5 * x))
    offered = rng.random(ROWS) < chance
    rate = np.where(offered, 0.2, 0.0)
    true_effect = 0.1
    bought = rng.random(ROWS) < 0.2 + 0.05 * x.clip(-2, 2) + true_effect * offered
    features = np.column_stack([x, rng.normal(size=ROWS)]).astype(np.float32)
    return features, np.arange(ROWS) % 500, rate, np.where(offered, chance, 1 - chance), bought


def effect(weight, rate, bought):
    with_it = rate > 0
    return np.average(bought[with_it], weights=weight[with_it]) - np.average(
        bought[~with_it], weights=weight[~with_it]
    )


@pytest.mark.parametrize("known", ["all", "offers", "none"])
def test_the_effect_is_found_where_a_plain_comparison_is_wrong(given, known):
    features, user, rate, propensity, bought = given
    kept = {"all": True, "offers": rate > 0, "none": False}[known]
    found = offer_weights(features, user, rate, np.where(kept, propensity, np.nan), most=50.0)
    assert effect(np.ones(ROWS), rate, bought) > 0.15
    assert effect(found.weight, rate, bought) == pytest.approx(0.1, abs=0.025)
    says = {"all": "by the shop's propensities", "offers": "by the shop's propensities", "none": "estimated"}
    assert says[known] in str(found)


def test_weights_average_1_at_each_level_and_are_bounded(given):
    features, user, rate, propensity, _ = given
    found = offer_weights(features, user, rate, propensity, most=1e9)
    for level in np.unique(found.level):
        assert found.weight[found.level == level].mean() == pytest.approx(1.0)
    bounded = offer_weights(features, user, rate, propensity, most=3.0)
    assert bounded.weight.max() == 3.0
    assert bounded.clipped.sum() == (found.weight > 3.0).sum() > 0
    assert f"{bounded.clipped.sum():,} weights clipped" in str(bounded)


def test_randomised_offers_leave_rows_as_they_are():
    rng = np.random.default_rng(1)
    rate = rng.choice([0.0, 0.1, 0.3], 6_000)
    features = rng.normal(size=(6_000, 3)).astype(np.float32)
    found = offer_weights(features, np.arange(6_000) % 100, rate, np.full(6_000, np.nan), most=10.0)
    assert found.weight.std() < 0.1


def test_no_offer_or_one_user_is_no_problem():
    features = np.zeros((5, 1), dtype=np.float32)
    none = offer_weights(features, np.arange(5), np.zeros(5), np.full(5, np.nan), most=10.0)
    assert none.weight.tolist() == [1.0] * 5
    assert str(none) == "personal offers: none of the 5 training rows had one"
    one = offer_weights(
        features, np.zeros(5, int), np.array([0.1, 0, 0, 0, 0]), np.full(5, np.nan), most=10.0
    )
    assert np.isfinite(one.weight).all()
