from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from graphrec.errors import InputError
from graphrec.offers.allocation import allocate
from graphrec.offers.economics import Economics
from graphrec.offers.policies import LEVELS
from graphrec.offers.response import ElasticResponse


def offers_like(pairs: int, seed: int):
    """Values and spends from response curves, scaled units objective so that the budget binds."""
    rng = np.random.default_rng(seed)
    response = ElasticResponse(rng.beta(0.6, 10, pairs), rng.lognormal(np.log(1.5), 0.6, pairs))
    price, rates = rng.lognormal(1, 0.6, pairs)[:, None], np.array(LEVELS)
    probability = response.curve(rates)
    value = Economics().profit(probability, price, rates) + 0.3 * probability * price
    return value - value[:, :1], Economics().spend(probability, price, rates)


def linear_bound(value, spend, budget):
    pairs, levels = value.shape
    one_level = sp.kron(sp.eye(pairs), np.ones((1, levels)), format="csr")
    solved = linprog(
        -value.ravel(),
        A_ub=spend.reshape(1, -1),
        b_ub=[budget],
        A_eq=one_level,
        b_eq=np.ones(pairs),
        method="highs",
    )
    assert solved.status == 0
    return -solved.fun


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
