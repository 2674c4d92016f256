"""A plain model of purchases for off-policy estimates: logistic, with a slope of depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from graphrec.arrays import FloatArray
from graphrec.offers.levels import LEVELS
from graphrec.offpolicy.market import Market
from graphrec.offpolicy.simulator import SimulatedLog
from graphrec.response.curves import ElasticResponse

STEPS = -np.log1p(-np.asarray(LEVELS))


@dataclass(frozen=True)
class Logistic:
    """Foretells purchases from features, depth, and depth times affinity.

    Args:
        base: Logit at full price. Shape ``[P]``.
        slope: Shape ``[P]``; negative where the data say so.
    """

    base: FloatArray
    slope: FloatArray

    @classmethod
    def fit(cls, market: Market, log: SimulatedLog) -> Logistic:
        """Fit to a log."""
        x, moved = standardised(market), slope_features(market)
        rows = np.hstack([x[log.pair], STEPS[log.level][:, None] * moved[log.pair]])
        model = LogisticRegression(C=10.0, max_iter=200).fit(rows, log.bought)
        base, slope = np.split(model.coef_[0], [x.shape[1]])
        return cls(x @ base + float(model.intercept_[0]), moved @ slope)

    def table(self) -> FloatArray:
        """Compute the probability at every level. Shape ``[P, R]``."""
        logit = self.base[:, None] + self.slope[:, None] * STEPS
        return np.asarray(1.0 / (1.0 + np.exp(-logit)))

    def response(self) -> ElasticResponse:
        """Make curves that do not fall."""
        return ElasticResponse(1.0 / (1.0 + np.exp(-self.base)), np.maximum(self.slope, 0.0))


def standardised(market: Market) -> FloatArray:
    """Bring features to mean 0 and spread 1. Shape ``[P, F]``."""
    x = market.features
    spread = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def slope_features(market: Market) -> FloatArray:
    """Join a constant, the affinity and the product's elasticity. Shape ``[P, 3]``."""
    named = [market.feature(name) for name in ("affinity_rank", "log_product_elasticity")]
    return np.column_stack([np.ones(len(market)), *named])
