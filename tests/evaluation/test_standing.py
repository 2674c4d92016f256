"""Scores of two users are not on one scale, and their probabilities are right all the same."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from graphrec.evaluation.probability.calibration import Calibrator
from graphrec.evaluation.probability.standing import FEWEST, Adjustment, Standing

USERS, ITEMS = 400, 50


def drawn(seed: int):
    """Users whose scores are scaled by what they bought, while their purchases follow their own order."""
    rng = np.random.default_rng(seed)
    items_of = rng.integers(1, 40, USERS)
    taste = rng.normal(0, 1, (USERS, ITEMS))
    score = taste * items_of[:, None]  # of no use between two users
    truth = 1 / (1 + np.exp(-(-3.0 + 1.3 * taste)))
    place = (-score).argsort(axis=1).argsort(axis=1)
    user, item = np.indices(score.shape)
    buyers = rng.integers(1, 300, ITEMS)
    standing = Standing.of(place.ravel(), user.ravel(), item.ravel(), items_of, buyers)
    bought = (rng.random(score.shape) < truth).ravel()
    return score.ravel(), truth.ravel(), bought, standing, items_of[user.ravel()]


def test_the_first_items_of_each_user_have_their_probability():
    score, _, bought, standing, _ = drawn(0)
    fresh, truth, _, other, items_of = drawn(1)
    new = np.zeros(len(score), dtype=bool)
    calibrator = Calibrator.fit(score, bought, new, standing=standing)

    def furthest_off(probability):
        first = other.place < 5
        groups = (first & (items_of < 8), first & (items_of > 30))
        return max(abs(probability[of].mean() / truth[of].mean() - 1) for of in groups)

    alone = furthest_off(calibrator.probability(fresh, new))
    adjusted = furthest_off(calibrator.probability(fresh, new, other))
    assert alone > 0.4, "the score alone is on no common scale"
    assert adjusted < 0.2


def test_within_a_user_no_probability_falls_with_the_score():
    score, _, bought, standing, _ = drawn(0)
    worse = Adjustment.fit(np.full(len(score), 0.1), standing, ~bought, np.ones(len(score)))
    assert worse.weights[0] >= 0
    assert worse.weights[1] <= 0, "the first are bought less, and still it may not rise with the place"


def test_it_is_a_logistic_regression_of_the_same_columns():
    score, _, bought, standing, _ = drawn(0)
    probability = Calibrator.fit(score, bought, bought & False).probability(score, bought & False)
    found = Adjustment.fit(probability, standing, bought, np.ones(len(score)))(probability, standing)
    columns = standing.columns(probability)
    columns = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    theirs = LogisticRegression(C=1e6, max_iter=1000).fit(columns, bought).predict_proba(columns)[:, 1]
    assert found == pytest.approx(theirs, abs=0.01)


def test_too_few_purchases_leave_the_probability_as_it_is():
    _, _, bought, standing, _ = drawn(0)
    few = bought & (np.cumsum(bought) < FEWEST)
    assert Adjustment.fit(np.full(len(few), 0.02), standing, few, np.ones(len(few))) == Adjustment()
    probability = np.linspace(0.01, 0.9, len(few))
    assert Adjustment()(probability, standing) == pytest.approx(probability)


def test_a_kept_calibrator_says_the_same():
    score, _, bought, standing, _ = drawn(0)
    calibrator = Calibrator.fit(score, bought, bought & False, standing=standing)
    again = Calibrator.of_numbers(calibrator.numbers())
    assert (
        again.probability(score, bought & False, standing)
        == calibrator.probability(score, bought & False, standing)
    ).all()
