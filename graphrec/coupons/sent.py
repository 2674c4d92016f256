"""Redemption in two steps: a coupon is sent to a household or not, and what was sent is redeemed or not.

In campaigns of type A every household gets 16 coupons out of a pool of about 200, chosen by its purchases.
The data do not say which. A regression on pairs has to blame the household for not redeeming what it never
got; here a coupon competes with the others of the household's pool for being sent, and only what is sent can
be redeemed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from graphrec.arrays import FloatArray

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SENT = 16
"""Coupons that a household gets in a campaign of type A (the guide to the data)."""
_TYPE_A = 0  # `campaign_kind`; the other kinds send every coupon to everybody they address


def scaling() -> Pipeline:
    """Make the scaling: logarithms of features, standardised and cut off at three deviations."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    cut = FunctionTransformer(_cut_off)  # a household of a hundred trips is not ten times one of ten
    return make_pipeline(FunctionTransformer(_signed_log), StandardScaler(), cut)


@dataclass
class SentRegression:
    """``p = q σ(w · x + b)`` with ``q = σ(log 16 + v · x − log Σ e^{v · x'})`` in type A, otherwise 1.

    The sum runs over the pool of the user in the campaign, so that about 16 coupons of a pool are expected to
    be sent. ``v``, ``w`` and ``b`` maximise the likelihood of the redemptions together, with an L2 penalty.

    Args:
        columns: Features to use.
        strength: Inverse of the penalty, as ``C`` of scikit-learn's regressions.
        steps: Of L-BFGS at most.
    """

    columns: list[str]
    strength: float = 0.05
    steps: int = 100
    scaler: Pipeline = field(default_factory=scaling, repr=False)
    weights: Tensor = field(default_factory=lambda: torch.empty(0), repr=False)

    def fit(self, table: pd.DataFrame, weight: FloatArray) -> SentRegression:
        """Fit to pairs.

        Args:
            table: With the features, ``campaign_id``, ``user``, ``campaign_kind`` and ``redeemed``.
            weight: How many pairs of the pool each row stands for. Shape ``[P]``.
        """
        values = torch.from_numpy(self.scaler.fit_transform(table[self.columns].to_numpy(np.float64)))
        pool, number = _pools(table), torch.from_numpy(weight)
        redeemed = torch.from_numpy(table["redeemed"].to_numpy(np.float64))
        dim = len(self.columns)
        self.weights = torch.zeros(2 * dim + 1, dtype=torch.float64)
        self.weights[-1] = -5.0  # redemptions are rare
        self.weights.requires_grad_()
        solver = torch.optim.LBFGS(
            [self.weights], max_iter=self.steps, line_search_fn="strong_wolfe", history_size=20
        )

        def loss() -> Tensor:
            solver.zero_grad()
            log = self._log_probability(values, pool, number)
            per_pair = redeemed * log + (1 - redeemed) * torch.log1p(-log.exp())
            penalty = self.weights[:-1].square().sum() / (2 * self.strength)
            total = penalty - (number * per_pair).sum()
            total.backward()  # type: ignore[no-untyped-call]
            return total

        solver.step(loss)  # type: ignore[no-untyped-call]
        self.weights = self.weights.detach()
        return self

    def log_odds(self, table: pd.DataFrame) -> FloatArray:
        """Compute the log-odds of a redemption; the table must hold whole pools. ``[P]`` rows to ``[P]``.

        Raises:
            RuntimeError: Before `fit`.
        """
        if not len(self.weights):
            raise RuntimeError("fit comes before log_odds")
        values = torch.from_numpy(self.scaler.transform(table[self.columns].to_numpy(np.float64)))
        log = self._log_probability(values, _pools(table), torch.ones(len(table), dtype=torch.float64))
        return np.asarray((log - torch.log1p(-log.exp())).numpy())

    def _log_probability(self, values: Tensor, pool: Tensor, number: Tensor) -> Tensor:
        """Compute ``log p`` of each row; `pool` is −1 where everything is sent. Shape ``[P]``."""
        sent, redeemed = torch.split(self.weights[:-1], len(self.columns))
        chosen = pool >= 0
        score, where = values[chosen] @ sent, pool[chosen]
        sums = torch.zeros(int(pool.max()) + 1 if len(pool) else 0, dtype=values.dtype)
        largest = score.detach().max() if len(score) else score.new_zeros(())
        sums = sums.index_add(0, where, number[chosen] * torch.exp(score - largest))
        share = score - largest - torch.log(sums[where])
        log = logsigmoid(values @ redeemed + self.weights[-1])
        log = log.index_add(0, chosen.nonzero().flatten(), logsigmoid(np.log(SENT) + share))
        return log.clamp(-80, -1e-9)


def _pools(table: pd.DataFrame) -> Tensor:
    """Give a number to each household and campaign of type A, −1 to the other rows. Shape ``[P]``."""
    numbers = table.groupby(["campaign_id", "user"], sort=False).ngroup()
    pools = numbers.where(table["campaign_kind"] == _TYPE_A, -1)
    return torch.from_numpy(pools.to_numpy(np.int64, copy=True))


def _signed_log(values: FloatArray) -> FloatArray:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def _cut_off(values: FloatArray) -> FloatArray:
    return np.clip(values, -3, 3)
