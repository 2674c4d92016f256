"""How much the slope of a fitted response differs from group to group: random effects by moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrec.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class SlopeEffects:
    """Deviations of ``G`` groups from what is common to all.

    Args:
        effect: Shrunk estimates (posterior means). Shape ``[G]``.
        spread: Standard deviation between groups, estimation noise taken out.
    """

    effect: FloatArray
    spread: float


def slope_effects(
    group: IntArray, residual: FloatArray, variance: FloatArray, steps: FloatArray
) -> SlopeEffects:
    """Estimate them with one Newton step from a fitted logistic regression.

    Each group has an intercept and a slope of its own. The slope's estimate has a known variance. What the
    squared estimates exceed it by, weighted by information, is the spread between groups (DerSimonian &
    Laird, 1986). Estimates are then shrunk to 0 by the normal posterior.

    Args:
        group: Codes 0..G-1. Shape ``[n]``.
        residual: Outcome less fitted probability. Shape ``[n]``.
        variance: ``p (1 - p)`` of the fit. Shape ``[n]``.
        steps: ``-log(1 - depth)``, what the slope multiplies. Shape ``[n]``.
    """

    def total(values: FloatArray) -> FloatArray:
        return np.bincount(group, weights=values).astype(np.float64)

    constant, cross, square = (total(variance * steps**power) for power in (0, 1, 2))
    constant = constant + 1.0  # a weak prior on the intercept: a group that never varies has none of its own
    information = square - cross**2 / constant
    score = total(residual * steps) - cross / constant * total(residual)
    return _shrunk(score, information)


def _shrunk(score: FloatArray, information: FloatArray) -> SlopeEffects:
    """Take a Newton step in each group and shrink it to 0. Shapes ``[G]``."""
    known = information > 1e-9
    estimate = np.divide(score, information, out=np.zeros_like(score), where=known)
    noise = np.divide(1.0, information, out=np.full_like(score, np.inf), where=known)
    weight = np.where(known, information**2, 0.0)
    excess = float((weight * (estimate**2 - np.where(known, noise, 0.0))).sum())
    spread = float(np.sqrt(max(excess / weight.sum(), 0.0))) if weight.sum() > 0 else 0.0
    kept = spread**2 / (spread**2 + noise) if spread > 0 else np.zeros_like(noise)
    return SlopeEffects(kept * estimate, spread)
