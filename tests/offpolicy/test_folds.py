from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.errors import InputError
from graphrec.offpolicy.folds import FoldedValue, cross_validate, rolling_origin


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 3), st.integers(1, 2), st.integers(2, 4))
def test_no_fold_learns_from_its_future_or_its_households(seed, origins, horizon, groups):
    rng = np.random.default_rng(seed)
    week, home = rng.integers(8, size=300), rng.integers(20, size=300) * 11
    folds = list(rolling_origin(week, home, origins, horizon, groups, seed))
    assert len(folds) == origins * groups
    for fold in folds:
        assert not set(home[fold.train]) & set(home[fold.test])
        assert week[fold.train].max(initial=-1) < fold.week
        assert (week[fold.test] >= fold.week).all()
        assert len(np.unique(week[fold.test])) <= horizon
    judged = np.concatenate([fold.test for fold in folds])
    assert len(np.unique(judged)) == len(judged)  # each decision is judged once ...
    weeks = np.unique(week)[-origins * horizon :]
    assert set(judged) == set(np.flatnonzero(np.isin(week, weeks)))  # ... and all of the last weeks are


def test_mean_and_sd_over_folds_pass_over_refusals():
    week, home = np.repeat(np.arange(6), 10), np.tile(np.arange(10), 6)
    values = iter([1.0, np.nan, 3.0, 5.0])
    found = cross_validate(rolling_origin(week, home, 2, 1, 2), lambda _: next(values))
    assert found.mean == pytest.approx(3.0)
    assert found.sd == pytest.approx(2.0)
    assert found.refused == 1
    assert np.isnan(FoldedValue(np.array([np.nan])).mean)
    assert np.isnan(FoldedValue(np.array([1.0])).sd)


def test_too_few_weeks_or_households_are_named():
    with pytest.raises(InputError, match="'week'"):
        next(rolling_origin(np.array([1, 2]), np.array([1, 2]), origins=2, horizon=1))
    with pytest.raises(InputError, match="'household'"):
        next(rolling_origin(np.arange(5), np.zeros(5, dtype=int), origins=1, horizon=1))
