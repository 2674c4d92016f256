"""How far curves are off in weeks that they were not learnt from: a shift by kind of pair, and a lift."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.response.curves import SplineResponse
from graphrec.response.outcomes import sigmoid

KINDS = ("learnt", "bought before", "never bought")
"""Pairs that the response was learnt from, others bought before the week, and those that were not."""
PRIOR = np.array([1.0, 1.0, 1.0, 0.5])
"""Standard deviations of the shifts around 0 and of the lift around 1, before anything was seen."""
ROUNDS = 50
"""Steps of Newton's method; a handful is enough."""


class Rows(NamedTuple):
    """Pairs in weeks, what was foretold of each and what happened. Arrays have shape ``[n]``.

    Args:
        base: Logit without a discount.
        added: What the discount of the week adds to it.
        bought: Whether the pair was bought.
        kind: Place in `KINDS`.
        user: Code.
        item: Code.
    """

    base: FloatArray
    added: FloatArray
    bought: BoolArray
    kind: IntArray
    user: IntArray
    item: IntArray

    def at(self, some: BoolArray) -> Rows:
        """Take some of the rows."""
        taken: list[Any] = [column[some] for column in self]
        return Rows(*taken)


@dataclass(frozen=True)
class Correction:
    """``logit p = a + shift + lift · (logit p(d) − a)``, ``a`` being the logit without a discount.

    Args:
        shift: Of each of the `KINDS`. Shape ``[3]``.
        lift: At least 0.
        spread: Covariance of the shifts and the lift. Shape ``[4, 4]``.
    """

    shift: FloatArray = field(default_factory=lambda: np.zeros(len(KINDS)))
    lift: float = 1.0
    spread: FloatArray = field(default_factory=lambda: np.diag(PRIOR**2))

    @classmethod
    def fit(cls, rows: Rows) -> Correction:
        """Maximise the likelihood with the prior; without rows the prior is what is known.

        The covariance is the sandwich of Liang and Zeger (Biometrika 1986), over users and over items. Both
        are added, as purchases of a user, and of an item, may be alike. That is somewhat conservative.

        Args:
            rows: What was foretold, and what happened.
        """
        moves = np.column_stack([rows.kind[:, None] == np.arange(len(KINDS)), rows.added])
        found, prior = np.array([0.0, 0.0, 0.0, 1.0]), np.diag(PRIOR**-2)
        start, curvature = found.copy(), prior
        for _ in range(ROUNDS):
            chance = sigmoid(rows.base + moves @ found)
            curvature = (moves * (chance * (1.0 - chance))[:, None]).T @ moves + prior
            step = np.linalg.solve(curvature, moves.T @ (rows.bought - chance) - prior @ (found - start))
            found = found + np.clip(step, -1.0, 1.0)
            if np.abs(step).max() < 1e-9:
                break
        error = moves * (rows.bought - sigmoid(rows.base + moves @ found))[:, None]
        inverse = np.linalg.inv(curvature)
        meat = _squares(error, rows.user) + _squares(error, rows.item) + prior
        return cls(found[:-1], max(float(found[-1]), 0.0), inverse @ meat @ inverse)

    def of(self, curves: SplineResponse, kind: IntArray) -> SplineResponse:
        """Put curves right. Their `ends` are left out.

        Args:
            curves: Of ``P`` pairs.
            kind: Place of each pair in `KINDS`. Shape ``[P]``.
        """
        return SplineResponse(curves.base_logit + self.shift[kind], self.lift * curves.weights, curves.knots)

    def moved(self, by: FloatArray) -> Correction:
        """Add to the shifts and the lift, which stays at least 0. Shape ``[4]``."""
        return Correction(self.shift + by[:-1], max(self.lift + float(by[-1]), 0.0), self.spread)

    def __str__(self) -> str:
        """Say what it changes."""
        odds = ", ".join(f"{kind} x{np.exp(by):.2f}" for kind, by in zip(KINDS, self.shift, strict=True))
        return f"odds of a purchase: {odds}; lift x{self.lift:.2f}"


def _squares(error: FloatArray, group: IntArray) -> FloatArray:
    """Sum up the outer products of the groups' sums. ``[n, 4]`` to ``[4, 4]``."""
    sums = np.zeros((int(group.max(initial=-1)) + 1, error.shape[1]))
    np.add.at(sums, group, error)
    return np.asarray(sums.T @ sums)
