"""Average ranks over data sets, and how far apart two must be to differ (Demšar, JMLR 7, 2006)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import f, friedmanchisquare, studentized_range

from graphrec.arrays import FloatArray

LEAST_MODELS, LEAST_DATA = 3, 3
"""With fewer, ranks are told, but nothing is drawn or tested."""
_ALPHA = 0.05


@dataclass(frozen=True)
class AverageRanks:
    """How the models stand over all data sets.

    Args:
        ranks: A row per data set, a column per model, best average first: 1 is the best; ties share a rank.
        average: Mean of each column.
        p: Of Friedman's test that all models are alike, by Iman and Davenport's F; None if not tested.
        distance: The critical difference of Nemenyi's test: ranks that are closer do not differ; None if not
            tested.
        groups: The largest sets of models, neighbours in order, whose first and last do not differ.
        why_none: Why nothing was tested; empty where it was.
    """

    ranks: pd.DataFrame
    average: pd.Series
    p: float | None
    distance: float | None
    groups: tuple[tuple[str, ...], ...]
    why_none: str

    @property
    def models(self) -> list[str]:
        """The models, best average first."""
        return [str(model) for model in self.average.index]

    @property
    def differ(self) -> bool:
        """Whether Friedman's test says that the models are not all alike."""
        return self.p is not None and self.p < _ALPHA

    @property
    def sentence(self) -> str:
        """What the ranks say."""
        if self.p is None or self.distance is None:
            return self.why_none
        p = "p ≤ 0.001" if self.p <= 0.001 else f"p = {self.p:.3f}"
        if not self.differ:
            return (
                f"Friedman's test over {len(self.ranks)} data sets does not tell the models apart ({p}):"
                " this order may be chance."
            )
        return (
            f"Friedman's test over {len(self.ranks)} data sets says that the models differ ({p}). Two of them"
            f" do by Nemenyi's test where their average ranks are {self.distance:.2f} apart or more."
        )


def average_ranks(values: pd.DataFrame, smaller_is_better: bool = False) -> AverageRanks:
    """Rank the models on each data set and average.

    Args:
        values: A row per data set, a column per model, nothing missing.
        smaller_is_better: Whether the smallest value has rank 1.
    """
    ranks = values.rank(axis="columns", ascending=smaller_is_better, method="average")
    average = ranks.mean().sort_values(kind="stable")
    ranks = ranks[average.index]
    data, models = ranks.shape
    if models < LEAST_MODELS or data < LEAST_DATA:
        return AverageRanks(ranks, average, None, None, (), _too_few(data, models))
    distance = critical_difference(models, data)
    names, means = [str(name) for name in average.index], average.to_numpy(dtype=np.float64)
    return AverageRanks(ranks, average, friedman(ranks), distance, _groups(names, means, distance), "")


def critical_difference(models: int, data: int) -> float:
    """Compute how far apart two average ranks must be by Nemenyi's test at 5 %.

    Args:
        models: Number of models that are ranked.
        data: Number of data sets.
    """
    q = float(studentized_range.ppf(1 - _ALPHA, models, np.inf)) / math.sqrt(2)
    return q * math.sqrt(models * (models + 1) / (6 * data))


def friedman(ranks: pd.DataFrame) -> float:
    """Test whether all models are alike: p of Iman and Davenport's F, at least that of all possible orders.

    Args:
        ranks: A row per data set, a column per model.
    """
    data, models = ranks.shape
    if bool((ranks == (models + 1) / 2).all(axis=None)):
        return 1.0
    square = float(friedmanchisquare(*(ranks[name] for name in ranks)).statistic)
    left = data * (models - 1) - square
    statistic = math.inf if left <= 0 else (data - 1) * square / left
    p = float(f.sf(statistic, models - 1, (models - 1) * (data - 1)))
    return min(1.0, max(p, float(math.factorial(models)) ** -(data - 1)))


def _too_few(data: int, models: int) -> str:
    """Say why nothing can be tested."""
    if models < LEAST_MODELS:
        return f"Average ranks of {models} models cannot be tested: it takes {LEAST_MODELS} or more."
    sets = "one data set" if data == 1 else f"{data} data sets"
    distance = f", for {critical_difference(models, data):.1f} ranks would have to lie between two models"
    few = distance if data > 1 else ""
    return (
        f"No picture of average ranks: {sets} cannot tell models apart{few}. It takes {LEAST_DATA} or more;"
        " the leads on each data set are below."
    )


def _groups(names: list[str], average: FloatArray, distance: float) -> tuple[tuple[str, ...], ...]:
    """Find the largest runs of neighbours whose ends are closer than the critical difference."""
    ends = [int(np.searchsorted(average, first + distance, side="left")) for first in average]
    spans = [(start, end) for start, end in enumerate(ends) if end - start > 1]
    inside = [b for a, b in itertools.product(spans, spans) if a != b and a[0] <= b[0] and b[1] <= a[1]]
    return tuple(tuple(names[start:end]) for start, end in spans if (start, end) not in inside)
