"""The probability of a purchase at the regular price, from one that was seen while discounts were on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from graphrec.arrays import FloatArray, IntArray
from graphrec.response.personal.offers import Personal
from graphrec.response.shelf import build_shelf
from graphrec.response.splines import response_shapes
from graphrec.response.visits import Visits

ROUNDS = 40
"""Halvings of an interval of logits; more than a float32 can tell."""


def faced_rates(
    log: pd.DataFrame, offers: pd.DataFrame | None, visits: Visits, weeks: IntArray
) -> FloatArray:
    """Find what was off the regular price of each pair in some weeks, on the shelf and personally.

    Args:
        log: Rows with prices, as of `build_shelf`.
        offers: Personal offers, as `read_offers` returns them, if there are some.
        visits: The ``P`` pairs.
        weeks: Which, from 1 and within those of `visits`. Length ``n``.

    Returns:
        Shape ``[P, n]``.
    """
    shelf = build_shelf(log, visits.items, visits.weeks).depth[visits.item][:, weeks - 1]
    if offers is None:
        return shelf
    return np.asarray(1.0 - (1.0 - shelf) * (1.0 - Personal.of(offers, visits).rate[:, weeks - 1]))


def undiscounted(
    probability: FloatArray, weights: FloatArray, rates: FloatArray, knots: tuple[float, ...]
) -> FloatArray:
    """Find the logit without a discount, so that on average over the rates the probability is the given one.

    A probability that is learnt on weeks with discounts holds some of what they bring. Offers that are
    weighed against no discount must not count that twice.

    Args:
        probability: Seen on average over the weeks, within (0, 1). Shape ``[P]``.
        weights: Of the curves. Shape ``[P, K]``.
        rates: What was off in each of the weeks. Shape ``[P, n]``.
        knots: Of the curves. Length ``K``.

    Returns:
        Shape ``[P]``.
    """
    seen = np.log(probability / (1.0 - probability))
    added = np.stack([_added(weights, rate, knots) for rate in rates.T], axis=1)
    low, high = seen - added.max(axis=1), seen - added.min(axis=1)
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        mean = (1.0 / (1.0 + np.exp(-(middle[:, None] + added)))).mean(axis=1)
        low, high = np.where(mean < probability, middle, low), np.where(mean < probability, high, middle)
    return np.asarray((low + high) / 2)


def _added(weights: FloatArray, rate: FloatArray, knots: tuple[float, ...]) -> FloatArray:
    """Compute what a rate of each pair adds to its logit. ``[P]``."""
    shapes = response_shapes(torch.tensor(rate, dtype=torch.float64), knots).numpy()
    return np.asarray((weights * shapes).sum(axis=1))
