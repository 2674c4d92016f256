"""Uplift curves against plain loops, and against a planted truth."""

import numpy as np
import pandas as pd
import pytest

from graphrec.errors import InputError
from graphrec.offpolicy.uplift.curves import Trial, curve, deciles


def drawn(n=4000, seed=0, chance=0.3):
    rng = np.random.default_rng(seed)
    fact = rng.random(n)
    treated = rng.random(n) < chance
    outcome = rng.normal(1.0, 0.5, n) + treated * np.where(fact > 0.5, 1.0, -0.5)
    return fact, Trial(treated, outcome, np.full(n, chance))


def by_hand(score, trial, share):
    """Mean of the treated less mean of the others among the first people, times their share."""
    first = np.argsort(-score, kind="stable")[: round(share * len(score))]
    treated = trial.treated[first]
    y = trial.outcome[first]
    return share * (y[treated].mean() - y[~treated].mean())


def test_the_curve_is_what_a_loop_over_shares_finds():
    fact, trial = drawn()
    found = curve(fact, trial, resamples=20)
    for share in (0.1, 0.37, 0.5, 1.0):
        row = found.table.loc[(found.table["share"] - share).abs().idxmin()]
        assert row["gain"] == pytest.approx(by_hand(fact, trial, share), abs=1e-12)
    assert found.figures["gain_of_all"] == pytest.approx(found.table["gain"].iloc[-1])


def test_areas_are_those_of_numpy():
    fact, trial = drawn(seed=1)
    found = curve(fact, trial, resamples=20)
    shares = np.concatenate([[0.0], found.table["share"]])
    gain = np.concatenate([[0.0], found.table["gain"]])
    assert found.figures["auuc"] == pytest.approx(np.trapezoid(gain, shares))
    line = np.trapezoid(shares * gain[-1], shares)
    assert found.figures["qini"] == pytest.approx(np.trapezoid(gain, shares) - line)


def test_a_perfect_score_beats_a_random_and_a_reversed_one():
    fact, trial = drawn(n=20_000)
    truth = np.where(fact > 0.5, 1.0, -0.5)
    random = np.random.default_rng(9).random(len(fact))
    best, none, worst = (curve(score, trial, resamples=50).figures for score in (truth, random, -truth))
    assert best["qini_low"] > 0
    assert none["qini_low"] < 0 < none["qini_high"]
    assert worst["qini_high"] < 0
    # planted: half the people gain 1, the others lose 0.5; the mean of all is 0.25, the best half's share 0.5
    assert best["gain_of_all"] == pytest.approx(0.25, abs=0.04)
    assert curve(truth, trial, resamples=2).table["gain"].max() == pytest.approx(0.5, abs=0.04)


def test_propensities_that_differ_by_person_are_weighed():
    rng = np.random.default_rng(3)
    n = 60_000
    rich = rng.random(n) < 0.5
    chance = np.where(rich, 0.8, 0.2)
    treated = rng.random(n) < chance
    outcome = 5.0 * rich + treated * 1.0  # the raw difference would be 1 + 5 * (0.8 - 0.2) = 4
    found = curve(rng.random(n), Trial(treated, outcome, chance), resamples=30).figures
    assert found["gain_of_all"] == pytest.approx(1.0, abs=0.05)
    assert found["gain_of_all_low"] < 1.0 < found["gain_of_all_high"]


def test_intervals_cover_the_truth_and_rows_of_one_person_widen_them():
    covered, widths = 0, {}
    for seed in range(40):
        fact, trial = drawn(n=600, seed=seed)
        found = curve(np.where(fact > 0.5, 1.0, 0.0), trial, resamples=150, seed=seed).figures
        covered += found["gain_of_all_low"] <= 0.25 <= found["gain_of_all_high"]
    assert covered >= 34  # 38 expected; 34 or more in 97 of 100
    fact, trial = drawn(n=600)
    for name, cluster in (("rows", None), ("people", np.repeat(np.arange(60), 10))):
        # the rows of a person are copies of one row
        same = np.repeat(np.arange(60), 10)
        copied = Trial(trial.treated[same], trial.outcome[same], trial.propensity[same], cluster)
        figures = curve(fact[same], copied, resamples=200).figures
        widths[name] = figures["gain_of_all_high"] - figures["gain_of_all_low"]
    assert widths["people"] > 2 * widths["rows"]


def test_tenths_compare_what_was_foretold_with_means():
    fact, trial = drawn(n=5000)
    told = np.where(fact > 0.5, 1.0, -0.5)
    parts = deciles(told + fact * 1e-6, trial)
    assert parts["people"].tolist() == [500] * 10
    first = pd.Series(fact).nlargest(500).index
    treated, y = trial.treated[first], trial.outcome[first]
    assert parts["observed"].iloc[0] == pytest.approx(y[treated].mean() - y[~treated].mean())
    error = (y[treated].var() / treated.sum() + y[~treated].var() / (~treated).sum()) ** 0.5
    assert parts["high"].iloc[0] - parts["observed"].iloc[0] == pytest.approx(1.96 * error, rel=1e-9)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_a_trial_that_cannot_be_compared_is_refused(chance):
    with pytest.raises(InputError, match="above 0 and below 1"):
        Trial(np.array([True, False]), np.zeros(2), np.full(2, chance))
    with pytest.raises(InputError, match="one arm has nobody"):
        Trial(np.array([True, True]), np.zeros(2), np.full(2, 0.5))
