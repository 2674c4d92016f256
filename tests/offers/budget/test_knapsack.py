from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from graphrec.errors import InputError
from graphrec.offers.budget.budgets import GroupBudget, UserCap
from graphrec.offers.budget.knapsack import allocate
from graphrec.offers.budget.linear_bound import linear_bound
from graphrec.offers.economics import Economics
from graphrec.offers.levels import LEVELS
from graphrec.response.curves import ElasticResponse


def offers_like(pairs: int, seed: int):
    """Values and spends from response curves, scaled units objective so that the budget binds."""
    rng = np.random.default_rng(seed)
    response = ElasticResponse(rng.beta(0.6, 10, pairs), rng.lognormal(np.log(1.5), 0.6, pairs))
    price, rates = rng.lognormal(1, 0.6, pairs)[:, None], np.array(LEVELS)
    probability = response.curve(rates)
    value = Economics().profit(probability, price, rates) + 0.3 * probability * price
    return value - value[:, :1], Economics().spend(probability, price, rates)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.8])
def test_within_one_pair_of_the_linear_bound(share):
    value, spend = offers_like(1500, seed=3)
    most = allocate(value, spend).spend
    found = allocate(value, spend, share * most)
    bound = linear_bound(value, spend, share * most)
    assert found.spend <= share * most
    assert bound - value.max() <= found.value <= bound + 1e-7
    assert found.value > 0.9995 * bound
    assert found.budget_price > 0


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_never_over_budget_and_close_to_the_best_of_all_choices(data):
    pairs, levels = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
    number = st.floats(0, 100) | st.integers(0, 3).map(float)
    value = np.array(
        data.draw(st.lists(st.floats(-50, 50), min_size=pairs * levels, max_size=pairs * levels))
    )
    spend = np.array(data.draw(st.lists(number, min_size=pairs * levels, max_size=pairs * levels)))
    value, spend = value.reshape(pairs, levels), spend.reshape(pairs, levels)
    spend[:, 0] = 0
    budget = data.draw(number)
    found = allocate(value, spend, budget)
    rows = np.arange(pairs)
    assert found.spend <= budget
    assert found.spend == pytest.approx(spend[rows, found.level].sum())
    assert found.value == pytest.approx(value[rows, found.level].sum())
    best = max(
        value[rows, list(choice)].sum()
        for choice in itertools.product(range(levels), repeat=pairs)
        if spend[rows, list(choice)].sum() <= budget
    )
    free = np.where(spend > 0, -np.inf, value).max(axis=1)
    one_pair = (value.max(axis=1) - free).max()
    assert best - one_pair - 1e-6 <= found.value <= best + 1e-6


def test_identical_pairs_share_a_budget_for_some_of_them():
    """At the critical lambda all pairs switch at once: without the greedy rest nobody would be served."""
    value, spend = np.tile([0.0, 1.0], (10, 1)), np.tile([0.0, 2.0], (10, 1))
    found = allocate(value, spend, 7.0)
    assert found.level.sum() == 3
    assert found.spend == 6.0


def test_without_a_binding_budget_each_pair_has_its_best_level():
    value, spend = offers_like(200, seed=1)
    for budget in (None, 1e9):
        found = allocate(value, spend, budget)
        assert (found.level == value.argmax(axis=1)).all()
        assert found.budget_price == 0


def test_no_budget_no_spend_and_ties_are_free():
    value, spend = offers_like(50, seed=2)
    assert allocate(value, spend, 0.0).spend == 0
    assert allocate(np.zeros((4, 3)), np.tile([0.0, 1.0, 2.0], (4, 1))).level.tolist() == [0, 0, 0, 0]


def test_levels_that_are_not_allowed_are_not_chosen():
    value, spend = offers_like(300, seed=4)
    allowed = np.array([False, True, True, False, False, False, False])
    assert (allocate(value, spend, None, allowed).level == value[:, :3].argmax(axis=1)).all()
    assert set(allocate(value, spend, 5.0, allowed).level) <= {0, 1, 2}


@pytest.mark.parametrize("budget", [-1.0, float("nan")])
def test_refuses_what_is_no_budget(budget):
    with pytest.raises(InputError, match="column 'budget'"):
        allocate(np.zeros((1, 2)), np.zeros((1, 2)), budget)


@pytest.mark.parametrize("spend", [[[0.0, -1.0]], [[1.0, 2.0]], [[0.0, np.nan]]])
def test_refuses_impossible_spends(spend):
    with pytest.raises(ValueError, match="must"):
        allocate(np.zeros((1, 2)), np.array(spend), 1.0)


def linear_bound_with(value, spend, budget, families=(), cap=None):
    """The same with budgets of groups and offers per user as further rows, one by one."""
    pairs, levels = value.shape
    columns = np.arange(pairs * levels).reshape(pairs, levels)
    rows, bounds = [spend.ravel()], [budget]
    for family in families:
        for group, amount in enumerate(family.budget):
            row = np.zeros((pairs, levels))
            row[family.group == group] = spend[family.group == group]
            rows, bounds = [*rows, row.ravel()], [*bounds, amount]
    if cap is not None:
        for user in np.unique(cap.user):
            row = np.zeros(pairs * levels)
            row[columns[cap.user == user, 1:].ravel()] = 1
            most = cap.offers if isinstance(cap.offers, int) else cap.offers[user]
            rows, bounds = [*rows, row], [*bounds, most]
    solved = linprog(
        -value.ravel(),
        A_ub=sp.csr_matrix(np.array(rows)),
        b_ub=bounds,
        A_eq=sp.kron(sp.eye(pairs), np.ones((1, levels)), format="csr"),
        b_eq=np.ones(pairs),
        method="highs",
    )
    assert solved.status == 0
    return -solved.fun


