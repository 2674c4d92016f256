"""Levels and rises of single items and users on top of a fit that is common to all.

Each group's logit of a purchase gets a level of its own and a rise with ``h(d) = -log(1 - d)``. Both are
drawn from a normal distribution around 0. How wide it is, is learnt with the effects: the spread under which
they are likeliest, by Laplace's approximation in each group (empirical Bayes by the EM algorithm; Dempster,
Laird and Rubin, 1977). Level and rise are told apart together. Where nearly everybody gets a discount, an
item that rises much looks like one that sells much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.optimize import minimize

from graphrec.arrays import FloatArray, IntArray
from graphrec.offpolicy.bandits import sigmoid

ROUNDS = 5
"""Times that spreads are learnt from effects, and effects under spreads."""
LEAST = 1e-3
"""Groups that differ by less than this in logits are alike."""
ITERATIONS, ENOUGH = 200, 1e-2
"""The search ends after so many steps, or where no direction rises by more than this."""


@dataclass(frozen=True)
class Groups:
    """Groups of one column, and how far apart they are.

    Args:
        name: Column.
        names: Of the groups. Length ``G``.
        code: Group of each decision. Shape ``[n]``.
        levels: Standard deviation of the levels between groups, in logits.
        slopes: The same of the rises.
    """

    name: str
    names: pd.Index[Any]
    code: IntArray
    levels: float = 0.3
    slopes: float = 0.5

    @classmethod
    def of(cls, column: pd.Series[Any]) -> Groups:
        """Find the groups of a column."""
        code, names = pd.factorize(column.astype("str"))
        return cls(str(column.name), pd.Index(names), code.astype(np.int64))

    def designs(self, step: FloatArray) -> tuple[sp.csr_array, sp.csr_array]:
        """Lay out what each group's level and rise are multiplied with. Shape ``[n, G]`` each."""
        rows, shape = np.arange(len(step)), (len(step), len(self.names))
        ones = np.ones(len(step))
        level, slope = (sp.coo_array((one, (rows, self.code)), shape) for one in (ones, step))
        return sp.csr_array(level), sp.csr_array(slope)

    def spread_by(self, effects: Effects, bend: FloatArray, step: FloatArray) -> Groups:
        """Learn how far apart groups are: squared effects, and what is still unknown of them.

        Args:
            effects: Of the groups, under the spreads of now.
            bend: Variance of each decision's outcome. Shape ``[n]``.
            step: ``-log(1 - depth)`` of each. Shape ``[n]``.
        """
        level, cross, slope = (self._total(bend * step**power) for power in (0, 1, 2))
        level, slope = level + self.levels**-2, slope + self.slopes**-2
        both = level * slope - cross**2
        known = [(effects.levels**2 + slope / both).mean(), (effects.slopes**2 + level / both).mean()]
        levels, slopes = (max(float(np.sqrt(one)), LEAST) for one in known)
        return replace(self, levels=levels, slopes=slopes)

    def _total(self, values: FloatArray) -> FloatArray:
        return np.bincount(self.code, values, len(self.names)).astype(np.float64)


@dataclass(frozen=True)
class Effects:
    """What each group's logit and its rise differ by. Shapes ``[G]``."""

    levels: FloatArray
    slopes: FloatArray


@dataclass(frozen=True)
class Outcomes:
    """Decisions and what came of them.

    Args:
        x: Features of the common fit. Shape ``[n, A]``.
        step: ``-log(1 - depth)``. Shape ``[n]``.
        bought: Whether, or in which share of the weeks. Shape ``[n]``.
        weeks: That each decision was for.
    """

    x: FloatArray
    step: FloatArray
    bought: FloatArray
    weeks: int

    def bend(self, logit: FloatArray) -> FloatArray:
        """Give the variance of the outcomes by a fit. Shape ``[n]``."""
        chance = sigmoid(logit)
        return np.asarray(self.weeks * chance * (1.0 - chance), dtype=np.float64)


def with_groups(
    outcomes: Outcomes, prior: FloatArray, start: FloatArray, groups: Sequence[Groups]
) -> tuple[FloatArray, list[Effects]]:
    """Learn common weights, the groups' effects and their spreads.

    Args:
        outcomes: What is learnt from.
        prior: Mean of the weights, whose variance is 1. Shape ``[A]``.
        start: Weights to begin with. Shape ``[A]``.
        groups: Whose effects are added.

    Returns:
        Weights ``[A]``, and the effects of each of `groups`.
    """
    designs = [design for one in groups for design in one.designs(outcomes.step)]
    design, found = sp.hstack([sp.csr_array(outcomes.x), *designs], format="csr"), start
    for _ in range(ROUNDS):
        found = _mode(design, outcomes, prior, found, groups)
        effects, bend = _by_group(found[len(prior) :], groups), outcomes.bend(design @ found)
        groups = [one.spread_by(own, bend, outcomes.step) for one, own in zip(groups, effects, strict=True)]
    return found[: len(prior)], effects


def _mode(
    design: sp.csr_array, outcomes: Outcomes, prior: FloatArray, start: FloatArray, groups: Sequence[Groups]
) -> FloatArray:
    """Find the likeliest weights and effects together: one logistic regression with a normal prior on each.

    The search goes in directions in which the loss bends about alike, which makes it quick.
    """
    count, weeks, bought = len(prior), outcomes.weeks, outcomes.bought
    precision = np.concatenate([np.ones(count), *(_precision(one) for one in groups)])
    mean = np.concatenate([prior, np.zeros(len(precision) - count)])
    start = np.concatenate([start, np.zeros(len(precision) - len(start))])
    bend = outcomes.bend(design @ start)
    root = np.linalg.cholesky((outcomes.x * bend[:, None]).T @ outcomes.x + np.eye(count))
    scale = 1.0 / np.sqrt((design**2).T @ bend + precision)

    def weights_of(z: FloatArray) -> FloatArray:
        return np.concatenate([np.linalg.solve(root.T, z[:count]), scale[count:] * z[count:]])

    def loss(z: FloatArray) -> tuple[float, FloatArray]:
        weights = weights_of(z)
        logit, off = design @ weights, weights - mean
        value = weeks * (np.logaddexp(0.0, logit) - bought * logit).sum() + (precision * off**2).sum() / 2.0
        slope = weeks * (design.T @ (sigmoid(logit) - bought)) + precision * off
        slope = np.concatenate([np.linalg.solve(root, slope[:count]), scale[count:] * slope[count:]])
        return float(value), slope

    first = np.concatenate([root.T @ start[:count], start[count:] / scale[count:]])
    ends = {"maxiter": ITERATIONS, "ftol": 0.0, "gtol": ENOUGH}
    return weights_of(minimize(loss, first, jac=True, method="L-BFGS-B", options=ends).x)


def _precision(groups: Groups) -> FloatArray:
    """Give the precision of each level, then of each rise. Shape ``[2 G]``."""
    return np.repeat([groups.levels**-2, groups.slopes**-2], len(groups.names))


def _by_group(effects: FloatArray, groups: Sequence[Groups]) -> list[Effects]:
    """Deal effects to the groups that they are of."""
    sizes = [len(one.names) for one in groups for _ in range(2)]
    parts = np.split(effects, np.cumsum(sizes)[:-1])
    return [Effects(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
