"""Learners that choose levels and go on learning: Thompson sampling and LinUCB on the last layer's features.

Both see a decision as ``x = [b, h(d) s]``: features ``b`` of the base logit, features ``s`` of the slope and
``h(d) = -log(1 - d)``. A purchase at a level pays a known amount, so only its probability has to be learnt.
Learners are frozen: `learn` returns a new version and leaves the old one as it was logged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np

from graphrec.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Choices:
    """What a learner chooses among, for ``P`` pairs.

    Args:
        base: Features of the base logit, a constant among them. Shape ``[P, A]``.
        slope: Features of the slope, a constant among them. Shape ``[P, S]``.
        steps: ``-log(1 - d)`` of the levels. Shape ``[R]``.
        payoff: What a purchase at each level is worth. Shape ``[P, R]``.
    """

    base: FloatArray
    slope: FloatArray
    steps: FloatArray
    payoff: FloatArray

    @property
    def dimension(self) -> int:
        """Length of ``x``."""
        return int(self.base.shape[1] + self.slope.shape[1])

    def design(self, pair: IntArray, level: IntArray) -> FloatArray:
        """Build ``x`` of decisions. Shape ``[n, A + S]``."""
        return np.hstack([self.base[pair], self.steps[level][:, None] * self.slope[pair]])

    def linear(self, pair: IntArray, weights: FloatArray) -> FloatArray:
        """Compute ``x · w`` at every level. Weights ``[D, M]`` give ``[n, M, R]``."""
        inner = self.base.shape[1]
        start, rise = self.base[pair] @ weights[:inner], self.slope[pair] @ weights[inner:]
        return np.asarray(start[:, :, None] + rise[:, :, None] * self.steps, dtype=np.float64)


class Learner(Protocol):
    """A version of a policy that can learn."""

    name: ClassVar[str]

    def propensities(self, choices: Choices, pair: IntArray, rng: np.random.Generator) -> FloatArray:
        """Give the probability of each level. Shape ``[n, R]``."""
        ...

    def predict(self, choices: Choices, pair: IntArray) -> FloatArray:
        """Predict the probability of a purchase at each level, to the best knowledge. Shape ``[n, R]``."""
        ...

    def learn(self, choices: Choices, pair: IntArray, level: IntArray, bought: BoolArray) -> Learner:
        """Make the next version, which has seen these decisions too."""
        ...


@dataclass(frozen=True)
class ThompsonSampling:
    """Bayesian logistic regression by Laplace's approximation; each decision follows a draw of the weights.

    Chapelle & Li, NIPS 2011, with the full covariance. A round draws `samples` weight vectors and each
    decision takes one of them at random. The share of the draws that prefer a level is therefore its
    propensity.

    Args:
        mean: Of the weights. Shape ``[D]``.
        precision: Inverse covariance. Shape ``[D, D]``.
        samples: Draws per round.
    """

    mean: FloatArray
    precision: FloatArray
    samples: int = 50
    name: ClassVar[str] = "thompson"
    newton_steps: ClassVar[int] = 8

    @classmethod
    def start(
        cls, choices: Choices, base_rate: float, samples: int = 50, spread: float = 1.0
    ) -> ThompsonSampling:
        """Set the prior: the base rate for everybody, elasticity 1, weights within `spread`.

        Args:
            choices: Of which the first columns of `base` and `slope` are the constants.
            base_rate: Share of purchases at full price, in (0, 1).
            samples: Draws per round.
            spread: Prior standard deviation of each weight.
        """
        mean = np.zeros(choices.dimension)
        mean[0], mean[choices.base.shape[1]] = np.log(base_rate / (1.0 - base_rate)), 1.0
        return cls(mean, np.eye(choices.dimension) / spread**2, samples)

    def propensities(self, choices: Choices, pair: IntArray, rng: np.random.Generator) -> FloatArray:
        """Compute the share of the draws that prefer each level. Shape ``[n, R]``."""
        root = np.linalg.cholesky(self.precision)
        noise = np.linalg.solve(root.T, rng.normal(size=(len(self.mean), self.samples)))
        value = sigmoid(choices.linear(pair, self.mean[:, None] + noise)) * choices.payoff[pair][:, None, :]
        preferred = value.argmax(axis=2)
        levels = np.arange(len(choices.steps))
        return np.asarray((preferred[:, :, None] == levels).mean(axis=1), dtype=np.float64)

    def predict(self, choices: Choices, pair: IntArray) -> FloatArray:
        """Predict at the mean weights. Shape ``[n, R]``."""
        return sigmoid(choices.linear(pair, self.mean[:, None]))[:, 0]

    def learn(
        self,
        choices: Choices,
        pair: IntArray,
        level: IntArray,
        bought: BoolArray | FloatArray,
        trials: int = 1,
    ) -> ThompsonSampling:
        """Take Newton steps to the mode, the last posterior being the prior.

        Args:
            choices: What is chosen among.
            pair: Of each decision. Shape ``[n]``.
            level: Shape ``[n]``.
            bought: Whether, or in which share of the trials. Shape ``[n]``.
            trials: Of each decision.
        """
        x, weights = choices.design(pair, level), self.mean
        precision = self.precision
        for _ in range(self.newton_steps):
            chance = sigmoid(x @ weights)
            precision = self.precision + trials * ((x * (chance * (1.0 - chance))[:, None]).T @ x)
            slope = trials * (x.T @ (bought - chance)) - self.precision @ (weights - self.mean)
            step = np.linalg.solve(precision, slope)
            weights = weights + step
            if float(np.abs(step).max()) < 1e-6:
                break
        return replace(self, mean=weights, precision=precision)


@dataclass(frozen=True)
class LinUCB:
    """Ridge regression of the purchase, judged at the upper end of its interval (Li et al., WWW 2010).

    Args:
        precision: ``I / spread² + Σ x xᵀ``. Shape ``[D, D]``.
        moment: ``Σ x y``. Shape ``[D]``.
        width: How many standard deviations of doubt are added; 0 never explores.
    """

    precision: FloatArray
    moment: FloatArray
    width: float = 0.5
    name: ClassVar[str] = "linucb"

    @classmethod
    def start(cls, choices: Choices, width: float = 0.5) -> LinUCB:
        """Start before any decision."""
        return cls(np.eye(choices.dimension), np.zeros(choices.dimension), width)

    def propensities(self, choices: Choices, pair: IntArray, rng: np.random.Generator) -> FloatArray:
        """Give 1 to the level of the highest upper bound. Shape ``[n, R]``."""
        inverse = np.linalg.inv(self.precision)
        levels, found = np.arange(len(choices.steps)), self.predict(choices, pair)
        for number in levels:
            x = choices.design(pair, np.full(len(pair), number))
            found[:, number] += self.width * np.sqrt(np.einsum("nd,de,ne->n", x, inverse, x, optimize=True))
        preferred = (found * choices.payoff[pair]).argmax(axis=1)
        return np.asarray(preferred[:, None] == levels, dtype=np.float64)

    def predict(self, choices: Choices, pair: IntArray) -> FloatArray:
        """Compute the linear estimate, which may leave 0..1. Shape ``[n, R]``."""
        weights = np.asarray(np.linalg.solve(self.precision, self.moment), dtype=np.float64)
        return choices.linear(pair, weights[:, None])[:, 0]

    def learn(self, choices: Choices, pair: IntArray, level: IntArray, bought: BoolArray) -> LinUCB:
        """Add the decisions."""
        x = choices.design(pair, level)
        return replace(self, precision=self.precision + x.T @ x, moment=self.moment + x.T @ bought)


def sigmoid(logit: FloatArray) -> FloatArray:
    """Turn logits into probabilities, same shape; far from 0 without a warning."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -500.0, 500.0))), dtype=np.float64)
