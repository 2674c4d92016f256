from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.evaluation.probability.calibration import Calibrator, expected_calibration_error, log_loss

KINDS = ["isotonic", "platt"]


def planted(count: int = 40_000, seed: int = 0):
    """Seen pairs are bought far more often than new ones at the same score; both grow with the score."""
    rng = np.random.default_rng(seed)
    score, seen = rng.normal(0, 2, count), rng.random(count) < 0.3
    truth = 1 / (1 + np.exp(-(score - np.where(seen, 0.5, 4.0))))
    return score, rng.random(count) < truth, seen, truth


@pytest.mark.parametrize("kind", KINDS)
def test_recovers_the_planted_probability_of_each_group(kind):
    score, bought, seen, _ = planted()
    fresh, outcome, fresh_seen, truth = planted(seed=1)
    calibrator = Calibrator.fit(score, bought, seen, kind)
    probability = calibrator.probability(fresh, fresh_seen)
    assert np.abs(probability - truth).mean() < 0.012
    assert expected_calibration_error(probability, outcome) < 0.01
    # one curve for both groups, the shortcut that the module warns of, is far off
    single = Calibrator.fit(score, bought, np.zeros_like(seen), kind)
    mixed = single.probability(fresh, np.zeros_like(seen))
    assert np.abs(mixed - truth).mean() > 0.05
    assert log_loss(probability, outcome) < log_loss(mixed, outcome) - 0.02


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-50, 50), st.booleans(), st.booleans()), min_size=1, max_size=60),
    st.lists(st.floats(-80, 80), min_size=2, max_size=20),
    st.sampled_from(KINDS),
)
def test_monotone_in_the_score_and_strictly_inside_0_1(rows, probe, kind):
    score, bought, seen = (np.array(column) for column in zip(*rows, strict=True))
    calibrator = Calibrator.fit(score, bought, seen, kind)
    for group in (True, False):
        probability = calibrator.probability(np.sort(probe), np.full(len(probe), group))
        assert (np.diff(probability) >= -1e-12).all()
        assert ((probability > 0) & (probability < 1)).all()
        assert np.isfinite(np.log(probability / (1 - probability))).all()
    assert (np.diff(calibrator.unit_score(np.sort(probe))) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_falling_data_gives_a_flat_curve_not_a_falling_one(kind):
    score = np.linspace(0, 1, 200)
    calibrator = Calibrator.fit(score, score < 0.3, np.zeros(200, dtype=bool), kind)
    probability = calibrator.probability(score, np.zeros(200, dtype=bool))
    assert np.ptp(probability) < 1e-9
    assert probability[0] == pytest.approx(0.3, abs=0.01)


def test_a_group_without_purchases_gets_its_base_rate():
    score, seen = np.arange(1000.0), np.arange(1000) % 2 == 0
    bought = seen & (score > 900)
    new = Calibrator.fit(score, bought, seen).probability(score[:3], np.zeros(3, dtype=bool))
    assert new == pytest.approx(np.full(3, 0.5 / 501))
    empty = Calibrator.fit(score[seen], bought[seen], seen[seen]).probability([5.0], [False])
    assert 0 < empty[0] < 1


def test_one_lucky_pair_at_the_top_is_not_a_certainty():
    score, bought = np.arange(100.0), np.arange(100) == 99
    top = Calibrator.fit(score, bought, np.zeros(100, dtype=bool)).probability([99.0], [False])
    assert top[0] == pytest.approx(0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_undo_the_thinning_of_pairs_that_were_not_bought(kind):
    score, bought, seen, truth = planted(80_000)
    kept = bought | (np.random.default_rng(2).random(len(score)) < 0.2)
    weight = np.where(bought, 1.0, 5.0)[kept]
    calibrator = Calibrator.fit(score[kept], bought[kept], seen[kept], kind, weight)
    probability = calibrator.probability(score, seen)
    for group in (seen, ~seen):
        assert probability[group].mean() == pytest.approx(truth[group].mean(), rel=0.05)
    unweighted = Calibrator.fit(score[kept], bought[kept], seen[kept], kind).probability(score, seen)
    assert unweighted.mean() > 1.5 * truth.mean()


def test_unit_score_leaves_unit_scores_alone_and_scales_others():
    seen = np.zeros(3, dtype=bool)
    inside = Calibrator.fit([0.2, 0.7654, 0.9], [False, True, True], seen)
    assert inside.unit_score([0.7654, 0.8643, 1.7]).tolist() == [0.7654, 0.8643, 1.0]
    scaled = Calibrator.fit([-4.0, 0.0, 4.0], [False, True, True], seen)
    assert scaled.unit_score([-9.0, -4.0, 0.0, 2.0, 4.0]).tolist() == [0.0, 0.0, 0.5, 0.75, 1.0]
    same = Calibrator.fit([7.0, 7.0, 7.0], [False, True, True], seen)
    assert np.isfinite(same.unit_score([7.0, 8.0])).all()


def test_one_stray_score_does_not_set_the_scale():
    score = np.append(np.linspace(-2, 2, 100_000), 1e6)
    calibrator = Calibrator.fit(score, score > 0, np.zeros(len(score), dtype=bool))
    assert calibrator.unit_score([0.0])[0] == pytest.approx(0.5, abs=0.01)


def test_the_scale_counts_pairs_as_often_as_they_stand_for():
    score = np.append(np.linspace(-2, 2, 1000), 50.0)
    none = np.zeros(len(score), dtype=bool)
    weight = np.append(np.full(1000, 100.0), 1.0)  # the stray score is one pair in 100,001
    assert Calibrator.fit(score, score > 0, none, weight=weight).unit_score([2.0])[0] == 1.0
    assert Calibrator.fit(score, score > 0, none).unit_score([2.0])[0] < 0.1


def test_calibration_error_and_log_loss_agree_with_their_definitions():
    probability = np.repeat([0.1, 0.5, 0.9], 100)
    bought = np.concatenate([np.arange(100) < n for n in (10, 70, 60)])
    assert expected_calibration_error(probability, bought, bins=3) == pytest.approx((0 + 0.2 + 0.3) / 3)
    naive = np.mean([-np.log(p if b else 1 - p) for p, b in zip(probability, bought, strict=True)])
    assert log_loss(probability, bought) == pytest.approx(naive)
    assert np.isfinite(log_loss([0.0, 1.0], [True, False]))


def test_refuses_scores_that_cannot_be_calibrated():
    with pytest.raises(ValueError, match="finite"):
        Calibrator.fit([0.0, -np.inf], [True, False], [True, True])
    with pytest.raises(ValueError, match="one length"):
        Calibrator.fit([0.0, 1.0], [True], [True, True])
