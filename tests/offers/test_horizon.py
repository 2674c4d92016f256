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
from graphrec.offers.horizon import Horizon, growth_of, in_one_week


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-6, 0.5), st.floats(0, 0.99), st.floats(1.1, 10))
def test_the_curve_goes_through_the_week_and_the_whole_time(weekly, place, weeks):
    """The chance in several weeks lies between that of one and of one in each; the curve joins the two."""
    within = weekly + place * (1 - (1 - weekly) ** weeks - weekly)
    growth = growth_of(np.array([weekly]), np.array([within]), weeks)
    assert 0 <= growth[0] <= 1 + 1e-9
    assert Horizon(1, growth).reached(np.array([weekly]))[0] == weekly
    hazard = -np.log1p(-weekly)
    assert 1 - np.exp(-hazard * weeks ** growth[0]) == pytest.approx(within, rel=1e-6)


def test_weeks_that_are_alike_are_independent():
    p = np.array([0.01, 0.2, 0.7])
    assert growth_of(p, 1 - (1 - p) ** 4, 4.0) == pytest.approx(np.ones(3))
    assert Horizon(3, np.ones(3)).reached(p) == pytest.approx(1 - (1 - p) ** 3)
    assert in_one_week(1 - (1 - p) ** 2.5, 2.5) == pytest.approx(p)
    assert (growth_of(p, p, 1.0) == 1).all()
    assert Horizon(4, np.ones(1)).reached(np.ones(1)) == 1


@pytest.mark.parametrize("kind", ["alike", "gamma", "regular"])
def test_other_spans_are_foretold_from_a_week_and_four(kind):
    """Three kinds of buyers of one mean rate; what one week and four say is held against two and eight."""
    rng = np.random.default_rng(3)
    count, mean = 100_000, 0.1
    if kind == "regular":  # every tenth week, from a random week on
        weeks = (np.arange(8)[None, :] + rng.integers(0, 10, count)[:, None]) % 10 == 0
    else:
        spread = rng.gamma(1.0, 1.0, count) if kind == "gamma" else np.ones(count)
        weeks = rng.random((count, 8)) < (1 - np.exp(-mean * spread))[:, None]
    one, four = np.array([weeks[:, :4].mean()]), np.array([weeks[:, :4].any(axis=1).mean()])
    growth = growth_of(one, four, 4.0)
    for length in (2, 4) if kind == "regular" else (2, 4, 8):
        seen = weeks[:, :length].any(axis=1).mean()
        assert Horizon(length, growth).reached(one)[0] == pytest.approx(seen, rel=0.1)


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
