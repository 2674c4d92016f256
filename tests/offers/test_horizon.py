"""Periods and horizons, against draws of purchases week by week."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.data.splits import Given, LeaveLast, Random, Temporal
from graphrec.data.week_numbers import week_of_date
from graphrec.errors import InputError
from graphrec.offers.decided_week import decided_week
from graphrec.offers.horizon import Horizon, Period, at_least_one


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-6, 1 - 1e-6), st.floats(-1, 20), st.floats(0.05, 30), st.floats(0.05, 30))
def test_longer_is_likelier_and_one_period_is_itself(p, spread, one, two):
    chance = np.array([p])
    short, long = (at_least_one(chance, length, spread)[0] for length in sorted((one, two)))
    assert 0 <= short <= long + 1e-12 <= 1 + 2e-12
    assert at_least_one(chance, 1.0, spread)[0] == pytest.approx(p, abs=1e-9)
    if spread >= 0:  # there and back
        back = at_least_one(at_least_one(chance, 0.25, spread), 4.0, spread)[0]
        assert back == pytest.approx(p, rel=1e-6)


def test_alike_rates_are_independent_weeks():
    p = np.array([0.01, 0.2, 0.7])
    assert at_least_one(p, 3, 0.0) == pytest.approx(1 - (1 - p) ** 3)
    assert at_least_one(p, 3, 1e-5) == pytest.approx(1 - (1 - p) ** 3, rel=1e-3)


@pytest.mark.parametrize("kind", ["alike", "gamma", "regular"])
def test_weeks_add_up_and_a_fitted_period_foretells_others(kind):
    """Three kinds of buyers, in bins of one mean each; the period is fitted on 4 weeks, judged on 1 to 8."""
    rng = np.random.default_rng(3)
    means = np.repeat([0.02, 0.1, 0.3], 40_000)
    if kind == "regular":  # every so many weeks, from a random week on
        gap = np.round(1 / means).astype(int)
        weeks = (np.arange(8)[None, :] + rng.integers(0, gap)[:, None]) % gap[:, None] == 0
    else:
        spread = rng.gamma(1.0, 1.0, len(means)) if kind == "gamma" else 1.0
        weeks = rng.random((len(means), 8)) < (1 - np.exp(-means * spread))[:, None]
    four = weeks[:, :4].any(axis=1)
    calibrated = pd.Series(four.astype(float)).groupby(means).transform("mean").to_numpy()
    period = Period.fit(calibrated, weeks[:, :4].sum(axis=1).astype(float), np.ones(len(means)), 4.0)
    one = period.of_a_week(calibrated)
    assert one.sum() == pytest.approx(weeks[:, :4].mean(axis=1).sum(), rel=1e-3)
    for mean in np.unique(means):
        rows = means == mean
        assert one[rows].mean() == pytest.approx(weeks[rows].mean(), rel=0.1)
    for length in (2, 4, 8):
        if kind == "regular" and length == 8:
            continue  # who comes every third week is certain by then, and no spread of rates says so
        seen = weeks[:, :length].any(axis=1).mean()
        assert Horizon(length, period.spread).reached(one).mean() == pytest.approx(seen, rel=0.1)


def test_a_single_week_tells_no_spread():
    assert Period.fit(np.array([0.3]), np.array([1.0]), np.ones(1), 1.0).spread == 0.0
    assert Period.fit(np.array([0.3]), np.array([0.0]), np.ones(1), 4.0).spread == 0.0


def rows(days: list[str], **more: list) -> pd.DataFrame:
    return pd.DataFrame({"user_id": "a", "item_id": "i", "timestamp": pd.to_datetime(days), **more})


def test_the_time_of_validation_is_known_where_it_is_one():
    log = rows([f"2024-01-{day:02d}" for day in range(1, 30)])
    log["week"] = 1 + np.arange(29) // 7
    by_week = Temporal(train_end=2, val_end=4)(log).val_span
    assert (by_week.weeks, str(by_week)) == (2.0, "weeks 3 to 4")
    dated = Temporal(column="timestamp", train_end="2024-01-14", val_end="2024-01-24")
    span = dated(log).val_span
    assert span.weeks == pytest.approx(10 / 7)
    assert str(span) == "2024-01-15 to 2024-01-24"
    assert span.week_of(log[log["timestamp"] > "2024-01-14"]).tolist()[:8] == [0] * 7 + [1]
    assert dated(log, refit=True).val_span is None
    for splitter in (LeaveLast(), Random()):
        assert splitter(log.assign(item_id=[f"i{n % 3}" for n in range(29)])).val_span is None
    parts = log.assign(part=["train"] * 14 + ["valid"] * 7 + ["test"] * 8)
    assert str(Given()(parts).val_span) == "week 3"
    assert Given()(parts.assign(part=["train", "valid"] * 14 + ["test"])).val_span is None


@pytest.mark.parametrize("begins", range(7))
@pytest.mark.parametrize("offset", [0, 30])
def test_a_date_is_in_the_week_that_the_log_counts(begins, offset):
    days = pd.date_range("2023-12-28", "2024-03-10") + pd.Timedelta(hours=9)
    start = pd.Timestamp("2023-12-25") + pd.Timedelta(days=begins) - pd.Timedelta(weeks=1)
    log = rows([str(day) for day in days])
    log["week"] = offset + (log["timestamp"] - start).dt.days // 7
    for day in pd.date_range("2023-11-01", "2024-12-31", freq="17D"):
        assert week_of_date(log, day.date(), "--date") == offset + (day - start).days // 7


@pytest.mark.parametrize(
    ("log", "says"),
    [
        (rows(["2024-01-01"]).drop(columns="timestamp").assign(week=1), "no dates beside its weeks"),
        (rows(["2024-01-01", "2024-01-08"], week=[1, 2]), "may be in week 5 or 6.*--week 5 or --week 6"),
        (rows([f"2024-01-{d:02d}" for d in range(1, 29)], week=list(range(28))), "not of seven days each"),
    ],
)  # fmt: skip
def test_a_log_that_does_not_tell_the_week_of_a_day_says_so(log, says):
    with pytest.raises(InputError, match=says):
        week_of_date(log, dt.date(2024, 1, 31), "--date")


def test_week_and_date_agree_or_are_refused():
    log = rows([f"2024-01-{day:02d}" for day in range(1, 29)])
    log["week"] = 1 + np.arange(28) // 7
    train = log[log["week"] <= 3]
    found = decided_week(log, train, None, dt.date(2024, 2, 14), 4)
    assert (found.week, found.weeks) == (7, range(7, 11))
    assert str(found).startswith("Decided for weeks 7 to 10 (the log ends with 4)")
    assert decided_week(log, train, 7, dt.date(2024, 2, 14), 4) == found
    with pytest.raises(InputError, match=r"2024-02-14 is in week 7, and --week says 6.*--week 7"):
        decided_week(log, train, 6, dt.date(2024, 2, 14))
    with pytest.raises(InputError, match="--date: the ranker was trained on weeks to 3, so week 2 is past"):
        decided_week(log, train, None, dt.date(2024, 1, 10))
