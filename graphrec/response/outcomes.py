"""What a response says of rows, beside what happened in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from graphrec.arrays import FloatArray
from graphrec.response.splines import response_shapes


class Outcomes(NamedTuple):
    """What the network says of the rows of a part, before recalibration, and what happened."""

    base: FloatArray
    weights: FloatArray
    rate: FloatArray
    bought: FloatArray

    def increment(self, knots: tuple[float, ...]) -> FloatArray:
        """Compute what the discount of each row adds to its logit. ``[n]``."""
        shapes = response_shapes(torch.tensor(self.rate), knots).numpy()
        return np.asarray((self.weights * shapes).sum(axis=1), dtype=np.float64)


def sigmoid(logit: FloatArray) -> FloatArray:
    """Turn logits into probabilities, same shape."""
    return np.asarray(1.0 / (1.0 + np.exp(-logit)), dtype=np.float64)
