from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.errors import InputError
from graphrec.offers.economics import Economics
from graphrec.offers.policies.base import (
    LEVELS,
    Affinity,
    ExpectedProfit,
    GreedyROI,
    Inverse,
    Knapsack,
    LinearRate,
    NoDiscount,
    Uniform,
    expected_profit,
    linear_rate,
    no_discount,
    policy_named,
    uniform,
)
from graphrec.response.curves import ElasticResponse


def test_the_documents_rule_gives_their_figures():
    assert linear_rate([0.7654, 0.8643]) == pytest.approx([0.07654, 0.08643], abs=1e-12)


@pytest.mark.parametrize("score", [-0.01, 1.01, np.nan, np.inf])
def test_linear_rate_refuses_raw_scores(score):
    with pytest.raises(InputError, match=r"0\.\.1.*unit_score"):
        linear_rate([0.5, score])


def test_constant_policies():
    assert no_discount(3).tolist() == [0, 0, 0]
    assert uniform(2, 0.15).tolist() == [0.15, 0.15]


@pytest.mark.parametrize("make", [Uniform, LinearRate, lambda rate: ExpectedProfit((0.0, rate))])
@pytest.mark.parametrize("rate", [-0.1, 1.0, np.nan])
def test_rates_outside_their_range_are_refused(make, rate):
    with pytest.raises(InputError, match="not a rate"):
        make(rate)


@pytest.mark.parametrize("levels", [(), (0.1, 0.2), (0.0, 0.2, 0.1), (0.0, 0.1, 0.1)])
def test_levels_must_increase_from_0(levels):
    with pytest.raises(InputError, match="column 'levels'"):
        ExpectedProfit(levels)


@given(st.floats(0.001, 0.9), st.floats(0, 8), st.floats(0.1, 100), st.floats(0.05, 0.9), st.floats(0, 1))
def test_expected_profit_is_the_best_level_of_a_plain_loop(base, elasticity, price, margin, funded):
    response = ElasticResponse(np.array([base]), np.array([elasticity]))
    rate = expected_profit(response, np.array([price]), Economics(margin, funded))[0]

    def profit(level):
        odds = base / (1 - base) * (1 - level) ** -elasticity
        return odds / (1 + odds) * (price * (1 - funded * level) - (1 - margin) * price)

    assert profit(rate) >= max(profit(level) for level in LEVELS) - 1e-9 * price


def test_no_discount_pays_below_the_break_even_elasticity_when_the_retailer_pays_all():
    elasticity = np.array([1.5, 3.2, 3.6])
    response = ElasticResponse(np.full(3, 1e-4), elasticity)
    fine = tuple(np.arange(0, 0.3, 0.005))
    rate = expected_profit(response, np.ones(3), Economics(0.30, 1.0), fine)
    assert (rate > 0).tolist() == [False, False, True]
    half = expected_profit(response, np.ones(3), Economics(0.30, 0.5), fine)
    # break-even is phi / m = 1.67 when the supplier pays half
    assert (half > 0).tolist() == [False, True, True]


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
    with pytest.raises(
        InputError, match="choose one of none, uniform, linear_rate, inverse, affinity, greedy"
    ):
        policy_named("linear")
