from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from offer_pairs import pairs_with

from graphrec.errors import InputError
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.economics import Economics
from graphrec.offers.levels import LEVELS
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.policies.by_value import ExpectedProfit, GreedyROI, Knapsack
from graphrec.offers.policies.named import POLICIES, follows_objective, policy_named
from graphrec.offers.policies.rules import Affinity, Inverse, LinearRate, NoDiscount, Uniform
from graphrec.response.curves import ElasticResponse

FREE = Guardrails(max_rate=0.999, min_margin=-10.0)


def rates(policy, pairs, budget=None):
    return policy.rates(pairs, budget or Budget()).rate


def test_the_articles_rule_gives_their_figures():
    pairs = pairs_with(2, unit_score=np.array([0.7654, 0.8643]))
    assert rates(LinearRate(), pairs) == pytest.approx([0.07654, 0.08643], abs=1e-12)
    assert rates(Inverse(), pairs) == pytest.approx([0.02346, 0.01357], abs=1e-12)


@pytest.mark.parametrize("score", [-0.01, 1.01, np.nan, np.inf])
@pytest.mark.parametrize("policy", [LinearRate(), Inverse()])
def test_rules_of_a_score_refuse_raw_scores(score, policy):
    with pytest.raises(InputError, match=r"0\.\.1.*unit_score"):
        rates(policy, pairs_with(2, unit_score=np.array([0.5, score])))


def test_rules_without_a_score():
    pairs = pairs_with(2, affinity=np.array([0.2, 0.0]))
    assert rates(NoDiscount(), pairs).tolist() == [0, 0]
    assert rates(Uniform(0.15), pairs).tolist() == [0.15, 0.15]
    assert rates(Affinity(0.5), pairs).tolist() == [0.1, 0]


@pytest.mark.parametrize("make", [Uniform, LinearRate, Inverse, lambda rate: ExpectedProfit((0.0, rate))])
@pytest.mark.parametrize("rate", [-0.1, 1.0, np.nan])
def test_rates_outside_their_range_are_refused(make, rate):
    with pytest.raises(InputError, match="not a rate"):
        make(rate)


@pytest.mark.parametrize("kind", [ExpectedProfit, Knapsack, GreedyROI])
@pytest.mark.parametrize("levels", [(), (0.1, 0.2), (0.0, 0.2, 0.1), (0.0, 0.1, 0.1)])
def test_levels_must_increase_from_0(kind, levels):
    with pytest.raises(InputError, match="column 'levels'"):
        kind(levels)


@given(st.floats(0.001, 0.9), st.floats(0, 8), st.floats(0.1, 100), st.floats(0.05, 0.9), st.floats(0, 1))
def test_expected_profit_is_the_best_level_of_a_plain_loop(base, elasticity, price, margin, funded):
    pairs = pairs_with(
        1,
        price=np.array([price]),
        response=ElasticResponse(np.array([base]), np.array([elasticity])),
        economics=Economics(margin, funded),
        guardrails=FREE,
    )
    rate = rates(ExpectedProfit(), pairs)[0]

    def profit(level):
        odds = base / (1 - base) * (1 - level) ** -elasticity
        return odds / (1 + odds) * (price * (1 - funded * level) - (1 - margin) * price)

    assert profit(rate) >= max(profit(level) for level in LEVELS) - 1e-9 * price


def test_no_discount_pays_below_the_break_even_elasticity_when_the_retailer_pays_all():
    response = ElasticResponse(np.full(3, 1e-4), np.array([1.5, 3.2, 3.6]))
    fine = ExpectedProfit(tuple(np.arange(0, 0.3, 0.005)))

    def pays(funded):
        economics = Economics(0.30, funded)
        pairs = pairs_with(3, response=response, economics=economics, guardrails=FREE)
        return (rates(fine, pairs) > 0).tolist()

    assert pays(1.0) == [False, False, True]
    assert pays(0.5) == [False, True, True]  # break-even is phi / m = 1.67 when the supplier pays half


def test_economics_agrees_with_its_formulae_and_refuses_nonsense():
    economics = Economics(margin=0.4, funded_share=0.5)
    p, price, d = np.array([0.2]), np.array([10.0]), np.array([0.1])
    assert economics.revenue(p, price, d)[0] == pytest.approx(0.2 * 10 * 0.95)
    assert economics.profit(p, price, d)[0] == pytest.approx(0.2 * (9.5 - 6))
    assert economics.spend(p, price, d)[0] == pytest.approx(0.5 * 0.1 * 10 * 0.2)
    with pytest.raises(InputError, match="column 'margin'"):
        Economics(margin=30)
    with pytest.raises(InputError, match="column 'funded_share'"):
        Economics(funded_share=1.2)


def test_policies_by_name():
    for policy in (NoDiscount(), Uniform(), LinearRate(), Inverse(), Affinity(), GreedyROI(), Knapsack()):
        assert policy_named(policy.name) == policy
    known = (
        "choose one of none, uniform, linear_rate, inverse, affinity, greedy_roi, expected_profit, knapsack"
    )
    with pytest.raises(InputError, match=known):
        policy_named("linear")
    worth = [name for name, kind in POLICIES.items() if follows_objective(kind())]
    assert worth == ["greedy_roi", "expected_profit", "knapsack"]
