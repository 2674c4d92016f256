from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.errors import InputError
from graphrec.response.curves import (
    MEDIAN_ELASTICITY,
    ElasticResponse,
    SplineResponse,
    discount_affinity,
    elasticity_from_affinity,
)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 20)), min_size=1, max_size=30),
    st.lists(st.floats(0, 0.99), min_size=2, max_size=10),
)
def test_exact_at_no_discount_and_monotone(pairs, levels):
    base, elasticity = (np.array(column) for column in zip(*pairs, strict=True))
    response = ElasticResponse(base, elasticity)
    assert (response.probability(0.0) == base).all()
    curve = response.curve(np.sort(levels))
    assert (np.diff(curve, axis=1) >= -1e-15).all()
    assert ((curve >= 0) & (curve <= 1)).all()


def test_is_the_logit_curve_of_its_definition():
    base, elasticity, rate = np.array([0.02, 0.4]), np.array([0.8, 2.25]), 0.3
    logit = np.log(base / (1 - base)) + elasticity * -np.log(1 - rate)
    assert ElasticResponse(base, elasticity).probability(rate) == pytest.approx(1 / (1 + np.exp(-logit)))
    per_pair = ElasticResponse(base, elasticity).probability(np.array([0.3, 0.1]))
    assert per_pair == pytest.approx(np.diag(ElasticResponse(base, elasticity).curve([0.3, 0.1])))


def test_the_bounds_reproduce_the_measured_ratios_at_45_percent():
    rare = ElasticResponse(np.full(2, 1e-6), np.array([0.82, 2.25])).probability(0.45) / 1e-6
    assert rare == pytest.approx([1.63, 3.83], rel=0.01)


@pytest.mark.parametrize(("base", "elasticity"), [(-0.1, 1.0), (1.1, 1.0), (0.5, -1.0), (0.5, np.inf)])
def test_refuses_what_is_no_curve(base, elasticity):
    with pytest.raises(ValueError, match="must"):
        ElasticResponse(np.array([base]), np.array([elasticity]))


@pytest.fixture
def log():
    return pd.DataFrame(
        {
            "user_id": ["a", "a", "b", "c", "d"],
            "regular_price": [2.0, 4.0, 10.0, np.nan, 5.0],
            "shelf_price": [1.0, 4.0, 10.0, 3.0, 4.0],
            "quantity": [3, 1, 1, 2, 1],
        }
    )


def test_affinity_is_the_saved_share_of_regular_value(log):
    affinity = discount_affinity(log)
    assert affinity["a"] == pytest.approx(3 / 10)
    assert affinity["b"] == 0
    assert np.isnan(affinity["c"])
    assert affinity["d"] == pytest.approx(0.2)


def test_a_shelf_price_above_the_regular_one_saves_nothing(log):
    log.loc[1, "shelf_price"] = 9.0
    assert discount_affinity(log)["a"] == pytest.approx(3 / 10)


def test_affinity_names_a_missing_column(log):
    with pytest.raises(InputError, match="column 'shelf_price'"):
        discount_affinity(log.drop(columns="shelf_price"))


def test_elasticity_follows_the_rank(log):
    elasticity = elasticity_from_affinity(discount_affinity(log))
    assert elasticity[["b", "d", "a"]].tolist() == pytest.approx([0.8, 1.525, 2.25])
    assert elasticity["c"] == MEDIAN_ELASTICITY == 1.5


def test_elasticity_without_anything_to_rank():
    assert elasticity_from_affinity(pd.Series([np.nan, np.nan])).tolist() == [1.5, 1.5]
    assert elasticity_from_affinity(pd.Series([0.3])).tolist() == pytest.approx([1.525])
    assert elasticity_from_affinity(pd.Series([0.2, 0.2])).tolist() == pytest.approx([1.525, 1.525])
    with pytest.raises(InputError, match="out of order"):
        elasticity_from_affinity(pd.Series([0.3]), low=2.0, high=1.0)


spline_weights = st.lists(st.floats(0, 20), min_size=7, max_size=7)


@given(
    st.lists(st.tuples(st.floats(-30, 30), spline_weights), min_size=1, max_size=10),
    st.lists(st.floats(0, 0.99), min_size=2, max_size=10),
)
def test_learnt_curves_are_exact_at_no_discount_and_monotone(pairs, levels):
    response = SplineResponse(np.array([a for a, _ in pairs]), np.array([w for _, w in pairs]))
    assert (response.probability(0.0) == response.base).all()
    curve = response.curve(np.sort(levels))
    assert (np.diff(curve, axis=1) >= -1e-15).all()
    assert ((curve >= 0) & (curve <= 1)).all()


def test_a_spline_with_only_the_logarithm_is_the_elastic_curve():
    base, elasticity = np.array([0.02, 0.4]), np.array([0.8, 2.25])
    weights = np.zeros((2, 7))
    weights[:, 0] = elasticity
    learnt, levels = SplineResponse(np.log(base / (1 - base)), weights), [0.0, 0.1, 0.45]
    assert learnt.curve(levels) == pytest.approx(ElasticResponse(base, elasticity).curve(levels))
    per_pair = learnt.probability(np.array([0.45, 0.1]))
    assert per_pair == pytest.approx([learnt.curve(levels)[0, 2], learnt.curve(levels)[1, 1]])


@pytest.mark.parametrize("weights", [np.zeros((2, 6)), -np.ones((2, 7)), np.full((2, 7), np.inf)])
def test_a_spline_refuses_what_is_no_curve(weights):
    with pytest.raises(ValueError, match="must"):
        SplineResponse(np.zeros(2), weights)
