from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.errors import InputError
from graphrec.offers.budget.knapsack import allocate
from graphrec.offers.budget.pacing import SpendControl, paced
from graphrec.offers.economics import Economics
from graphrec.response.curves import ElasticResponse

RATES = np.array([0.0, 0.1, 0.2, 0.3])


def arrivals(count: int, seed: int, demand: float = 1.0):
    rng = np.random.default_rng(seed)
    base = np.clip(rng.beta(0.6, 10, count) * demand, 0, 0.9)
    response = ElasticResponse(base, rng.lognormal(np.log(1.5), 0.6, count))
    price, probability = rng.lognormal(1, 0.6, count)[:, None], response.curve(RATES)
    value = Economics().profit(probability, price, RATES) + 0.3 * probability * price
    return value - value[:, :1], Economics().spend(probability, price, RATES)


def day(control: SpendControl, demand: float, seed: int = 100):
    """24 hours of 400 arrivals, more at noon, `demand` times as eager as yesterday."""
    value = 0.0
    for hour in range(24):
        busy = int(400 * (1 + 0.5 * np.sin(hour / 24 * 2 * np.pi)))
        values, spends = arrivals(busy, seed + hour, demand)
        level = control.choose(values, spends)
        value += values[np.arange(busy), level].sum()
        control.close_period()
    return value


@pytest.mark.parametrize("demand", [0.8, 1.0, 1.4])
def test_spend_lands_at_the_budget_whatever_the_traffic(demand):
    yesterday = arrivals(9600, seed=1)
    budget = 0.3 * allocate(*yesterday).spend
    frozen = allocate(*yesterday, budget).budget_price
    control = SpendControl(budget, frozen, periods=24)
    day(control, demand)
    assert control.spent <= budget
    assert control.spent > 0.97 * budget


def test_control_is_worth_more_than_the_frozen_price_alone_when_traffic_grows():
    yesterday = arrivals(9600, seed=1)
    budget = 0.3 * allocate(*yesterday).spend
    frozen = allocate(*yesterday, budget).budget_price
    without = SpendControl(budget, frozen, 24, proportional=0.0, integral=0.0)
    controlled = SpendControl(budget, frozen, 24)
    plain, steered = day(without, 1.6), day(controlled, 1.6)
    assert without.spent <= budget
    assert steered > 1.01 * plain, "without control the evening finds the budget gone"


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 50), st.floats(1e-3, 100), st.integers(0, 1000))
def test_the_budget_is_a_hard_stop(budget, price, seed):
    control = SpendControl(budget, price, periods=5)
    total = 0.0
    for hour in range(5):
        values, spends = arrivals(50, seed + hour)
        level = control.choose(values, spends)
        total += spends[np.arange(50), level].sum()
        control.close_period()
    assert total <= budget + 1e-9
    assert control.spent == pytest.approx(total)


def test_levels_that_are_not_allowed_are_not_chosen():
    values, spends = arrivals(200, 3)
    allowed = np.zeros((200, 4), dtype=bool)
    allowed[:, 1] = True
    assert set(SpendControl(1e9, 1e-6, 1).choose(values, spends, allowed)) <= {0, 1}


def test_a_price_of_zero_cannot_be_steered():
    with pytest.raises(InputError, match=r"column 'price'.*no price of budget"):
        SpendControl(10.0, 0.0, 24)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([0.0]) | st.floats(0, 40), max_size=30),
    st.floats(0, 100),
    st.floats(1e-3, 10),
    st.integers(1, 30),
)
def test_the_price_follows_from_what_was_spent_by_the_end_of_each_period(spends, budget, price, periods):
    """Against the sums written out; a process that only reads the ends finds the controller's price."""
    control, ends = SpendControl(budget, price, periods), []
    for period, spend in enumerate(spends, start=1):
        control.spent += spend
        control.close_period()
        ends.append(sum(spends[:period]))
    each = max(budget / periods, 1e-12)
    ahead = [end / each - period for period, end in enumerate(ends, start=1)]
    push = 0.5 * (ahead[-1] if ahead else 0.0) + 0.1 * sum(ahead)
    assert paced(price, budget, periods, ends) == control.multiplier
    assert control.multiplier == pytest.approx(price * np.exp(min(max(push, -3.0), 3.0)))
    assert control.period == len(spends)
