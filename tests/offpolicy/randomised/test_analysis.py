"""Differences of arms: the level that is kept, the truth that is covered, and the checks."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from graphrec.errors import InputError
from graphrec.offpolicy.randomised.analysis import any_time_factor, difference, ratio_p


def test_an_ordinary_difference_is_welchs():
    rng = np.random.default_rng(0)
    outcome, treated = rng.gamma(2, 10, 400), rng.random(400) < 0.3
    found = difference(outcome, treated)
    welch = ttest_ind(outcome[treated], outcome[~treated], equal_var=False)
    bounds = welch.confidence_interval(0.95)
    assert found.p == pytest.approx(welch.pvalue, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((bounds.low, bounds.high), rel=1e-9)
    assert found.value == pytest.approx(outcome[treated].mean() - outcome[~treated].mean())


def test_experiments_without_an_effect_are_rejected_in_five_of_a_hundred():
    rng = np.random.default_rng(1)
    plain, helped = 0, 0
    for _ in range(1000):
        before = rng.gamma(1, 20, 300)
        outcome = before * 0.7 + rng.gamma(1, 10, 300)
        treated = rng.random(300) < 0.5
        plain += difference(outcome, treated).p < 0.05
        helped += difference(outcome, treated, before).p < 0.05
    assert 40 <= plain <= 60
    assert 38 <= helped <= 62


def test_looking_every_day_keeps_the_level_at_any_time_and_not_otherwise():
    rng = np.random.default_rng(2)
    peeked, careful = 0, 0
    for _ in range(200):
        outcome, treated = rng.normal(size=2800), rng.random(2800) < 0.5
        looks = [difference(outcome[:n], treated[:n]) for n in range(200, 2801, 200)]
        peeked += any(one.p < 0.05 for one in looks)
        often = [difference(outcome[:n], treated[:n], any_time=2800) for n in range(200, 2801, 200)]
        careful += any(one.low > 0 or one.high < 0 for one in often)
        assert all((one.p < 0.05) == (one.low > 0 or one.high < 0) for one in often)
    assert careful / 200 <= 0.05
    assert peeked / 200 > 0.15


def test_an_interval_at_any_time_is_wider_and_tightest_where_it_was_asked():
    factors = {people: any_time_factor(people, 1000) for people in (100, 1000, 10_000)}
    assert min(factors.values()) > 1.96
    assert factors[1000] < factors[100]
    widths = {people: any_time_factor(1000, people) for people in (100, 1000, 10_000)}
    assert min(widths, key=widths.get) == 1000


def test_the_measure_from_before_takes_variance_and_no_effect_away():
    rng = np.random.default_rng(3)
    before = rng.normal(50, 10, 20_000)
    treated = rng.random(20_000) < 0.5
    outcome = before + rng.normal(0, 5, 20_000) + 0.5 * treated
    plain, helped = difference(outcome, treated), difference(outcome, treated, before)
    assert helped.explained == pytest.approx(100 / 125, abs=0.01)
    assert helped.error == pytest.approx(plain.error * (25 / 125) ** 0.5, rel=0.03)
    assert helped.low < 0.5 < helped.high
    assert difference(outcome, treated, np.ones(20_000)) == plain, "a constant explains nothing"


def test_the_interval_of_a_lift_covers_it():
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(400):
        treated = rng.random(500) < 0.5
        outcome = rng.gamma(2, 5, 500) * np.where(treated, 1.3, 1.0)
        found = difference(outcome, treated)
        covered += found.lift_low <= 0.3 <= found.lift_high
    assert 0.92 <= covered / 400 <= 0.98


def test_lost_people_are_found():
    assert ratio_p({"a": 5000, "b": 5000}, {"a": 0.5, "b": 0.5}) == 1.0
    assert ratio_p({"a": 5000, "b": 4600}, {"a": 0.5, "b": 0.5}) < 0.001
    assert ratio_p({"a": 9000, "b": 1000}, {"a": 0.9, "b": 0.1}) == 1.0
    with pytest.raises(InputError, match="the arm 'b' is not in both"):
        ratio_p({"a": 1, "b": 1}, {"a": 0.5, "c": 0.5})


def test_what_cannot_be_compared_is_refused_or_said():
    with pytest.raises(InputError, match="fewer than two people"):
        difference(np.zeros(5), np.array([True, False, False, False, False]))
    same = difference(np.ones(6), np.array([True] * 3 + [False] * 3))
    assert (same.value, same.p, same.low, same.high) == (0.0, 1.0, 0.0, 0.0)
    assert np.isnan(difference(np.array([-1.0, -2, -3, -4]), np.array([True, True, False, False])).lift)
