from __future__ import annotations

import numpy as np
import pytest

from graphrec.evaluation.probability.calibration import expected_calibration_error, log_loss
from graphrec.response.recalibration import Recalibration, drift, reliability


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.fixture
def logits():
    rng = np.random.default_rng(0)
    base, rate = rng.normal(-1.5, 1.0, 200_000), rng.choice([0.0, 0.0, 0.3, 0.5], 200_000)
    return base, -np.log(1 - rate), rng


def test_finds_what_went_wrong(logits):
    base, increment, rng = logits
    bought = rng.random(len(base)) < sigmoid(-0.4 + 0.7 * base + 1.6 * increment)
    found = Recalibration.fit(base, increment, bought)
    assert [found.shift, found.base, found.lift] == pytest.approx([-0.4, 0.7, 1.6], abs=0.05)
    before, after = sigmoid(base + increment), sigmoid(found(base, increment))
    assert (
        expected_calibration_error(before, bought) > 0.03 > 0.005 > expected_calibration_error(after, bought)
    )
    assert log_loss(after, bought) < log_loss(before, bought)


def test_leaves_a_good_response_alone(logits):
    base, increment, rng = logits
    found = Recalibration.fit(base, increment, rng.random(len(base)) < sigmoid(base + increment))
    assert [found.shift, found.base, found.lift] == pytest.approx([0, 1, 1], abs=0.05)


def test_slopes_stay_above_0_whatever_happened(logits):
    base, increment, rng = logits
    found = Recalibration.fit(base, increment, rng.random(len(base)) < sigmoid(-base - increment))
    assert found.base > 0
    assert found.lift > 0


def test_nothing_to_learn_from_changes_nothing():
    for bought in (np.zeros(5), np.ones(5)):
        assert Recalibration.fit(np.arange(5.0), np.zeros(5), bought) == Recalibration()
    flat = Recalibration.fit(np.zeros(10), np.zeros(10), np.arange(10) < 3)
    assert flat(np.zeros(1), np.zeros(1)) == pytest.approx(np.log(3 / 7), abs=1e-3)
    assert [flat.base, flat.lift] == [1, 1]


def test_reliability_bins_hold_all_rows():
    rng = np.random.default_rng(1)
    probability = rng.beta(0.6, 5, 20_000)
    bought = rng.random(20_000) < probability
    table = reliability(probability, bought, 10)
    assert table["rows"].sum() == 20_000
    assert len(table) == 10
    assert (table["predicted"] @ table["rows"]) / 20_000 == pytest.approx(probability.mean())
    assert ((table["observed"] - table["predicted"]).abs() < 4 * table["error"]).all()
    first = probability <= np.quantile(probability, 0.1)
    assert table.loc[0, "observed"] == pytest.approx(bought[first].mean())


def test_drift_names_the_week_that_went_off():
    rng = np.random.default_rng(2)
    week = np.repeat([1, 2, 3], 20_000)
    probability = np.full(60_000, 0.1)
    bought = rng.random(60_000) < np.where(week == 3, 0.15, 0.1)
    table = drift(probability, bought, week)
    assert table["week"].tolist() == [1, 2, 3]
    assert table["ratio"].tolist() == pytest.approx([1, 1, 1.5], abs=0.1)
    assert table["z"].iloc[2] > 8
    assert (table["z"].iloc[:2].abs() < 4).all()
    assert table.loc[2, "observed"] == pytest.approx(bought[week == 3].mean())


def test_the_error_of_the_lift_is_that_of_people_drawn_again():
    rng = np.random.default_rng(0)
    people, rows = 300, 40
    person = np.repeat(np.arange(people), rows)
    base = rng.normal(-1.5, 0.5, people * rows)
    increment = rng.choice([0.0, 0.5, 1.0], people * rows)
    steep = np.exp(rng.normal(0, 0.5, people))[person]  # rows of one person are alike
    bought = rng.random(people * rows) < 1 / (1 + np.exp(-(base + steep * increment)))
    found = Recalibration.fit(base, increment, bought)
    told = found.lift_error(base, increment, bought, person)
    lifts = []
    for _ in range(60):
        some = (rng.integers(0, people, people)[:, None] * rows + np.arange(rows)).ravel()
        lifts.append(np.log(Recalibration.fit(base[some], increment[some], bought[some]).lift))
    assert told == pytest.approx(np.std(lifts), rel=0.25)
