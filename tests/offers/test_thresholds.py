from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.offers.budget.budgets import Budget
from graphrec.offers.economics import Economics
from graphrec.offers.households import Baskets
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.policies.by_value import Knapsack
from graphrec.offers.reasons import Reason
from graphrec.offers.scenario_files.read import scenario_named
from graphrec.offers.table import OFFER_COLUMNS, write_offers
from graphrec.offers.thresholds import (
    MIN_BASKETS,
    choose_thresholds,
    threshold_options,
    threshold_table,
)

REVENUE = scenario_named("promotion").aiming_at("revenue")
BEST = Knapsack().choose


def baskets_of(*households: list[float], weeks: int = 40) -> Baskets:
    user = np.repeat(np.arange(len(households)), [len(one) for one in households])
    return Baskets(user, np.concatenate([np.array(one, dtype=float) for one in households]), weeks)


def drawn(users: int, seed: int) -> Baskets:
    rng = np.random.default_rng(seed)
    return baskets_of(*(rng.lognormal(rng.uniform(1.5, 4), 0.8, rng.integers(2, 60)) for _ in range(users)))


def options_of(baskets: Baskets, users: int, elasticity: float = 1.5):
    return threshold_options(baskets, np.arange(users), np.full(users, elasticity), weeks=4)


@pytest.mark.parametrize("weeks", [1, 4])
def test_outcomes_are_those_of_a_loop_over_baskets(weeks):
    own = [8.0, 12.0, 15.0, 16.0, 18.0, 22.0, 30.0, 45.0]
    options = threshold_options(baskets_of(own), np.array([0]), np.array([2.0]), weeks=weeks)
    trips = len(own) / 40 * weeks
    for option in range(1, options.threshold.shape[1]):
        target, saving = options.threshold[0, option], options.saving[0, option]
        over, lift, added = 0.0, 0.0, 0.0
        for basket in own:
            if basket >= target:
                over += 1 / len(own)
            else:
                chance = 0.3 * 2.0 / 1.5 * min(1.0, saving / (target - basket))
                lift, added = lift + chance / len(own), added + chance * (target - basket) / len(own)
        redeemed = 1 - (1 - over - lift) ** trips
        assert options.redeemed[0, option] == pytest.approx(redeemed)
        assert options.infra[0, option] == pytest.approx(redeemed * over / (over + lift))
        assert options.added[0, option] == pytest.approx(redeemed * added / (over + lift))
        assert options.before[0, option] == pytest.approx(1 - (1 - over) ** trips)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 200), st.floats(0, 0.5))
def test_above_the_median_within_budget_and_limits(seed, budget, max_rate):
    baskets, economics = drawn(12, seed), Economics()
    options = options_of(baskets, 12)
    choice = choose_thresholds(
        options, BEST, REVENUE, economics, Guardrails(max_rate=max_rate), Budget(budget)
    )
    assert choice.spend.sum() <= budget
    for user, option in enumerate(choice.option):
        own = baskets.value[baskets.user == user]
        if option:
            assert options.threshold[user, option] > np.median(own)
            assert options.saving[user, option] <= max_rate * options.threshold[user, option] + 1e-9
        if len(own) < MIN_BASKETS:
            assert option == 0
            assert choice.reason[user] is Reason.FEW_BASKETS


def test_baskets_that_are_above_anyway_make_an_offer_pay_less():
    """One household is nearly always just below its threshold, the other as often far above it."""
    below, above = [24.0] * 28 + [60.0] * 2, [24.0] * 16 + [60.0] * 14
    options = options_of(baskets_of(below, above), 2)
    plain = choose_thresholds(options, BEST, REVENUE, Economics(), Guardrails(), penalty=0.0)
    hard = choose_thresholds(options, BEST, REVENUE, Economics(), Guardrails(), penalty=50.0)
    assert plain.option[0] > 0
    table = threshold_table(np.array(["a", "b"]), options, plain, Economics(), REVENUE, "knapsack")
    assert "above the median basket 24.00" in table["reason"][0]
    share = options.infra / np.maximum(options.redeemed, 1e-12)
    assert share[0, plain.option[0]] < 0.5
    assert (hard.option == 0).all()
    assert hard.reason[1] is Reason.NO_THRESHOLD_PAYS


def test_a_bigger_budget_never_brings_less():
    options = options_of(drawn(60, 3), 60)
    totals = []
    for budget in (0.0, 2.0, 10.0, None):
        choice = choose_thresholds(
            options, BEST, REVENUE, Economics(), Guardrails(), Budget(budget), penalty=0.0
        )
        rows = np.arange(60)
        totals.append((options.added[rows, choice.option] - choice.spend).sum())
    assert totals == sorted(totals)
    assert totals[0] == 0 < totals[1]


def test_who_uses_discounts_fills_baskets_up_more_often():
    baskets = baskets_of([10.0, 14.0, 18.0, 19.0, 20.0, 26.0])
    few, many = options_of(baskets, 1, 0.8), options_of(baskets, 1, 2.2)
    assert (many.added[0, 1:] > few.added[0, 1:]).all()
    assert (many.before == few.before).all()


def test_the_table_has_the_form_of_all_offers(tmp_path):
    options = options_of(drawn(20, 1), 20)
    choice = choose_thresholds(options, BEST, REVENUE, Economics(), Guardrails(), Budget(20.0))
    ids = np.array([f"u{user}" for user in range(20)])
    table = threshold_table(ids, options, choice, Economics(), REVENUE, "knapsack")
    assert list(table.columns) == OFFER_COLUMNS
    given_offers = table[table["rate"] > 0]
    assert len(given_offers) > 3
    assert (given_offers["threshold"] > given_offers["median_basket"]).all()
    assert given_offers["amount"].to_numpy() == pytest.approx(
        given_offers["rate"] * given_offers["threshold"]
    )
    assert (given_offers["promotion"] == "threshold").all()
    assert (given_offers["probability_at_rate"] >= given_offers["probability"]).all()
    assert given_offers["disclosure"].all()
    none = threshold_table(
        ids,
        options,
        replace(choice, option=choice.option * 0, spend=choice.spend * 0),
        Economics(),
        REVENUE,
        "none",
    )
    cost = 0.7 * (none["expected_units"] * none["price"])
    assert none["expected_profit"].to_numpy() == pytest.approx((none["expected_revenue"] - cost).to_numpy())
    write_offers(table, tmp_path / "thresholds.parquet")
