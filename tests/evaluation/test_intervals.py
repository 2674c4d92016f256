from __future__ import annotations

import numpy as np
import pytest

from graphrec.evaluation.catalogue import Catalogue, coverage
from graphrec.evaluation.intervals import catalogue_intervals, listed_times, mean_interval, resamples


def interval(items: np.ndarray, num_items: int, replicates: int) -> tuple[float, float]:
    """The interval of the coverage of lists."""
    return catalogue_intervals([coverage], items, catalogue(num_items), replicates)[0]


def catalogue(num_items: int) -> Catalogue:
    return Catalogue(np.zeros(num_items, dtype=np.int64), np.arange(num_items))


def covered(items: np.ndarray, num_items: int) -> float:
    return coverage(listed_times(items, num_items), catalogue(num_items))


def test_interval_of_a_mean_is_close_to_the_analytic_one():
    rng = np.random.default_rng(0)
    values = np.stack([rng.normal(3.0, 2.0, 400), rng.exponential(1.0, 400)], axis=1)
    low, high = mean_interval(values, replicates=4000)
    mean, error = values.mean(axis=0), values.std(axis=0) / 20
    np.testing.assert_allclose(low, mean - 1.96 * error, atol=0.12 * error.max())
    np.testing.assert_allclose(high, mean + 1.96 * error, atol=0.12 * error.max())


def test_narrower_level_gives_a_narrower_interval():
    values = np.random.default_rng(0).normal(size=(100, 1))
    low, high = mean_interval(values, level=0.5)
    wide_low, wide_high = mean_interval(values, level=0.95)
    assert (high - low) / (wide_high - wide_low) == pytest.approx(0.6745 / 1.96, abs=0.06)


def test_interval_covers_the_truth_about_95_times_in_100():
    """400 shops of 60 users with a skewed measure (hits of 3 in 10): 0.95 within three deviations."""
    rng = np.random.default_rng(1)
    columns = rng.binomial(10, 0.3, size=(60, 400)) / 10
    low, high = mean_interval(columns, replicates=600)
    assert 0.91 <= ((low <= 0.3) & (high >= 0.3)).mean() <= 0.98


def test_same_seed_same_interval():
    values = np.random.default_rng(0).normal(size=(50, 3))
    np.testing.assert_array_equal(mean_interval(values, 50), mean_interval(values, 50))
    assert not np.array_equal(mean_interval(values, 50), mean_interval(values, 50, seed=1))
    items = np.random.default_rng(0).integers(30, size=(20, 3))
    assert interval(items, 30, 50) == interval(items, 30, 50)


def test_resamples_draw_with_replacement():
    drawn = list(resamples(40, 30, seed=0))
    assert len(drawn) == 30
    assert all(sample.shape == (40,) and sample.min() >= 0 and sample.max() < 40 for sample in drawn)
    distinct = np.mean([len(set(sample.tolist())) for sample in drawn])
    assert distinct == pytest.approx(40 * (1 - 1 / np.e), abs=2)


def test_coverage_counts_items_that_somebody_gets():
    items = np.array([[0, 3], [3, -1], [-1, -1]])
    assert covered(items, 8) == 0.25
    assert covered(np.array([[7]]), 8) == 0.125  # the last item is not an empty place
    assert covered(np.array([[-1]]), 8) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_coverage_interval_contains_the_value(seed):
    items = np.random.default_rng(seed).zipf(1.5, size=(80, 5)).clip(max=200) - 1
    low, high = interval(items, 200, 200)
    assert 0.0 <= low < covered(items, 200) < high <= 1.0


def test_coverage_interval_contains_a_value_of_one():
    """Nearly every resample covers everything too, so both percentiles lie above their mean."""
    items = np.tile(np.arange(25), 8)[:, None]
    low, high = interval(items, 25, 400)
    assert low <= covered(items, 25) == 1.0 == high


def test_coverage_of_equal_lists_is_certain():
    items = np.tile(np.arange(5), (30, 1))
    assert interval(items, 10, 50) == (0.5, 0.5)
