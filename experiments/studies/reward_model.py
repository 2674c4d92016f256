"""The model of purchases that the study of estimators leans on: logistic, with a slope of depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from graphrec.arrays import FloatArray
from graphrec.offpolicy.market import Market
from graphrec.offpolicy.simulator import LEVELS, SimulatedLog
from graphrec.response.curves import ElasticResponse

STEPS = -np.log1p(-np.asarray(LEVELS))


@dataclass(frozen=True)
class Logistic:
    """Purchases from features, depth, and depth times affinity: the model that the estimators use.

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
        """Probability at every level. Shape ``[P, R]``."""
        return 1.0 / (1.0 + np.exp(-(self.base[:, None] + self.slope[:, None] * STEPS)))

    def response(self) -> ElasticResponse:
        """As curves that do not fall."""
        return ElasticResponse(1.0 / (1.0 + np.exp(-self.base)), np.maximum(self.slope, 0.0))


def standardised(market: Market) -> FloatArray:
    """Features with mean 0 and spread 1. Shape ``[P, F]``."""
    x = market.features
    spread = x.std(axis=0)
    return (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def slope_features(market: Market) -> FloatArray:
    """A constant, the affinity and the product's elasticity. Shape ``[P, 3]``."""
    named = [market.feature(name) for name in ("affinity_rank", "log_product_elasticity")]
    return np.column_stack([np.ones(len(market)), *named])