def spent_by_group(spend, level, family):
    chosen = spend[np.arange(len(level)), level]
    return np.array([chosen[family.group == group].sum() for group in range(len(family.budget))])


def test_budgets_of_groups_below_a_total_reach_the_linear_bound():
    value, spend = offers_like(6000, seed=5)
    most = allocate(value, spend).spend
    group = np.random.default_rng(0).integers(-1, 3, len(value))
    # the first campaign is short of money, the second has plenty, the third has none
    family = GroupBudget(group, np.array([0.02, 1.0, 0.0]) * most)
    found = allocate(value, spend, 0.3 * most, group_budgets=[family])
    bound = linear_bound_with(value, spend, 0.3 * most, [family])
    assert found.spend <= 0.3 * most
    assert (spent_by_group(spend, found.level, family) <= family.budget).all()
    assert 1 - 1e-4 < found.value / bound <= 1 + 1e-9
    short, plenty, none = found.group_price[0]
    assert plenty == 0 < found.budget_price < short
    assert (found.level[group == 2] == 0).all()
    assert none > 0


@pytest.mark.parametrize("share", [None, 0.05, 0.3])
def test_a_cap_per_user_reaches_the_linear_bound(share):
    value, spend = offers_like(4000, seed=6)
    user = np.random.default_rng(1).permutation(np.arange(4000) // 20)
    cap = UserCap(user, 3)
    budget = None if share is None else share * allocate(value, spend, cap=cap).spend
    found = allocate(value, spend, budget, cap=cap)
    assert np.bincount(user[found.level > 0]).max() <= 3
    assert budget is None or found.spend <= budget
    bound = linear_bound_with(value, spend, 1e9 if budget is None else budget, cap=cap)
    assert 1 - 5e-4 < found.value / bound <= 1 + 1e-9


def test_a_cap_groups_and_a_total_together():
    value, spend = offers_like(3000, seed=7)
    rng = np.random.default_rng(2)
    cap = UserCap(np.arange(3000) // 20, rng.integers(0, 4, 150))
    most = allocate(value, spend, cap=cap).spend
    family = GroupBudget(rng.integers(0, 3, 3000), np.array([0.05, 0.1, 0.5]) * most)
    found = allocate(value, spend, 0.4 * most, group_budgets=[family], cap=cap)
    assert (np.bincount(cap.user, found.level > 0, 150) <= cap.offers).all()
    assert (spent_by_group(spend, found.level, family) <= family.budget).all()
    assert found.spend <= 0.4 * most
    assert found.value > 0.99 * linear_bound_with(value, spend, 0.4 * most, [family], cap)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_budget_and_no_cap_is_ever_broken(data):
    pairs, levels = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 5))
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    kind = data.draw(st.sampled_from([np.float32, np.float64]))
    value = rng.normal(0, 10, (pairs, levels)).astype(kind)
    spend = (rng.choice([0.0, 0.1, 1.0, 7.3], (pairs, levels)) * rng.integers(0, 4, (pairs, 1))).astype(kind)
    spend[:, 0] = 0
    family = GroupBudget(rng.integers(-1, 2, pairs), rng.choice([0.0, 0.3, 2.0, 40.0], 2))
    user = rng.integers(0, 3, pairs)
    cap = data.draw(st.sampled_from([None, UserCap(user, 1), UserCap(user, rng.integers(0, 3, 3))]))
    budget = data.draw(st.sampled_from([None, 0.0, 0.3, 1.7, 30.0]))
    found = allocate(value, spend, budget, group_budgets=[family], cap=cap)
    chosen = spend[np.arange(pairs), found.level].astype(np.float64)
    assert budget is None or math.fsum(chosen) <= budget
    for group, limit in enumerate(family.budget):
        assert math.fsum(chosen[family.group == group]) <= limit
    if cap is not None:
        offered = np.bincount(user, found.level > 0, 3)
        assert (offered <= cap.offers).all()
    assert found.value >= value[:, 0].sum(dtype=np.float64) - 1e-4


def test_free_levels_count_as_offers_of_a_user():
    value, spend = np.tile([0.0, 1.0], (4, 1)), np.zeros((4, 2))
    assert allocate(value, spend, 5.0, cap=UserCap(np.zeros(4, dtype=np.int64), 2)).level.sum() == 2


def test_float32_and_tensors_give_the_same_choice():
    value, spend = offers_like(2000, seed=8)
    budget = 0.3 * allocate(value, spend).spend
    doubles = allocate(value, spend, budget)
    floats = allocate(torch.from_numpy(value).float(), torch.from_numpy(spend).float(), budget)
    assert (doubles.level == floats.level).mean() > 0.999
    assert floats.value == pytest.approx(doubles.value, rel=1e-6)


def test_many_pairs_are_halved_and_not_sorted_and_still_reach_the_bound(monkeypatch):
    value, spend = offers_like(3000, seed=9)
    budget = 0.2 * allocate(value, spend).spend
    sorted_at_once = allocate(value, spend, budget)
    monkeypatch.setattr("graphrec.offers.budget.hull.SORTED", 64)
    monkeypatch.setattr("graphrec.offers.budget.hull.CHUNK", 100)
    halved = allocate(value, spend, budget)
    assert (halved.level == sorted_at_once.level).all()
    assert halved.budget_price == pytest.approx(sorted_at_once.budget_price)


@pytest.mark.parametrize("pairs", [0, 1])
def test_one_level_or_no_pair(pairs):
    found = allocate(np.zeros((pairs, 1)), np.zeros((pairs, 1)), 1.0)
    assert found.level.tolist() == [0] * pairs
