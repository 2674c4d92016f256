from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from graphrec.errors import InputError
from graphrec.response.splines import KNOTS, check_knots, num_shapes, response_shapes

knot_lists = st.lists(st.integers(1, 95), min_size=1, max_size=8, unique=True).map(
    lambda cents: (0.0, *(cent / 100 for cent in sorted(cents)))
)


@given(knot_lists, st.lists(st.floats(0, 0.99), min_size=2, max_size=20))
def test_shapes_are_0_without_a_discount_and_never_fall(knots, rates):
    values = response_shapes(torch.tensor([0.0, *sorted(rates)], dtype=torch.float64), knots)
    assert values.shape == (len(rates) + 1, num_shapes(knots))
    assert (values[0] == 0).all()
    assert (values.diff(dim=0) >= -1e-12).all()


def test_each_spline_is_the_integral_of_a_triangle_around_its_knot():
    knots = (0.0, 0.1, 0.25, 0.4)
    for rate in (0.03, 0.1, 0.2, 0.33, 0.7):
        found = response_shapes(torch.tensor([rate], dtype=torch.float64), knots)[0]
        assert found[0] == pytest.approx(-np.log(1 - rate))
        triangles = [([0, 0.1], [1, 0]), ([0, 0.1, 0.25], [0, 1, 0]), ([0.1, 0.25, 0.4], [0, 1, 0])]
        for value, (x, y) in zip(found[1:], triangles, strict=True):
            height = [quad(np.interp, 0, end, args=(x, y, 0, 0), points=x)[0] for end in (rate, 0.9)]
            assert float(value) == pytest.approx(height[0] / height[1], abs=1e-6)


def test_shapes_rise_by_1_and_bend_smoothly():
    at = torch.linspace(0, 0.9, 9001, dtype=torch.float64)
    values = response_shapes(at)
    assert values[-1, 1:].tolist() == pytest.approx([1.0] * (len(KNOTS) - 1))
    slopes = values[:, 1:].diff(dim=0) / 1e-4
    assert slopes.diff(dim=0).abs().max() < 0.05  # no corner: a hinge's slope would jump by 10 here


@pytest.mark.parametrize("knots", [(), (0.0,), (0.1, 0.2), (0.0, 0.3, 0.2), (0.0, 1.0), (0.0, 0.2, 0.2)])
def test_knots_that_make_no_curve_are_refused(knots):
    with pytest.raises(InputError, match="no knots"):
        check_knots(knots)
