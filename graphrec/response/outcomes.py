"""What a response says of rows, beside what happened in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from graphrec.arrays import FloatArray
from graphrec.response.splines import response_shapes


class Outcomes(NamedTuple):
    """What the network says of the rows of a part, before recalibration, and what happened in them."""

    base: FloatArray
    weights: FloatArray
    rate: FloatArray
    bought: FloatArray
    importance: FloatArray | None = None

    def increment(self, knots: tuple[float, ...]) -> FloatArray:
        """Compute what the discount of each row adds to its logit. ``[n]``."""
        shapes = response_shapes(torch.tensor(self.rate), knots).numpy()
        return np.asarray((self.weights * shapes).sum(axis=1), dtype=np.float64)

    def probability(self, knots: tuple[float, ...]) -> FloatArray:
        """Compute the probability of a purchase at the discount of each row. ``[n]``."""
        return sigmoid(self.base + self.increment(knots))

    def mean_curve(self, knots: tuple[float, ...]) -> pd.DataFrame:
        """Average the probability of a purchase over all rows, at rates from 0 to 0.5.

        Returns:
            ``rate`` and ``probability``.
        """
        rates = np.linspace(0.0, 0.5, 11).round(2)
        shapes = response_shapes(torch.tensor(rates), knots).numpy()
        means = [float(sigmoid(self.base + self.weights @ shape).mean()) for shape in shapes]
        return pd.DataFrame({"rate": rates, "probability": means})


def sigmoid(logit: FloatArray) -> FloatArray:
    """Turn logits into probabilities, same shape."""
    return np.asarray(1.0 / (1.0 + np.exp(-logit)), dtype=np.float64)
