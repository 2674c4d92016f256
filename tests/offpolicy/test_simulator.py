from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.errors import InputError
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.decide import decide
from graphrec.offers.economics import Economics
from graphrec.offers.policies.by_value import GreedyROI, Knapsack
from graphrec.offers.policies.rules import Affinity, LinearRate, Uniform
from graphrec.offpolicy.equal_spend import agreed_profit, controlled, scaled_rule
from graphrec.offpolicy.market import Market
from graphrec.offpolicy.market_facts import FEATURES
from graphrec.offpolicy.simulator import (
    LEVELS,
    confounded_propensities,
    even_propensities,
    outcome,
    simulate_log,
)
from graphrec.response.curves import ElasticResponse

SHOP = Economics(0.3, 1.0)


def market(pairs=400, seed=0, users=40):
    rng = np.random.default_rng(seed)
    base = rng.beta(1.0, 8.0, pairs).clip(0.01, 0.9)
    return Market(
        user=np.arange(pairs) % users,
        item=np.arange(pairs) // users,
        category=np.zeros(pairs, dtype=int),
        price=rng.lognormal(0.5, 0.6, pairs),
        visit_rate=np.full(pairs, 0.6),
        features=rng.normal(size=(pairs, len(FEATURES))),
        truth=ElasticResponse(base, rng.lognormal(0.4, 0.5, pairs)),
        hidden=np.zeros(pairs),
        hidden_sigma=0.5,
    )


def test_outcome_against_a_loop():
    shop, rate = market(30), np.linspace(0, 0.3, 30)
    units = revenue = profit = spend = 0.0
    for i in range(30):
        p, price = shop.truth.probability(rate)[i], shop.price[i]
        units, revenue = units + p, revenue + p * price * (1 - rate[i])
        profit, spend = profit + p * price * (0.3 - rate[i]), spend + p * price * rate[i]
    found = outcome(shop, rate, SHOP)
    assert (found.units, found.revenue) == pytest.approx((units, revenue))
    assert (found.profit, found.spend) == pytest.approx((profit, spend))
    assert outcome(shop, 0.0, SHOP).spend == 0.0


def test_randomised_levels_have_their_propensities_and_purchases_their_probability():
    shop = market(300)
    log = simulate_log(shop, even_propensities(300), weeks=60, seed=1)
    share = np.bincount(log.level, minlength=len(LEVELS)) / len(log)
    np.testing.assert_allclose(share, log.propensity[0], atol=0.02)
    expected = shop.truth.curve(LEVELS)[log.pair, log.level]
    noise = np.sqrt((expected * (1 - expected)).sum())
    assert abs(log.bought.sum() - expected.sum()) < 4 * noise
    assert len(log) == pytest.approx(0.6 * 300 * 60, rel=0.05)
    assert log.week.max() == 59


def test_twins_share_visits_and_chance():
    shop = market()
    even = simulate_log(shop, even_propensities(len(shop)), 3, seed=5)
    tilted = simulate_log(shop, confounded_propensities(shop), 3, seed=5, known=False)
    np.testing.assert_array_equal(even.pair, tilted.pair)
    same = even.level == tilted.level
    assert 0.2 < same.mean() < 1.0
    np.testing.assert_array_equal(even.bought[same], tilted.bought[same])
    deeper = even.level < tilted.level  # with the same chance a deeper discount never loses a purchase
    assert (tilted.bought[deeper] >= even.bought[deeper]).all()
    assert even.known
    assert not tilted.known


def test_the_confounded_shop_discounts_those_who_buy_anyway():
    shop = market(4000)
    log = simulate_log(shop, confounded_propensities(shop), 5)
    assert np.corrcoef(log.level, shop.truth.base[log.pair])[0, 1] > 0.15
    np.testing.assert_allclose(confounded_propensities(shop, strength=0.0), even_propensities(4000))
    raw = log.bought[log.level > 0].mean() - log.bought[log.level == 0].mean()
    even = simulate_log(shop, even_propensities(4000), 5)
    fair = even.bought[even.level > 0].mean() - even.bought[even.level == 0].mean()
    assert raw > 1.3 * fair


