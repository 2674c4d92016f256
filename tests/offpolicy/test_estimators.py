from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.errors import InputError
from graphrec.offpolicy.estimators import (
    ESTIMATORS,
    direct_method,
    doubly_robust,
    estimate,
    inverse_propensity,
    self_normalised,
    switch_doubly_robust,
    target_of,
)
from graphrec.offpolicy.support import Decisions, Support, Thresholds, refusal, support

LEVELS = 3


def distributions(rng, n, sharpness=1.0):
    return rng.dirichlet(np.full(LEVELS, sharpness), n)


def world(n=400, seed=0, propensity=None):
    """A log whose true reward at each level is known."""
    rng = np.random.default_rng(seed)
    context = rng.normal(size=n)
    mean = 1 / (1 + np.exp(-(context[:, None] + np.array([-1.0, 0.0, 0.7]))))
    given_ = distributions(rng, n, 3.0) if propensity is None else propensity(context)
    level = (rng.random(n)[:, None] > given_.cumsum(axis=1)).sum(axis=1).clip(max=LEVELS - 1)
    reward = (rng.random(n) < mean[np.arange(n), level]).astype(float)
    return Decisions(level, reward, given_), mean, distributions(rng, n)


def test_estimators_against_loops():
    log, mean, target = world(60)
    model = mean * 0.8 + 0.05
    ips = snips_top = snips_bottom = dm = dr = switched = 0.0
    for i in range(len(log)):
        a = log.level[i]
        weight = target[i, a] / log.propensity[i, a]
        expected = sum(target[i, k] * model[i, k] for k in range(LEVELS))
        ips += weight * log.reward[i] / 60
        snips_top, snips_bottom = snips_top + weight * log.reward[i], snips_bottom + weight
        dm += expected / 60
        dr += (expected + weight * (log.reward[i] - model[i, a])) / 60
        switched += (expected + (weight if weight <= 1.5 else 0.0) * (log.reward[i] - model[i, a])) / 60
    assert inverse_propensity(log, target).value == pytest.approx(ips)
    assert self_normalised(log, target).value == pytest.approx(snips_top / snips_bottom)
    assert direct_method(log, target, model).value == pytest.approx(dm)
    assert doubly_robust(log, target, model).value == pytest.approx(dr)
    assert switch_doubly_robust(log, target, model, 1.5).value == pytest.approx(switched)
    assert switched != pytest.approx(dr)


def test_standard_error_of_a_mean_and_of_clusters():
    log, _, target = world(50)
    contribution = log.weights(target) * log.reward
    assert inverse_propensity(log, target).standard_error == pytest.approx(
        contribution.std(ddof=1) / np.sqrt(50)
    )
    # each decision written down twice is no more information: one cluster per original decision
    doubled = Decisions(
        np.repeat(log.level, 2),
        np.repeat(log.reward, 2),
        np.repeat(log.propensity, 2, axis=0),
        np.repeat(np.arange(50) * 7, 2),  # codes need not be dense
    )
    twice = np.repeat(target, 2, axis=0)
    for judge in (inverse_propensity, self_normalised):
        assert judge(doubled, twice).value == pytest.approx(judge(log, target).value)
    assert inverse_propensity(doubled, twice).standard_error == pytest.approx(
        inverse_propensity(log, target).standard_error
    )


@pytest.mark.parametrize("name", ESTIMATORS)
def test_unbiased_and_intervals_cover_when_propensities_are_known(name):
    """DM too, its model being the truth here; the target is the value on these very contexts."""
    errors, covered = [], 0
    for seed in range(120):
        log, mean, target = world(400, seed)
        model = mean if name == "dm" else 0.5 * mean + 0.1
        found, _ = estimate(log, target, model, [name], Thresholds(effective_sample_size=50))
        truth = float((target * mean).sum(axis=1).mean())
        errors.append(found[name].value - truth)
        covered += found[name].low <= truth <= found[name].high
    noise = np.std(errors) / np.sqrt(len(errors))
    assert abs(np.mean(errors)) < 4 * noise + 1e-12
    assert covered >= 0.9 * 120


def test_doubly_robust_is_right_with_a_wrong_model_or_wrong_propensities():
    log, mean, target = world(40_000, seed=5)
    truth = float((target * mean).sum(axis=1).mean())
    wrong = np.broadcast_to(np.array([0.9, 0.3, 0.9]), mean.shape)
    flat = Decisions(log.level, log.reward, np.full_like(log.propensity, 1 / LEVELS))
    assert direct_method(log, target, wrong).value != pytest.approx(truth, abs=0.05)
    assert doubly_robust(log, target, wrong).value == pytest.approx(truth, abs=0.02)
    assert doubly_robust(flat, target, mean).value == pytest.approx(truth, abs=0.02)


