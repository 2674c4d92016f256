"""How much each row counts, so that offers to those who buy anyway look like offers to anybody.

Rows are weighted by the inverse of the chance that they had their offer (Horvitz and Thompson, 1952), within
each level of the rate. The response reads the same history, so its likelihood is doubly robust: it is right
if either the chances or the response are (Robins, Rotnitzky and Zhao, 1994). Chances that the shop wrote down
are taken as they are. Others are estimated from the features, which the shop knew before the week. That works
as far as those features hold why an offer was given: a reason that no column shows stays a confounder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrec.arrays import BoolArray, Float32Array, FloatArray, IntArray

BINS = (0.001, 0.075, 0.15, 0.25, 0.35, 0.5)
"""Lower ends of the levels of personal rates; below the first is no offer."""
FOLDS = 2
MOST_ROWS = 100_000
"""Rows that the chances of a fold are learnt from."""
_LEAST_CHANCE = 1e-4


@dataclass(frozen=True)
class RowWeights:
    """Weights of rows, with mean 1 in each level of the rate.

    Args:
        weight: Shape ``[n]``.
        level: Shape ``[n]``; 0 without an offer.
        known: Rows whose chance the shop wrote down. Shape ``[n]``.
        clipped: Rows whose weight was lowered to the most that is allowed. Shape ``[n]``.
    """

    weight: FloatArray
    level: IntArray
    known: BoolArray
    clipped: BoolArray

    def __str__(self) -> str:
        """Say where the weights come from."""
        offered = self.level > 0
        if not offered.any():
            return f"personal offers: none of the {len(offered):,} training rows had one"
        told = int((self.known & offered).sum())
        chance = f"{told:,} with the shop's propensity, the others by one estimated from history"
        if told == offered.sum():
            chance = "weighted by the shop's propensities"
        elif not told:
            chance = "weighted by propensities estimated from history, for lack of the shop's own"
        effective = float(self.weight.sum()) ** 2 / float(self.weight @ self.weight)
        return (
            f"personal offers: {offered.sum():,} of {len(offered):,} training rows, {chance};"
            f" {self.clipped.sum():,} weights clipped, {effective:,.0f} rows effective"
        )


def offer_weights(
    features: Float32Array,
    user: IntArray,
    rate: FloatArray,
    propensity: FloatArray,
    most: float,
    seed: int = 0,
) -> RowWeights:
    """Weigh rows by the inverse of the chance of their personal rate.

    Chances are learnt on one half of the users for the other. A row without an offer whose chance of none is
    not written down counts by an estimated one.

    Args:
        features: What was known before the week. Shape ``[n, F]``.
        user: Code of the user, whose rows stay together. Shape ``[n]``.
        rate: Personal rate, 0 without an offer. Shape ``[n]``.
        propensity: Chance of that rate, missing where it is not known. Shape ``[n]``.
        most: No weight is above this.
        seed: Of the halves and of rows that are drawn.
    """
    level = np.digitize(rate, BINS)
    known = ~np.isnan(propensity)
    chance = (
        propensity if known.all() else np.where(known, propensity, _estimated(features, user, level, seed))
    )
    inverse = 1.0 / np.maximum(chance, _LEAST_CHANCE)
    # chances of two kinds may be of other levels, so each kind has its own mean
    kind = 2 * level + known
    mean = np.bincount(kind, inverse) / np.maximum(np.bincount(kind), 1)
    weight = inverse / mean[kind]
    clipped = weight > most
    return RowWeights(np.minimum(weight, most), level, known, clipped)


def _estimated(features: Float32Array, user: IntArray, level: IntArray, seed: int) -> FloatArray:
    """Estimate the chance of each row's level by logistic regression, across halves of the users. ``[n]``."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(level)) < 2:
        return np.ones(len(level))
    rng = np.random.default_rng(seed)
    half = rng.integers(FOLDS, size=int(user.max()) + 1)[user]
    chance = np.ones(len(level))
    for fold in range(FOLDS):
        mine, others = np.flatnonzero(half == fold), np.flatnonzero(half != fold)
        if not len(mine) or len(np.unique(level[others])) < 2:
            continue
        drawn = others if len(others) <= MOST_ROWS else rng.choice(others, MOST_ROWS, replace=False)
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
        model.fit(features[drawn], level[drawn])
        place = np.searchsorted(model.classes_, level[mine]).clip(max=len(model.classes_) - 1)
        found = model.predict_proba(features[mine])[np.arange(len(mine)), place]
        chance[mine] = np.where(model.classes_[place] == level[mine], found, 1.0)
    return chance
