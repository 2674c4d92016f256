from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.response.weekly import before, faded, highest, last_value, log_rate, weeks_since

tables = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random((3, 9)))


@given(tables, st.integers(1, 12))
def test_sums_over_earlier_weeks_as_in_a_loop(values, weeks):
    total, last = before(values), before(values, weeks)
    for week in range(9):
        assert total[:, week] == pytest.approx(values[:, :week].sum(axis=1))
        assert last[:, week] == pytest.approx(values[:, max(0, week - weeks) : week].sum(axis=1))


@given(tables, st.integers(1, 12))
def test_the_highest_of_earlier_weeks_as_in_a_loop(values, weeks):
    found = highest(values, weeks)
    assert (found[:, 0] == -np.inf).all()
    for week in range(1, 9):
        assert (found[:, week] == values[:, max(0, week - weeks) : week].max(axis=1)).all()


@given(tables, st.floats(0.5, 10))
def test_fading_halves_after_the_half_life(values, half_life):
    found = faded(values, half_life)
    for week in range(9):
        ages = np.arange(week, 0, -1)
        assert found[:, week] == pytest.approx(values[:, :week] @ 0.5 ** (ages / half_life))


@given(tables)
def test_the_last_time_as_in_a_loop(values):
    happened = values > 0.6
    since, value = weeks_since(happened, 30.0), last_value(values, happened, -1.0)
    for line in range(3):
        for week in range(9):
            earlier = [at for at in range(week) if happened[line, at]]
            assert since[line, week] == (week - earlier[-1] if earlier else 30)
            assert value[line, week] == (values[line, earlier[-1]] if earlier else -1)


@given(tables, st.integers(0, 8), st.floats(-5, 5))
def test_no_week_knows_itself_or_what_comes_after(values, week, other):
    changed = values.copy()
    changed[:, week:] = other
    for of in (before, lambda x: before(x, 3), lambda x: faded(x, 2), lambda x: weeks_since(x > 0.5, 9.0)):
        assert (of(changed)[:, : week + 1] == of(values)[:, : week + 1]).all()


def test_rates_are_drawn_to_what_is_typical():
    assert np.exp(log_rate(np.array([3.0]), np.array([10.0]), 0.1, 2.0)) == pytest.approx(3.2 / 12)
    assert np.exp(log_rate(np.zeros(1), np.zeros(1), 0.1)) == pytest.approx(0.1)
