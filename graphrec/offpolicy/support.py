"""Whether a log of decisions can answer what another policy would be worth: weights, support, refusal.

Importance weighting needs three things of a log (Horvitz & Thompson, 1952; Sachdeva et al., KDD 2020, on
deficient support). The propensity of each decision is known; every level that the new policy would take had
a chance of being taken; and no hidden cause moves both the decision and the reward. The first two can be
checked and are checked here; the third cannot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrec.arrays import FloatArray, IntArray
from graphrec.errors import InputError


@dataclass(frozen=True)
class Decisions:
    """Logged decisions: which level was taken, how likely that was, and what came of it.

    Args:
        level: Index of the level taken. Shape ``[n]``.
        reward: What came of it, any unit. Shape ``[n]``.
        propensity: Probability with which the logging policy took each level; None if nobody wrote it down.
            Shape ``[n, R]``.
        cluster: Code of the household (or whatever else decisions share), for standard errors; without it
            decisions count as independent. Shape ``[n]``.

    Raises:
        InputError: If shapes do not fit, or a propensity is no probability or 0 for the level taken.
    """

    level: IntArray
    reward: FloatArray
    propensity: FloatArray | None = None
    cluster: IntArray | None = None

    def __post_init__(self) -> None:
        """Check shapes and probabilities."""
        n = len(self.level)
        if n < 2 or self.reward.shape != (n,) or not np.isfinite(self.reward).all():
            raise InputError(
                "a log needs two decisions or more, each with a level and a finite reward",
                column="reward",
                hint="leave decisions without an outcome out",
            )
        if self.cluster is not None and self.cluster.shape != (n,):
            raise InputError("one code per decision is needed", column="cluster", hint=f"give {n} codes")
        if self.propensity is not None:
            check_distribution(self.propensity, n, "propensity")
            if not (self.taken(self.propensity) > 0).all():
                raise InputError(
                    "a level that was taken has propensity 0",
                    row=int(np.flatnonzero(self.taken(self.propensity) <= 0)[0]) + 2,
                    column="propensity",
                    hint="log the probability with which the level was drawn",
                )

    def __len__(self) -> int:
        """Count the decisions."""
        return len(self.level)

    def taken(self, table: FloatArray) -> FloatArray:
        """Take the entry of the level taken. ``[n, R]`` to ``[n]``."""
        taken: FloatArray = table[np.arange(len(self.level)), self.level]
        return taken

    def weights(self, target: FloatArray) -> FloatArray:
        """Compute importance weights: the new policy's probability of the level taken over its propensity.

        Args:
            target: Probability of each level under the new policy. Shape ``[n, R]``.

        Returns:
            Shape ``[n]``.

        Raises:
            ValueError: If the propensities are unknown.
        """
        if self.propensity is None:
            raise ValueError("the propensities are unknown")
        return np.asarray(self.taken(target) / self.taken(self.propensity), dtype=np.float64)


@dataclass(frozen=True)
class Support:
    """How much of the new policy the log has seen.

    Args:
        effective_sample_size: ``(Σ w)² / Σ w²`` (Kish), in decisions; NaN if propensities are unknown.
        max_weight: Largest importance weight.
        mean_weight: Mean weight; 1 in expectation, less the unsupported mass, where propensities are right.
        mean_weight_error: Its standard error.
        unsupported_mass: Mean share of the new policy's probability on levels without support.
    """

    effective_sample_size: float
    max_weight: float
    mean_weight: float
    mean_weight_error: float
    unsupported_mass: float


@dataclass(frozen=True)
class Thresholds:
    """When an estimate is refused.

    Args:
        effective_sample_size: Fewer effective decisions than this are too few for a normal interval.
        unsupported_mass: More of the new policy than this share on levels without support is too much.
        propensity: A level with a propensity of this or less has no support.
        weight_deviation: Standard errors that the mean weight may lie off 1; further off, the propensities
            are not those that the log was drawn with.
    """

    effective_sample_size: float = 100.0
    unsupported_mass: float = 0.01
    propensity: float = 1e-3
    weight_deviation: float = 4.0


def support(log: Decisions, target: FloatArray, thresholds: Thresholds | None = None) -> Support:
    """Measure what `refusal` judges.

    Args:
        log: Logged decisions.
        target: Probability of each level under the new policy. Shape ``[n, R]``.
        thresholds: Of which the one on propensities is used.

    Raises:
        InputError: If the target is not a distribution over the levels.
    """
    check_distribution(target, len(log), "target")
    if log.propensity is None:
        return Support(np.nan, np.nan, np.nan, np.nan, np.nan)
    floor = (thresholds or Thresholds()).propensity
    weight = log.weights(target)
    squares = float(weight @ weight)
    return Support(
        effective_sample_size=float(weight.sum()) ** 2 / squares if squares > 0 else 0.0,
        max_weight=float(weight.max()),
        mean_weight=float(weight.mean()),
        mean_weight_error=float(weight.std(ddof=1)) / len(log) ** 0.5,
        unsupported_mass=float(np.where(log.propensity <= floor, target, 0.0).sum() / len(log)),
    )


def refusal(found: Support, thresholds: Thresholds | None = None) -> str:
    """Say why the log cannot answer; empty if it can."""
    limits = thresholds or Thresholds()
    if np.isnan(found.unsupported_mass):
        return "propensities are unknown: a log without them cannot be reweighted"
    if found.unsupported_mass > limits.unsupported_mass:
        return (
            f"no support: {found.unsupported_mass:.1%} of the policy lies on levels that were never offered "
            f"there (limit {limits.unsupported_mass:.1%})"
        )
    if found.effective_sample_size < limits.effective_sample_size:
        return (
            f"too few comparable decisions: effective sample size {found.effective_sample_size:.0f} "
            f"(limit {limits.effective_sample_size:.0f})"
        )
    off = abs(found.mean_weight - (1.0 - found.unsupported_mass))
    if off > limits.weight_deviation * found.mean_weight_error + 1e-9 + found.unsupported_mass:
        return f"the propensities do not fit the log: weights average {found.mean_weight:.3f} instead of 1"
    return ""


def check_distribution(table: FloatArray, rows: int, name: str) -> None:
    """Refuse a table that is not one distribution per decision.

    Raises:
        InputError: If it is not ``[rows, R]`` with non-negative rows that sum to 1.
    """
    if table.ndim != 2 or len(table) != rows:
        raise InputError(f"{name} must have one row per decision", column=name, hint=f"give {rows} rows")
    wrong = ~((table >= 0).all(axis=1) & (np.abs(table.sum(axis=1) - 1.0) < 1e-6))
    if wrong.any():
        raise InputError(
            f"{name} is not a distribution over the levels",
            row=int(np.flatnonzero(wrong)[0]) + 2,
            column=name,
            hint="give probabilities that sum to 1",
        )
