from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from graphrec.errors import InputError
from graphrec.offpolicy.bandits import Choices, LinUCB, ThompsonSampling
from graphrec.offpolicy.estimators import PolicyValue
from graphrec.offpolicy.feedback import Feedback, run_loop
from graphrec.offpolicy.gate import gate

STEPS = -np.log1p(-np.array([0.0, 0.1, 0.3]))


def shop(pairs=400, seed=0):
    """Pairs of two kinds: one that only a discount moves, and one that buys anyway."""
    rng = np.random.default_rng(seed)
    moved = rng.random(pairs) < 0.5
    features = np.column_stack([np.ones(pairs), moved])
    choices = Choices(features, features, STEPS, 1.0 - np.array([0.0, 0.15, 0.4]) * np.ones((pairs, 1)))
    logit = np.where(moved, -2.0, 0.5)[:, None] + np.where(moved, 8.0, 0.2)[:, None] * STEPS
    return choices, 1 / (1 + np.exp(-logit)), moved


def decisions(truth, n, seed=1):
    rng = np.random.default_rng(seed)
    pair, level = rng.integers(len(truth), size=n), rng.integers(3, size=n)
    return pair, level, rng.random(n) < truth[pair, level]


def loop(learner, seed=0, rounds=12, **settings):
    choices, truth, moved = shop(seed=seed)
    rule = np.where(moved, 0, 1)  # the articles' rule: most to those who would buy anyway
    return run_loop(
        learner(choices), choices, truth, rule, lambda _: np.arange(len(truth)), rounds, seed=seed, **settings
    )


def thompson(choices):
    return ThompsonSampling.start(choices, 0.3)


def test_the_posterior_mode_is_the_penalised_logistic_regression():
    choices, truth, _ = shop()
    pair, level, bought = decisions(truth, 3000)
    start = ThompsonSampling.start(choices, 0.3)
    learnt = start.learn(choices, pair, level, bought)
    x = choices.design(pair, level)
    # scikit-learn penalises distance from 0: with a wide prior both forget where they started
    wide = ThompsonSampling.start(choices, 0.3, spread=1e3).learn(choices, pair, level, bought)
    twin = LogisticRegression(C=1e6, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(x, bought)
    np.testing.assert_allclose(wide.mean, twin.coef_[0], rtol=1e-2, atol=1e-2)
    assert np.abs(learnt.mean - start.mean).max() > 0.5
    assert np.linalg.eigvalsh(learnt.precision - start.precision).min() > -1e-9


def test_learning_in_parts_is_learning_at_once_nearly():
    choices, truth, _ = shop()
    pair, level, bought = decisions(truth, 4000)
    at_once = thompson(choices).learn(choices, pair, level, bought)
    parts = thompson(choices)
    for rows in np.array_split(np.arange(4000), 4):
        parts = parts.learn(choices, pair[rows], level[rows], bought[rows])
    np.testing.assert_allclose(parts.mean, at_once.mean, atol=0.15)


def test_thompson_propensities_are_the_chance_that_a_level_is_best_under_the_posterior():
    choices, truth, _ = shop()
    learner = thompson(choices).learn(choices, *decisions(truth, 60))
    many = ThompsonSampling(learner.mean, learner.precision, samples=4000)
    rows = np.arange(5)
    found = many.propensities(choices, rows, np.random.default_rng(0))
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    rng = np.random.default_rng(1)
    draws = rng.multivariate_normal(learner.mean, np.linalg.inv(learner.precision), size=4000)
    for row in rows:
        best = np.zeros(3)
        for weights in draws:
            logit = choices.base[row] @ weights[:2] + (choices.slope[row] @ weights[2:]) * STEPS
            best[np.argmax(choices.payoff[row] / (1 + np.exp(-logit)))] += 1 / len(draws)
        np.testing.assert_allclose(found[row], best, atol=0.05)


def test_linucb_is_ridge_regression_with_a_bonus_for_doubt():
    choices, truth, _ = shop()
    pair, level, bought = decisions(truth, 500)
    learner = LinUCB.start(choices, width=0.0).learn(choices, pair, level, bought)
    x = choices.design(pair, level)
    weights = np.linalg.solve(x.T @ x + np.eye(4), x.T @ bought)
    np.testing.assert_allclose(learner.predict(choices, pair)[np.arange(500), level], x @ weights)
    rng = np.random.default_rng(0)
    greedy = learner.propensities(choices, pair, rng)
    expected = (learner.predict(choices, pair) * choices.payoff[pair]).argmax(axis=1)
    np.testing.assert_array_equal(greedy.argmax(axis=1), expected)
    equal = dataclasses.replace(choices, payoff=np.ones_like(choices.payoff))
    curious = LinUCB.start(equal, width=50.0).propensities(equal, pair, rng)
    assert (curious.argmax(axis=1) > 0).all()  # at full price it has nothing to learn of the slope


@pytest.mark.parametrize("learner", [thompson, LinUCB.start])
def test_the_loop_overtakes_a_bad_rule(learner):
    found = loop(learner)
    assert found.crossing is not None
    assert found.regret[-1] < 0.6 * found.static_regret[-1]
    assert (found.regret > 0).all()
    live = [number for number, one in enumerate(found.rounds) if one.decision.live]
    versions = [one.version for one in found.rounds]
    assert versions == sorted(versions)
    assert versions[0] == 0
    assert set(versions) <= {0, *(number + 1 for number in live)}


def test_logged_propensities_are_those_that_levels_were_drawn_with():
    found = loop(thompson, rounds=30)
    counted = np.zeros(3)
    expected = np.zeros(3)
    for one in found.rounds:
        np.testing.assert_allclose(one.propensity.sum(axis=1), 1.0)
        assert one.propensity.min() >= 0.2 / 3 - 1e-12
        counted += np.bincount(one.level, minlength=3)
        expected += one.propensity.sum(axis=0)
    np.testing.assert_allclose(counted, expected, rtol=0.05)


def test_the_gate_keeps_a_rule_that_is_already_the_best():
    choices, truth, _ = shop()
    best = (truth * choices.payoff).argmax(axis=1)
    found = run_loop(thompson(choices), choices, truth, best, lambda _: np.arange(400), rounds=10, seed=3)
    assert not any(one.decision.live for one in found.rounds)
    assert {one.version for one in found.rounds} == {0}
    assert found.crossing is None


def test_the_same_seed_gives_the_same_loop():
    one, other = loop(thompson, rounds=3), loop(thompson, rounds=3)
    np.testing.assert_array_equal(one.regret, other.regret)


def test_crossing_is_the_first_round_that_stays_below():
    def crossing(regret):
        return Feedback((), np.array(regret), np.ones(4)).crossing

    assert crossing([2.0, 0.5, 0.2, 0.2]) == 3
    assert crossing([0.5, 0.5, 0.5, 0.5]) == 1
    assert crossing([0.5, 3.0, 0.1, 0.1]) == 4
    assert crossing([2.0, 1.0, 1.0, 1.0]) is None


def test_the_gate_needs_the_lower_end_to_win():
    current = PolicyValue(1.0, 0.1)
    assert gate(PolicyValue(1.3, 0.1), current).live
    assert not gate(PolicyValue(1.1, 0.1), current).live
    refused = gate(PolicyValue(np.nan, np.nan, "no support"), current)
    assert not refused.live
    assert "no support" in refused.reason
    assert not gate(PolicyValue(9.0, 0.1), PolicyValue(np.nan, np.nan, "gone")).live


def test_no_exploration_is_refused():
    with pytest.raises(InputError, match="epsilon"):
        loop(thompson, epsilon=0.0)