def test_a_perfect_model_narrows_the_interval():
    log, mean, target = world(2000, seed=2)
    assert doubly_robust(log, target, mean).standard_error < inverse_propensity(log, target).standard_error


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_the_logging_policy_judged_by_its_own_log_is_the_mean_reward(seed):
    log, mean, _ = world(30, seed)
    assert inverse_propensity(log, log.propensity).value == pytest.approx(log.reward.mean())
    assert self_normalised(log, log.propensity).value == pytest.approx(log.reward.mean())
    found = support(log, log.propensity)
    assert found.effective_sample_size == pytest.approx(30)
    assert found.max_weight == pytest.approx(1)
    assert switch_doubly_robust(log, log.propensity, mean, np.inf) == doubly_robust(log, log.propensity, mean)


def test_support_against_the_formulae():
    propensity = np.array([[0.5, 0.5, 0.0], [0.25, 0.75, 0.0]])
    log = Decisions(np.array([0, 1]), np.array([1.0, 0.0]), propensity)
    target = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
    found = support(log, target)
    weights = np.array([1.0, 4 / 3])
    assert found.max_weight == pytest.approx(4 / 3)
    assert found.effective_sample_size == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    assert found.unsupported_mass == pytest.approx(0.125)


def test_refuses_without_support():
    def never_deepest(context):
        return np.tile([0.6, 0.4, 0.0], (len(context), 1))

    log, mean, _ = world(500, propensity=never_deepest)
    deepest = target_of(np.full(500, 2), LEVELS)
    found, how = estimate(log, deepest, mean)
    assert how.unsupported_mass == 1.0
    for value in found.values():
        assert np.isnan(value.value)
        assert np.isnan(value.low)
        assert "never offered" in value.reason


def test_refuses_few_effective_decisions():
    def almost_never(context):
        return np.tile([0.98, 0.01, 0.01], (len(context), 1))

    log, mean, _ = world(1000, propensity=almost_never)
    found, how = estimate(log, target_of(np.full(1000, 1), LEVELS), mean)
    assert how.effective_sample_size < 100
    assert "effective sample size" in found["dr"].reason
    assert np.isnan(found["snips"].value)


def test_refuses_unknown_propensities_but_for_the_direct_method():
    log, mean, target = world(500)
    blind = Decisions(log.level, log.reward)
    found, how = estimate(blind, target, mean)
    assert np.isnan(how.effective_sample_size)
    assert {name for name in ESTIMATORS if np.isfinite(found[name].value)} == {"dm"}
    assert "unknown" in found["dr"].reason


def test_refuses_propensities_that_the_log_was_not_drawn_with():
    log, mean, _ = world(5000)
    claimed = np.tile([0.1, 0.1, 0.8], (5000, 1))
    found, _ = estimate(Decisions(log.level, log.reward, claimed), target_of(log.level * 0, LEVELS), mean)
    assert "do not fit" in found["ips"].reason


def test_a_log_with_support_is_not_refused():
    log, _, target = world(500)
    assert refusal(support(log, target)) == ""
    assert refusal(Support(100.0, 2.0, 1.0, 0.05, 0.01)) == ""


@pytest.mark.parametrize(
    ("level", "reward", "propensity", "message"),
    [
        ([0], [1.0], [[1.0, 0.0]], "two decisions"),
        ([0, 1], [1.0, np.nan], [[0.5, 0.5]] * 2, "finite reward"),
        ([0, 1], [1.0, 0.0], [[1.0, 0.0]] * 2, "row 3.*propensity 0"),
        ([0, 1], [1.0, 0.0], [[0.5, 0.4]] * 2, "row 2.*sum to 1"),
        ([0, 1], [1.0, 0.0], [[0.5, 0.5]], "one row per decision"),
    ],
)
def test_bad_logs_are_named(level, reward, propensity, message):
    with pytest.raises(InputError, match=message):
        Decisions(np.array(level), np.array(reward), np.array(propensity))


def test_what_is_missing_is_named():
    log, _, target = world(50)
    with pytest.raises(InputError, match="need a model"):
        estimate(log, target)
    with pytest.raises(InputError, match="sum to 1"):
        estimate(log, target * 2, estimators=["ips"])
    with pytest.raises(ValueError, match="unknown"):
        Decisions(log.level, log.reward).weights(target)