def test_a_part_of_a_log_keeps_its_rows():
    log = simulate_log(market(), even_propensities(400), 2)
    part = log.part(np.array([3, 1]))
    assert part.pair.tolist() == [log.pair[3], log.pair[1]]
    assert part.propensity.shape == (2, len(LEVELS))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.floats(0.0, 50.0))
def test_no_policy_spends_over_the_budget(seed, budget):
    shop = market(60, seed)
    pairs = shop.pairs(shop.truth, SHOP)
    rule = scaled_rule(LinearRate, pairs, budget)
    best = decide(Knapsack(), pairs, Budget(budget)).rate
    greedy = decide(GreedyROI(), pairs, Budget(budget)).rate
    for rate in (rule, best, greedy):
        assert outcome(shop, rate, SHOP).spend <= budget * (1 + 1e-9)
        assert (rate <= 0.3).all()
    assert outcome(shop, best, SHOP).units >= outcome(shop, greedy, SHOP).units - 1.0
    assert rule[shop.unit_score == 0] == 0


def test_a_rule_spends_the_budget_that_it_can():
    shop = market()
    pairs = shop.pairs(shop.truth, SHOP)
    budget = outcome(shop, 0.1, SHOP).spend
    np.testing.assert_allclose(scaled_rule(Uniform, pairs, budget), 0.1, rtol=1e-9)
    np.testing.assert_array_equal(scaled_rule(Uniform, pairs, 1e9), 0.3)
    unsaved = replace(pairs, affinity=np.zeros(400))
    np.testing.assert_array_equal(scaled_rule(Affinity, unsaved, 1e9), 0.0)


def test_control_brings_a_biased_plan_to_the_true_budget():
    shop = market()
    wrong = shop.pairs(ElasticResponse(shop.truth.base * 0.7, shop.truth.elasticity), SHOP)
    budget = outcome(shop, 0.05, SHOP).spend

    def spend(rate):
        return outcome(shop, rate, SHOP).spend

    assert spend(decide(Knapsack(), wrong, Budget(budget)).rate) > 1.1 * budget
    assert 0.97 * budget < spend(controlled(Knapsack(), wrong, spend, budget)) <= budget


def test_profit_needs_every_response_to_agree():
    shop = market()
    eager = shop.pairs(ElasticResponse(shop.truth.base, np.full(400, 6.0)), SHOP, "profit")
    dull = shop.pairs(ElasticResponse(shop.truth.base, np.full(400, 0.5)), SHOP, "profit")
    assert (agreed_profit([eager]) > 0).any()
    assert (agreed_profit([eager, dull]) == 0).all()
    sure = agreed_profit([shop.pairs(shop.truth, SHOP, "profit")])
    assert outcome(shop, sure, SHOP).profit >= outcome(shop, 0.0, SHOP).profit


def test_a_policy_sees_the_increment_of_each_level():
    shop = market(5)
    choices = shop.pairs(shop.truth, SHOP).choices(LEVELS)
    assert (choices.value[:, 0] == 0).all()
    assert (np.diff(choices.value, axis=1) > 0).all()
    paid = shop.price * LEVELS[2] * shop.truth.probability(LEVELS[2])
    np.testing.assert_allclose(choices.spend[:, 2], paid, rtol=1e-12)
    profit = shop.pairs(shop.truth, SHOP, "profit").choices(LEVELS).value
    one = np.zeros(5)
    one[0] = LEVELS[1]
    gain = outcome(shop, one, SHOP).profit - outcome(shop, 0.0, SHOP).profit
    assert profit[0, 1] == pytest.approx(gain)


def test_mistakes_are_named():
    shop = market()
    with pytest.raises(InputError, match="propensity"):
        simulate_log(shop, even_propensities(10), 2)
    with pytest.raises(InputError, match="weeks"):
        simulate_log(shop, even_propensities(400), 0)
    pairs = shop.pairs(shop.truth, SHOP)
    with pytest.raises(InputError, match="budget"):
        scaled_rule(Uniform, pairs, -1.0)
    for policy in (Knapsack(), GreedyROI(), Uniform()):
        with pytest.raises(InputError, match="budget"):
            decide(policy, pairs, Budget(-1.0))
