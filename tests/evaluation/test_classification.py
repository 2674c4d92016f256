from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from graphrec.evaluation.classification import Ordered, paired_intervals, user_intervals


def drawn(seed, rows=400, users=40):
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 12, rows) / 3  # many ties
    return score, rng.random(rows) < 0.1 + 0.05 * score, rng.integers(0, users, rows), rng


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_learn_with_ties_and_weights(seed):
    score, label, user, rng = drawn(seed)
    weight = rng.integers(0, 3, 40).astype(float)
    rows = Ordered.by_score(score, label, user)
    assert rows.measure() == pytest.approx(
        (roc_auc_score(label, score), average_precision_score(label, score))
    )
    places = np.unique(user, return_inverse=True)[1]
    sample_weight = weight[places]
    expected = (
        measure(label, score, sample_weight=sample_weight)
        for measure in (roc_auc_score, average_precision_score)
    )
    assert rows.measure(weight) == pytest.approx(tuple(expected))


def test_a_perfect_and_a_constant_score():
    label = np.array([1, 1, 0, 0, 0], dtype=bool)
    assert Ordered.by_score(label, label, np.arange(5)).measure() == (1.0, 1.0)
    assert Ordered.by_score(np.zeros(5), label, np.arange(5)).measure() == pytest.approx((0.5, 0.4))


def test_resampling_users_is_wider_than_resampling_rows():
    """Forty copies of one row are one observation."""
    score, label, _, _ = drawn(0, rows=60)
    score, label = np.repeat(score, 40), np.repeat(label, 40)
    by_user = user_intervals(score, label, np.repeat(np.arange(60), 40), replicates=200)
    by_row = user_intervals(score, label, np.arange(2400), replicates=200)
    assert by_user["auc_low"] < by_user["auc"] < by_user["auc_high"]
    width = [found["auc_high"] - found["auc_low"] for found in (by_user, by_row)]
    assert width[0] > 4 * width[1]


def test_a_score_gains_nothing_over_itself_and_something_over_noise():
    score, label, user, rng = drawn(1, rows=2000)
    same = paired_intervals(score, score * 2, label, user, replicates=50)
    assert same["auc"] == same["auc_low"] == same["auc_high"] == 0
    noise = paired_intervals(score, rng.random(2000), label, user, replicates=200)
    assert noise["auc_low"] > 0


def test_one_outcome_cannot_be_judged():
    with pytest.raises(ValueError, match="both outcomes"):
        Ordered.by_score([0.1, 0.2], [True, True], [0, 1])
