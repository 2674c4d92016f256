"""Average ranks against a published example, and against figures worked out by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from scipy import stats

from graphrec.benchmarking.ranks import average_ranks, critical_difference, friedman

# AUC of C4.5, with its parameters m, cf and both tuned, on 14 data sets: Demšar, JMLR 7 (2006), table 6,
# where voting's third value has rank 2 before the fourth, though both are printed as .975
DEMSAR = """
0.763 0.768 0.771 0.798
0.599 0.591 0.590 0.569
0.954 0.971 0.968 0.967
0.628 0.661 0.654 0.657
0.882 0.888 0.886 0.898
0.936 0.931 0.916 0.931
0.661 0.668 0.609 0.685
0.583 0.583 0.563 0.625
0.775 0.838 0.866 0.875
1.000 1.000 1.000 1.000
0.940 0.962 0.965 0.962
0.619 0.666 0.614 0.669
0.972 0.981 0.9751 0.975
0.957 0.978 0.946 0.970
"""
MODELS = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]


@pytest.fixture
def demsar():
    rows = [[float(cell) for cell in line.split()] for line in DEMSAR.split("\n") if line]
    return pd.DataFrame(rows, columns=MODELS)


def test_the_published_example(demsar):
    found = average_ranks(demsar)
    published = {"C4.5": 3.143, "C4.5+m": 2.0, "C4.5+cf": 2.893, "C4.5+m+cf": 1.964}
    assert {model: round(rank, 3) for model, rank in found.average.items()} == published
    assert found.models[0] == "C4.5+m+cf"
    assert found.distance == pytest.approx(1.25, abs=0.005)
    assert found.differ
    # the best and the worst are 1.18 apart, which is less than 1.25
    assert found.groups == (("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"),)


def test_friedman_is_the_published_statistic_but_for_ties(demsar):
    """Published without a correction for ties: 9.28. One row is all ties, three have one pair."""
    ranks = average_ranks(demsar).ranks
    count, models = ranks.shape
    plain = (
        12 * count / (models * (models + 1)) * ((ranks.mean() ** 2).sum() - models * (models + 1) ** 2 / 4)
    )
    assert plain == pytest.approx(9.28, abs=0.02)
    ties = (4**3 - 4) + 3 * (2**3 - 2)
    corrected = plain / (1 - ties / (count * models * (models**2 - 1)))
    by_f = (count - 1) * corrected / (count * (models - 1) - corrected)
    assert friedman(ranks) == pytest.approx(stats.f.sf(by_f, 3, 39), rel=1e-9)


@pytest.mark.parametrize(("models", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_has_the_published_quantiles(models, q):
    """Table 5 of Demšar: q of Nemenyi's test at 5 %."""
    assert critical_difference(models, 6) * (36 / (models * (models + 1))) ** 0.5 == pytest.approx(
        q, abs=0.001
    )


def test_ranks_by_hand_with_ties_and_falling_measures():
    values = pd.DataFrame({"a": [3.0, 2.0], "b": [3.0, 5.0], "c": [1.0, 4.0]})
    assert average_ranks(values).average.to_dict() == {"b": 1.25, "a": 2.25, "c": 2.5}
    falling = average_ranks(values, smaller_is_better=True)
    assert falling.average.to_dict() == {"c": 1.5, "a": 1.75, "b": 2.75}
    assert falling.ranks.loc[0].to_dict() == {"c": 1.0, "a": 2.5, "b": 2.5}


def test_groups_are_the_largest_whose_ends_do_not_differ():
    """20 data sets in one order of five models: ranks 1 to 5, critical difference 1.36."""
    values = pd.DataFrame([[5, 4, 3, 2, 1]] * 20, columns=list("abcde"))
    found = average_ranks(values)
    assert found.distance == pytest.approx(2.728 * (30 / 120) ** 0.5, abs=0.001)
    assert found.groups == (("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"))
    assert found.p < 1e-6


@pytest.mark.parametrize(
    ("data", "models", "words"),
    [(1, 5, "one data set cannot"), (2, 5, "2 data sets cannot"), (8, 2, "it takes 3 or more")],
)
def test_too_little_is_ranked_and_not_tested(data, models, words):
    values = pd.DataFrame([[float(place) for place in range(models)]] * data)
    found = average_ranks(values)
    assert found.average.iloc[0] == 1
    assert (found.p, found.distance, found.groups) == (None, None, ())
    assert words in found.sentence


def test_models_that_never_differ_are_not_called_different():
    values = pd.DataFrame([[1.0, 1.0, 1.0]] * 4, columns=list("abc"))
    found = average_ranks(values)
    assert found.p == 1
    assert "may be chance" in found.sentence
