"""What a shop does in a market whose truth is known: learning, policies at equal spend, judging."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec.data.datasets.synthetic import synthetic
from graphrec.errors import InputError
from graphrec.offers.levels import LEVELS
from graphrec.offpolicy.market import draw_market
from graphrec.offpolicy.market_facts import market_facts
from graphrec.offpolicy.shop.judging import (
    answers,
    estimated_propensities,
    judge,
    learned_levels,
    levels_of,
    naive_value,
    shallow_propensities,
    true_value,
)
from graphrec.offpolicy.shop.learned import fit_response
from graphrec.offpolicy.shop.policies import (
    POLICIES,
    WORST_CASE,
    articles_budget,
    averaged,
    judged,
    rates,
)
from graphrec.offpolicy.shop.shops import Shop
from graphrec.offpolicy.simulator import even_propensities, simulate_log

PAIRS = 1200


@pytest.fixture(scope="module")
def facts():
    raw = synthetic(num_users=200, num_items=80, num_blocks=2, density=3.0, response=2.5)
    return market_facts(raw.log, raw.items, category="department", min_sold=0.5)


@pytest.fixture(scope="module")
def market(facts):
    return draw_market(facts, 0, PAIRS)


@pytest.fixture(scope="module")
def response(market):
    log = simulate_log(market, even_propensities(len(market)), 4, 0)
    return fit_response(market, log, 0).response(market)


def test_every_policy_spends_the_same_and_the_oracle_gains_most(market, response):
    budget = articles_budget(market)
    given = rates(market, response, budget)
    table = judged(market, given).set_index("policy")
    assert tuple(table.index) == POLICIES
    assert table["spend"].drop("none").to_numpy() == pytest.approx(budget, rel=0.02)
    assert (table["share"]["none"], table["share"]["oracle"]) == (0, 1)
    assert table["share"].drop(["none", "oracle"]).between(0, 1, inclusive="neither").all()
    assert table["share"]["knapsack"] > table["share"]["linear_rate"]


def test_what_a_policy_brings_is_counted_from_the_truth(market, response):
    """Written out again: expected purchases, and what the shop pays for them."""
    given = rates(market, response, articles_budget(market))
    table = judged(market, given).set_index("policy")
    elasticity, base = market.truth.elasticity, market.truth.base
    for name in ("uniform", "knapsack"):
        logit = np.log(base / (1 - base)) - elasticity * np.log(1 - given[name])
        bought = 1 / (1 + np.exp(-logit))
        assert table["units"][name] == pytest.approx(bought.sum())
        assert table["gain"][name] == pytest.approx(bought.sum() / base.sum() - 1)
        assert table["spend"][name] == pytest.approx((bought * market.price * given[name]).sum())
        profit = bought * market.price * (1 - given[name] - (1 - WORST_CASE.margin))
        assert table["profit"][name] == pytest.approx(profit.sum())
    regret = (table["units"]["oracle"] - table["units"]) / (table["units"]["oracle"] - base.sum())
    np.testing.assert_allclose(table["regret"], regret)


def test_without_an_oracle_there_is_no_regret(market):
    with pytest.raises(InputError, match="no oracle"):
        judged(market, {"none": np.zeros(len(market))})


@pytest.fixture(scope="module")
def shop(facts):
    return Shop.opened(facts, 0, PAIRS, weeks=4)


def test_more_money_never_gains_less(market, response, shop):
    budget = articles_budget(market)
    curve = shop.budget_curve([0.5, 1.0])
    assert curve["budget"].unique().tolist() == [0.5 * budget, budget]
    assert (curve["spend"] <= curve["budget"] * (1 + 1e-9)).all()
    gains = curve.pivot_table(index="budget", columns="policy", values="gain")
    assert (gains.iloc[1] >= gains.iloc[0]).all()
    again = judged(market, rates(market, response, budget))
    assert gains.iloc[1].to_dict() == pytest.approx(dict(zip(again["policy"], again["gain"], strict=True)))
    with pytest.raises(InputError, match="part"):
        shop.budget_curve([0.0])


def test_who_knows_the_law_stands_between_the_shop_and_the_oracle(shop):
    share = shop.ceiling(draws=100).set_index("policy")["share"]
    assert share["linear_rate"] < share["ceiling"] < 1
    assert share["knapsack"] <= share["ceiling"] + 0.02


def test_the_mean_over_what_is_hidden_lies_by_the_truth(facts, market):
    known = averaged(facts, market, 0, PAIRS, draws=50)
    assert known.curve(LEVELS).shape == (PAIRS, len(LEVELS))
    assert (np.diff(known.curve(LEVELS), axis=1) >= 0).all()
    assert known.base.mean() == pytest.approx(market.truth.base.mean(), rel=0.1)
    between = known.probability((LEVELS[1] + LEVELS[2]) / 2)
    np.testing.assert_allclose(between, known.table[:, 1:3].mean(axis=1))


def test_levels_and_shallow_propensities_are_what_they_say(market):
    rate = np.asarray(LEVELS)[[0, 2, len(LEVELS) - 1]]
    assert levels_of(rate).tolist() == [0, 2, len(LEVELS) - 1]
    table = shallow_propensities(market, LEVELS[2])
    np.testing.assert_allclose(table.sum(axis=1), 1)
    assert (table[:, 3:] == 0).all()
    assert (table[:, :3] > 0).all()


def test_a_randomised_log_tells_the_truth_within_its_interval(market):
    level = learned_levels(market, simulate_log(market, even_propensities(PAIRS), 2, 1))
    log = simulate_log(market, even_propensities(PAIRS), 6, 2)
    found, support = judge(market, log, level, log.propensity)
    truth = true_value(market, log, level)
    for name in ("ips", "snips", "dr"):
        assert abs(found[name].value - truth) < 3 * found[name].standard_error, name
    assert support.unsupported_mass == 0
    # propensities that are estimated on a randomised log are near the known ones
    np.testing.assert_allclose(estimated_propensities(market, log).mean(axis=0), log.propensity[0], atol=0.02)
    taken = [bought for bought, a, b in zip(log.bought, log.level, level[log.pair], strict=True) if a == b]
    assert naive_value(log, level) == pytest.approx(np.mean(taken))


def test_answers_stand_beside_the_truth(market):
    level = learned_levels(market, simulate_log(market, even_propensities(PAIRS), 2, 1))
    known = simulate_log(market, even_propensities(PAIRS), 6, 2)
    table = answers(market, known, level).set_index("estimator")
    values, _ = judge(market, known, level, known.propensity)
    assert table["value"].drop("naive").to_dict() == {name: one.value for name, one in values.items()}
    assert table["value"]["naive"] == naive_value(known, level)
    np.testing.assert_allclose(table["error"], table["value"] - true_value(market, known, level))
    inside = (table["low"] <= table["truth"]) & (table["truth"] <= table["high"])
    assert table["covered"].drop("naive").tolist() == inside.drop("naive").tolist()
    assert table["covered"].isna()["naive"]
    unknown = simulate_log(market, even_propensities(PAIRS), 6, 2, known=False)
    assert answers(market, unknown, level).set_index("estimator")["value"]["dr"] != table["value"]["dr"]


def test_a_shallow_log_refuses_to_judge_deep_discounts(market):
    log = simulate_log(market, shallow_propensities(market, 0.1), 2, 3)
    deepest = np.full(PAIRS, len(LEVELS) - 1)
    found, support = judge(market, log, deepest, log.propensity)
    assert support.unsupported_mass == 1
    assert all(np.isnan(one.value) and "never offered" in one.reason for one in found.values())
