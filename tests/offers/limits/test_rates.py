from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.offers.economics import Economics
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.limits.rates import limit_reasons, rate_limits, spread_cap, spread_window, tightest
from graphrec.offers.reasons import Reason, everywhere

RATES = np.array([0.0, 0.1, 0.2, 0.3])


def limits_of(depth, cooling, **guardrails):
    gone = np.zeros(len(depth), dtype=bool)
    return rate_limits(Guardrails(**guardrails), Economics(), np.array(depth), np.array(cooling), gone)


def test_the_tightest_limit_of_each_pair_counts_and_is_named():
    limits = limits_of([0.0, 0.15, np.inf, 0.5], [False, False, False, True], observed_depths=True)
    assert tightest(limits).tolist() == [0.0, 0.15, 0.3, 0.0]
    reason = limit_reasons(limits, np.array([True, True, True, True]), everywhere(Reason.ASKED, 4))
    assert reason.tolist() == [
        Reason.OBSERVED_DEPTH,
        Reason.OBSERVED_DEPTH,
        Reason.MAX_RATE,
        Reason.COOL_DOWN,
    ]
    kept = limit_reasons(limits, np.zeros(4, dtype=bool), everywhere(Reason.ASKED, 4))
    assert (kept == Reason.ASKED).all()


def test_depths_count_only_where_they_are_asked_for():
    assert tightest(limits_of([0.0], [False])).tolist() == [0.3]


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 0.2, 0.5]))
def test_within_a_window_no_two_offers_on_an_item_are_further_apart_than_the_spread(seed, spread):
    rng = np.random.default_rng(seed)
    pairs, item = 30, rng.integers(0, 4, 30)
    worth = np.hstack([np.zeros((pairs, 1)), rng.normal(0, 1, (pairs, 3))])
    allowed = spread_window(worth, np.tile(RATES, (pairs, 1)), item, spread)
    assert allowed[:, 0].all()
    rate = RATES[np.where(allowed, worth, -np.inf).argmax(axis=1)]
    for one in range(4):
        given_rates = rate[(item == one) & (rate > 0)]
        if len(given_rates):
            assert np.ptp(given_rates) <= spread + 1e-9


def test_the_window_is_the_one_that_is_worth_most():
    # two users want 30 %, one 10 %: a spread of 0 serves the two
    worth = np.array([[0, 0, 0, 5.0], [0, 0, 0, 5.0], [0, 4.0, 1.0, 0]])
    allowed = spread_window(worth, np.tile(RATES, (3, 1)), np.zeros(3, dtype=np.int64), 0.0)
    assert allowed.tolist() == [[True, False, False, True]] * 3


def test_rules_are_capped_above_the_lowest_offer_on_the_item():
    rate, item = np.array([0.05, 0.2, 0.0, 0.3]), np.array([0, 0, 0, 1])
    assert np.minimum(rate, spread_cap(rate, item, 0.1)).round(6).tolist() == [0.05, 0.15, 0.0, 0.3]


@pytest.mark.parametrize("spread", [0.0, 0.07, 0.2])
def test_money_off_has_the_best_window_of_each_item_s_own_rates(spread):
    """Rates of money off follow from the price, and are no whole per cent."""
    rng = np.random.default_rng(3)
    item = np.repeat(np.arange(5), 6)
    price = rng.uniform(1.1, 9.9, 5)[item]
    rates = np.array([0, 0.25, 0.5, 0.75, 1.0])[None, :] / price[:, None]
    worth = rng.normal(size=rates.shape)
    worth[:, 0] = 0
    allowed = spread_window(worth, rates, item, spread)
    for one in range(5):
        rows = item == one
        own = rates[rows][0]
        totals = []
        for low in own[1:]:
            inside = (own >= low - 1e-9) & (own <= low + spread + 1e-9)
            inside[0] = True
            totals.append(np.where(inside, worth[rows], -np.inf).max(axis=1).sum())
        found = np.where(allowed[rows], worth[rows], -np.inf).max(axis=1).sum()
        assert found == pytest.approx(max(totals))
        used = own[1:][allowed[rows][0, 1:]]
        assert len(used)
        assert used.max() - used.min() <= spread + 1e-9
