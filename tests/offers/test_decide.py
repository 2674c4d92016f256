"""Budgets, caps, guardrails and kinds of promotion together, through the offers table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from offer_pairs import candidate_frame

from graphrec.errors import InputError
from graphrec.offers.economics import Economics
from graphrec.offers.levels import AMOUNTS, LEVELS, Amounts, CouponLevels
from graphrec.offers.limits.exposure import Frequency
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.limits.parity import parity_report
from graphrec.offers.limits.terms import Terms
from graphrec.offers.policies.by_value import GreedyROI, Knapsack
from graphrec.offers.policies.named import POLICIES
from graphrec.offers.policies.rules import Uniform
from graphrec.offers.scenario_files.read import scenario_named
from graphrec.offers.scenarios import Scenario
from graphrec.offers.table import Candidates, make_offers
from graphrec.response.curves import ElasticResponse

UNITS = scenario_named("promotion").aiming_at("units")
ALL = [kind() for kind in POLICIES.values()]
each_policy = pytest.mark.parametrize("policy", ALL, ids=lambda policy: policy.name)


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(5)
    table = candidate_frame(40, 12, seed=4)
    item = table["item_id"].str[1:].astype(int)
    return table.assign(
        affinity=np.repeat(rng.uniform(0, 0.4, 40), 12),
        max_depth=np.where(item == 0, 0.0, np.where(item == 1, 0.12, 0.5)),
        product_set=np.where(item < 4, "dairy", np.where(item < 9, "snacks", "fish")),
    )


@pytest.fixture(scope="module")
def candidates(frame):
    return Candidates(frame)


def offered(candidates, policy, budget=20.0, guardrails=None, **terms):
    return make_offers(candidates, policy, UNITS, budget, guardrails, terms=Terms(**terms))


@each_policy
@pytest.mark.parametrize("promotion", ["percent", "amount", "coupon"])
def test_every_policy_keeps_every_limit_under_every_promotion(candidates, frame, policy, promotion):
    budgets = {"dairy": 2.0, "fish": 1.0}
    past = pd.DataFrame({"user_id": ["u0", "u1", "u1"], "item_id": ["i5", "i6", "i7"], "week": [9, 9, 9]})
    offers = offered(
        candidates,
        policy,
        8.0,
        Guardrails(max_rate=0.25, observed_depths=True),
        frequency=Frequency(max_offers=12 if promotion == "coupon" else 2, window_weeks=2, cool_down_weeks=3),
        exposure=past,
        week=10,
        campaign=frame["product_set"],
        campaign_budgets=budgets,
        promotion=promotion,
    )
    assert offers["spend"].sum() <= 8.0 * (1 + 1e-12)
    spend = offers["spend"].groupby(frame["product_set"]).sum()
    assert all(spend[name] <= budget * (1 + 1e-12) for name, budget in budgets.items())
    assert (offers["rate"] <= np.minimum(0.25, frame["max_depth"]) + 1e-9).all()
    assert (offers["probability_at_rate"] >= offers["probability"] - 1e-15).all()
    keys = offers["user_id"] + offers["item_id"]
    assert (offers.loc[keys.isin(["u0i5", "u1i6", "u1i7"]), "rate"] == 0).all()
    if promotion != "coupon":
        given_offers = (offers["rate"] > 0).groupby(offers["user_id"]).sum()
        assert given_offers.max() <= 2
        assert given_offers["u0"] <= 1
        assert given_offers["u1"] == 0
    if policy.name != "none":
        assert (offers["rate"] > 0).sum() >= 5, "the limits leave something"


def test_reasons_name_the_limit_that_refused(candidates, frame):
    offers = offered(candidates, Uniform(0.2), None, Guardrails(observed_depths=True))
    item = offers["item_id"]
    assert (offers.loc[item == "i0", "reason_code"] == "observed_depth").all()
    assert offers.loc[item == "i1", "reason"].str.contains("never sold at more than 12 % off").all()
    assert (offers.loc[~item.isin(["i0", "i1"]), "reason_code"] == "uniform").all()
    best = offered(candidates, Knapsack(), None, Guardrails(observed_depths=True))
    assert (best.loc[item == "i0", "reason_code"] == "observed_depth").all()
    capped = offered(candidates, Knapsack(), None, frequency=Frequency(max_offers=2))
    assert set(capped.loc[capped["rate"] == 0, "reason_code"]) == {"user_cap"}
    assert (capped["rate"] > 0).groupby(capped["user_id"]).sum().eq(2).all()


def test_at_equal_spend_the_knapsack_sells_most_and_greedy_more_than_the_articles_rule(candidates):
    budget = 3.0
    units = {}
    for policy in ALL:
        offers = offered(candidates, policy, budget)
        assert offers["spend"].sum() <= budget
        units[policy.name] = offers["expected_units"].sum()
    assert max(units, key=units.get) in ("knapsack", "expected_profit")
    assert units["greedy_roi"] > units["linear_rate"] > units["none"]


@pytest.mark.parametrize("budget", [0.5, 3.0, 1e9])
def test_greedy_gives_the_depth_that_sells_most_to_the_best_returns(candidates, frame, budget):
    limits = Guardrails(observed_depths=True)
    offers = offered(candidates, GreedyROI(), budget, limits)
    pairs, sold = candidates.pairs(), {}
    for depth in LEVELS[1:]:
        rate = np.array(
            [max(one for one in LEVELS if one <= min(depth, deepest)) for deepest in frame["max_depth"]]
        )
        p = pairs.response.probability(rate)
        gain, cost = p - pairs.response.base, Economics().spend(p, pairs.price, rate)
        left, total, chosen = budget, 0.0, []
        for row in sorted(range(len(p)), key=lambda row: -gain[row] / max(cost[row], 1e-300)):
            if gain[row] <= 0 or cost[row] > left:
                break
            left, total, chosen = left - cost[row], total + gain[row], [*chosen, row]
        sold[depth] = total, np.where(np.isin(np.arange(len(p)), chosen), rate, 0.0)
    best = max(sold, key=lambda depth: sold[depth][0])
    assert offers["rate"].to_numpy() == pytest.approx(sold[best][1])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 500), st.sampled_from([0.0, 0.05, 0.1]), st.sampled_from(ALL))
def test_no_two_users_get_rates_on_one_item_further_apart_than_the_spread(seed, spread, policy):
    table = candidate_frame(15, 4, seed).assign(affinity=np.repeat(np.linspace(0, 0.3, 15), 4))
    offers = offered(Candidates(table), policy, 5.0, Guardrails(max_spread=spread))
    given_offers = offers[offers["rate"] > 0].groupby("item_id")["rate"]
    assert (given_offers.max() - given_offers.min() <= spread + 1e-9).all()


@pytest.mark.parametrize("budget", [None, 10.0])
@pytest.mark.parametrize("policy", [Knapsack(), Uniform(0.15)], ids=["knapsack", "uniform"])
def test_the_gap_between_groups_is_closed_as_far_as_asked(frame, policy, budget):
    """The young buy three times as much, so without a cap they get most of the money."""
    young = frame["user_id"].isin([f"u{user}" for user in range(15)])
    table = frame.assign(
        probability=np.where(young, frame["probability"] * 3, frame["probability"]).clip(0, 1),
        elasticity=np.where(young, 4.0, 0.8),
    )
    groups = pd.Series(np.where(np.arange(40) < 15, "young", "old"), index=[f"u{n}" for n in range(40)])
    groups.iloc[35:] = "unknown"
    free = offered(Candidates(table), policy, budget)
    even = offered(Candidates(table), policy, budget, Guardrails(max_parity_gap=0.2), groups=groups)
    gap = [parity_report(offers, groups)["gap"].max() for offers in (free, even)]
    assert gap[0] > 0.5
    assert gap[1] <= 0.2 + 1e-9
    assert even["expected_units"].sum() < free["expected_units"].sum()


def test_amounts_are_sums_of_money_below_the_price(candidates, frame):
    offers = offered(candidates, Knapsack(), 10.0, promotion="amount")
    given_offers = offers[offers["rate"] > 0]
    assert set(given_offers["amount"]) <= set(AMOUNTS)
    assert len(set(given_offers["amount"])) > 1
    assert given_offers["amount"].to_numpy() == pytest.approx(given_offers["rate"] * given_offers["price"])
    assert (given_offers["amount"] < given_offers["price"]).all()
    assert offers.loc[offers["rate"] == 0, "amount"].isna().all()
    coins = offered(candidates, Uniform(0.1), None, promotion="amount")["amount"].dropna() * 20
    assert coins.to_numpy() == pytest.approx(coins.round().to_numpy())
    with pytest.raises(InputError, match="column 'amounts'"):
        Amounts(np.array([0.5, 1.0]))


def test_a_coupon_has_one_rate_for_its_whole_set(candidates, frame):
    offers = offered(candidates, Knapsack(), 10.0, promotion="coupon")
    coupons = offers.groupby(["user_id", "product_set"])["rate"]
    assert (coupons.max() == coupons.min()).all()
    assert 0 < (coupons.max() > 0).mean() < 1
    assert (offers["product_set"] == frame["product_set"]).all()
    one = make_offers(
        candidates, Knapsack(), UNITS, 10.0, terms=Terms(Frequency(max_offers=1), promotion="coupon")
    )
    assert one[one["rate"] > 0].groupby("user_id")["product_set"].nunique().max() == 1
    with pytest.raises(InputError, match=r"column 'product_set'.*--product_set"):
        offered(Candidates(frame.drop(columns="product_set")), Knapsack(), promotion="coupon")


def test_a_coupon_s_table_is_the_sum_of_its_pairs():
    levels = CouponLevels(np.array([0.0, 0.1]), np.array([1, 0, 1]))
    value, spend = np.array([[0, 1.0], [0, 2.0], [0, 4.0]]), np.array([[0, 0.5], [0, 0.1], [0, 0.25]])
    allowed = np.array([[True, True], [True, True], [True, False]])
    worth, cost, open_levels, members = levels.pooled(value, spend, allowed)
    assert worth.tolist() == [[0, 2.0], [0, 5.0]]
    assert cost.tolist() == [[0, 0.1], [0, 0.75]]
    assert open_levels.tolist() == [[True, True], [True, False]]
    assert members.tolist() == [1, 0, 1]


def test_worth_of_a_pair_moves_the_budget_to_it(frame):
    scenario = Scenario("retention", profit=1.0, worth=1.0)
    valued = frame.assign(worth=np.where(frame["user_id"] == "u7", 50.0, 0.0))
    offers = make_offers(Candidates(valued), Knapsack(), scenario, 3.0)
    mine = offers["user_id"] == "u7"
    assert offers.loc[mine, "rate"].mean() > 3 * offers.loc[~mine, "rate"].mean()


def test_learnt_curves_take_the_place_of_elasticities(frame):
    steep = ElasticResponse(np.full(len(frame), 0.05), np.where(frame["item_id"] == "i3", 8.0, 0.0))
    offers = make_offers(Candidates(frame, steep), Knapsack(), UNITS, 2.0)
    assert set(offers.loc[offers["rate"] > 0, "item_id"]) == {"i3"}
    assert (offers["probability"] == 0.05).all()


def test_a_campaign_that_nobody_is_in_is_refused(candidates, frame):
    with pytest.raises(InputError, match=r"no candidate is in 'cheese'.*known are dairy, fish, snacks"):
        offered(candidates, Knapsack(), campaign=frame["product_set"], campaign_budgets={"cheese": 1.0})
    with pytest.raises(InputError, match="no candidate has a campaign"):
        offered(candidates, Knapsack(), campaign_budgets={"dairy": 1.0})


def test_a_rate_that_comes_to_less_than_a_coin_says_so(frame):
    cheap = frame.assign(price=np.where(frame["item_id"] == "i3", 0.3, frame["price"].clip(lower=1)))
    offers = offered(Candidates(cheap), Uniform(0.1), None, promotion="amount")
    of_cheap = offers["item_id"] == "i3"
    assert (offers.loc[of_cheap, "rate"] == 0).all()
    assert (offers.loc[of_cheap, "reason"] == "coin: it would be less than the smallest amount off").all()
    assert (offers.loc[~of_cheap, "reason_code"] == "uniform").all()
