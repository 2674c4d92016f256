"""What a policy would earn, from the log of another one: five off-policy estimators with 95 % intervals.

A log has a level ``a``, a reward ``r`` and propensities ``π0``. With the new policy ``π``, its weight
``w = π(a) / π0(a)`` and a model ``q`` of the reward, the value per decision is estimated as

- DM: mean of ``Σ_a π(a) q(a)``;
- IPS: mean of ``w r`` (Horvitz & Thompson, 1952);
- SNIPS: ``Σ w r / Σ w`` (Swaminathan & Joachims, NeurIPS 2015);
- DR: mean of ``Σ_a π(a) q(a) + w (r - q)`` (Dudík, Langford & Li, ICML 2011);
- Switch-DR: DR with the correction left out where ``w > τ`` (Wang, Agarwal & Dudík, ICML 2017).

IPS, SNIPS and DR answer only for logs with known propensities and support; see `graphrec.offpolicy.support`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from graphrec.arrays import FloatArray
from graphrec.errors import InputError
from graphrec.evaluation.intervals import NORMAL_95
from graphrec.offpolicy.support import Decisions, Support, Thresholds, check_distribution, refusal, support

Estimator = Literal["dm", "ips", "snips", "dr", "switch_dr"]
ESTIMATORS: tuple[Estimator, ...] = get_args(Estimator)
SWITCH = 10.0
"""Weights above this are not used by Switch-DR unless told otherwise."""


@dataclass(frozen=True)
class PolicyValue:
    """Value of a policy per decision.

    Args:
        value: Estimate, in units of the reward; NaN if refused.
        standard_error: Of the estimate; clustered where the log has clusters. For DM it is that of the
            decisions alone: how wrong its model is, DM cannot know.
        reason: Why it was refused; empty if it was not.
    """

    value: float
    standard_error: float
    reason: str = ""

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.value - NORMAL_95 * self.standard_error

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.value + NORMAL_95 * self.standard_error


def as_logged(log: Decisions) -> PolicyValue:
    """Average what came of the decisions that were taken: the value of the logging policy."""
    return _mean(log, log.reward)


def direct_method(log: Decisions, target: FloatArray, predicted: FloatArray) -> PolicyValue:
    """Estimate by DM: what the model predicts. `target` and `predicted` are ``[n, R]``."""
    return _mean(log, (target * predicted).sum(axis=1))


def inverse_propensity(log: Decisions, target: FloatArray) -> PolicyValue:
    """Estimate by IPS: wide; unbiased if propensities are right, for any reward. `target` is ``[n, R]``."""
    return _mean(log, log.weights(target) * log.reward)


def self_normalised(log: Decisions, target: FloatArray) -> PolicyValue:
    """Estimate by SNIPS: a little biased, narrower than IPS, and unmoved by a constant in the reward."""
    weight = log.weights(target)
    total = float(weight.sum())
    if total == 0.0:
        return PolicyValue(np.nan, np.nan, "the log holds no decision that the policy would take")
    value = float(weight @ log.reward) / total
    influence = weight * (log.reward - value) * (len(log) / total)
    return PolicyValue(value, _standard_error(log, influence))


def doubly_robust(log: Decisions, target: FloatArray, predicted: FloatArray) -> PolicyValue:
    """Estimate by DR: right if the propensities or the model are. `target` and `predicted` are ``[n, R]``."""
    return switch_doubly_robust(log, target, predicted, switch=np.inf)


def switch_doubly_robust(
    log: Decisions, target: FloatArray, predicted: FloatArray, switch: float = SWITCH
) -> PolicyValue:
    """Estimate by Switch-DR, which trusts the model where weights exceed `switch`.

    Args:
        log: Logged decisions.
        target: Probability of each level under the new policy. Shape ``[n, R]``.
        predicted: Model of the reward at each level, fitted on OTHER decisions. Shape ``[n, R]``.
        switch: Largest weight that corrects the model.
    """
    weight = log.weights(target)
    correction = np.where(weight <= switch, weight, 0.0) * (log.reward - log.taken(predicted))
    return _mean(log, (target * predicted).sum(axis=1) + correction)


def estimate(
    log: Decisions,
    target: FloatArray,
    predicted: FloatArray | None = None,
    estimators: Sequence[Estimator] = ESTIMATORS,
    thresholds: Thresholds | None = None,
    switch: float = SWITCH,
) -> tuple[dict[Estimator, PolicyValue], Support]:
    """Judge a policy with several estimators, refusing where the log cannot answer.

    A refused estimate is NaN with a reason. Without propensities DM still answers: it never looks at them,
    and is as wrong as its model. Without support it is refused too, for the model would extrapolate.

    Args:
        log: Logged decisions.
        target: Probability of each level under the new policy. Shape ``[n, R]``.
        predicted: Model of the reward at each level, fitted on other decisions. Shape ``[n, R]``.
        estimators: Which; all by default.
        thresholds: When to refuse.
        switch: Largest weight that Switch-DR uses.

    Returns:
        Estimates by name, and the support that they rest on.

    Raises:
        InputError: If the target is no distribution, or a model is needed and missing.
    """
    check_distribution(target, len(log), "target")
    if predicted is None and any(name not in ("ips", "snips") for name in estimators):
        raise InputError(
            "dm, dr and switch_dr need a model of the reward",
            column="predicted",
            hint="fit one, or ask for ips",
        )
    if predicted is not None and (predicted.shape != target.shape or not np.isfinite(predicted).all()):
        hint = "predict each level of each decision"
        raise InputError("predicted must be finite and of the target's shape", column="predicted", hint=hint)
    found = support(log, target, thresholds)
    reason = refusal(found, thresholds)
    return {name: _one(name, log, target, predicted, switch, reason) for name in estimators}, found


def target_of(level: np.ndarray[tuple[int], np.dtype[np.int64]], levels: int) -> FloatArray:
    """Write a policy that always takes the given level as a distribution. ``[n]`` to ``[n, R]``."""
    return np.eye(levels)[level]


def _one(
    name: Estimator,
    log: Decisions,
    target: FloatArray,
    predicted: FloatArray | None,
    switch: float,
    reason: str,
) -> PolicyValue:
    if reason and not (name == "dm" and log.propensity is None):
        return PolicyValue(np.nan, np.nan, reason)
    if name == "ips":
        return inverse_propensity(log, target)
    if name == "snips":
        return self_normalised(log, target)
    assert predicted is not None
    if name == "dm":
        return direct_method(log, target, predicted)
    return switch_doubly_robust(log, target, predicted, switch if name == "switch_dr" else np.inf)


def _mean(log: Decisions, contribution: FloatArray) -> PolicyValue:
    value = float(contribution.mean())
    return PolicyValue(value, _standard_error(log, contribution - value))


def _standard_error(log: Decisions, influence: FloatArray) -> float:
    """Compute a mean's from centred contributions ``[n]``; decisions of one cluster may be dependent."""
    if log.cluster is not None:
        _, code = np.unique(log.cluster, return_inverse=True)
        influence = np.bincount(code, weights=influence).astype(np.float64)
    groups = len(influence)
    if groups < 2:
        return float("nan")
    return float(np.sqrt(groups / (groups - 1) * (influence @ influence))) / len(log)
