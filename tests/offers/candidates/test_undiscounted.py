"""What discounts added to a probability is taken off before offers are weighed against none."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec.offers.candidates.undiscounted import undiscounted
from graphrec.response.curves import SplineResponse
from graphrec.response.splines import KNOTS

rng = np.random.default_rng(0)


def test_the_curve_has_the_seen_probability_on_average_over_the_weeks():
    seen = rng.uniform(0.001, 0.9, 50)
    weights, rates = rng.exponential(1.0, (50, len(KNOTS))), rng.choice([0.0, 0.1, 0.3], (50, 4))
    curve = SplineResponse(undiscounted(seen, weights, rates, KNOTS), weights)
    again = np.mean([curve.probability(rates[:, week]) for week in range(4)], axis=0)
    assert again == pytest.approx(seen, rel=1e-6)
    assert (curve.base[rates.any(axis=1)] < seen[rates.any(axis=1)]).all()


def test_weeks_without_a_discount_take_nothing_off():
    seen, weights = np.array([0.2, 0.5]), np.ones((2, len(KNOTS)))
    assert SplineResponse(
        undiscounted(seen, weights, np.zeros((2, 3)), KNOTS), weights
    ).base == pytest.approx(seen)
