"""What tells pairs of one score apart, and how their probability follows from it.

Scores of two users are seldom on one scale. What comes first for somebody who bought little may score below
what comes tenth for somebody who bought much. A probability that is read off the score alone is too low for
the one and too high for the other. Offers are made among the first items of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import Bounds, minimize

from graphrec.arrays import BoolArray, FloatArray, IntArray

FEWEST = 30
"""Purchases below which nothing but the score is looked at."""
MOST_ROWS = 300_000
"""Of those that were not bought, so many are drawn at most."""
PRIOR = 1.0
"""Charge on squared weights of standardised columns, in purchases."""


@dataclass(frozen=True)
class Standing:
    """Where pairs stand besides their score. All arrays have shape ``[P]``.

    Args:
        place: Of the item among the user's items of the same kind, seen or new, from 0.
        purchases: Logarithm of the user's items in training, less its mean over all users.
        buyers: Logarithm of the item's buyers in training, less its mean over all items.
    """

    place: IntArray
    purchases: FloatArray
    buyers: FloatArray

    @classmethod
    def of(
        cls, place: IntArray, user: IntArray, item: IntArray, items_of: IntArray, buyers_of: IntArray
    ) -> Standing:
        """Look up what training knows of pairs.

        Args:
            place: See above.
            user: Codes. Shape ``[P]``.
            item: Codes. Shape ``[P]``.
            items_of: Number of items of each user. Shape ``[U]``.
            buyers_of: Number of buyers of each item. Shape ``[I]``.
        """
        return cls(place, _centred(items_of)[user], _centred(buyers_of)[item])

    def at(self, rows: BoolArray | IntArray) -> Standing:
        """Take some of the pairs."""
        return Standing(self.place[rows], self.purchases[rows], self.buyers[rows])

    def columns(self, probability: FloatArray) -> FloatArray:
        """Lay out what the logit is made of. ``[P]`` to ``[P, 4]``."""
        logit = np.log(probability / (1.0 - probability))
        return np.column_stack([logit, np.log1p(self.place), self.purchases, self.buyers])


def _centred(counts: IntArray) -> FloatArray:
    logs = np.log1p(counts.astype(np.float64))
    return np.asarray(logs - logs.mean())


@dataclass(frozen=True)
class Adjustment:
    """``σ(intercept + weights · [logit p, log(1 + place), purchases, buyers])``, p being told by the score.

    Within a user it never falls with the score: the first weight is at least 0, and the second at most.

    Args:
        intercept: Of the logit.
        weights: Length 4.
    """

    intercept: float = 0.0
    weights: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)

    @classmethod
    def fit(
        cls,
        probability: FloatArray,
        standing: Standing,
        bought: BoolArray | FloatArray,
        weight: FloatArray,
    ) -> Adjustment:
        """Maximise the likelihood; too few purchases leave the probability as it is.

        Args:
            probability: By the score alone, within (0, 1). Shape ``[P]``.
            standing: Of the same pairs.
            bought: Whether the user bought the item, or in which share of the weeks. Shape ``[P]``.
            weight: How many pairs each one stands for. Shape ``[P]``.
        """
        some = np.asarray(bought > 0, dtype=np.bool_)
        if int(some.sum()) < FEWEST or some.all():
            return cls()
        rows, counts = _thinned(some, weight)
        columns, label = standing.at(rows).columns(probability[rows]), bought[rows].astype(np.float64)
        scale = np.where(columns.std(axis=0) > 0, columns.std(axis=0), 1.0)
        centre = columns.mean(axis=0)
        x = (columns - centre) / scale

        def loss(found: FloatArray) -> tuple[float, FloatArray]:
            logit = found[0] + x @ found[1:]
            error = counts * (1.0 / (1.0 + np.exp(-logit)) - label)
            value = counts @ (np.logaddexp(0.0, logit) - label * logit)
            charge = found[1:] - start[1:]
            slope = np.append(error.sum(), x.T @ error + PRIOR * charge)
            return float(value + PRIOR * charge @ charge / 2) / len(label), slope / len(label)

        start = np.array([centre[0], scale[0], 0.0, 0.0, 0.0])  # the probability as it is
        low, high = np.full(5, -np.inf), np.full(5, np.inf)
        low[1], high[2] = 0.0, 0.0
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=Bounds(low, high)).x
        weights = found[1:] / scale
        first, place, purchases, buyers = (float(one) for one in weights)
        return cls(float(found[0] - weights @ centre), (first, place, purchases, buyers))

    def __call__(self, probability: FloatArray, standing: Standing) -> FloatArray:
        """Adjust probabilities, same shape."""
        logit = self.intercept + standing.columns(probability) @ np.array(self.weights)
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -500.0, 500.0))), dtype=np.float64)

    def numbers(self) -> dict[str, Any]:
        """Write it as numbers, which `of_numbers` reads."""
        return {"intercept": self.intercept, "weights": list(self.weights)}

    @classmethod
    def of_numbers(cls, numbers: Mapping[str, Any]) -> Adjustment:
        """Read what `numbers` wrote.

        Raises:
            KeyError: If one is missing.
            TypeError: If one is no number.
            ValueError: If there are not four weights.
        """
        first, place, purchases, buyers = (float(one) for one in numbers["weights"])
        return cls(float(numbers["intercept"]), (first, place, purchases, buyers))


def _thinned(bought: BoolArray, weight: FloatArray) -> tuple[IntArray, FloatArray]:
    """Keep what was bought and some of the rest, which then counts for more."""
    others = np.flatnonzero(~bought)
    drawn, factor = others, 1.0
    if len(others) > MOST_ROWS:
        drawn = np.sort(np.random.default_rng(0).choice(others, MOST_ROWS, replace=False))
        factor = len(others) / MOST_ROWS
    rows = np.concatenate([np.flatnonzero(bought), drawn])
    return rows, np.where(bought[rows], 1.0, factor) * weight[rows]
