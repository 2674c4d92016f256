"""Measures of all lists together: which items they show, and how evenly.

Each is computed of how often every item is listed, so that a bootstrap over users only weighs their lists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graphrec.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class Catalogue:
    """All items, and how many users bought each in training.

    Args:
        buyers: Distinct buyers of each item. Shape ``[I]``.
        order: The items in the order of ties, a permutation. Shape ``[I]``.
    """

    buyers: IntArray
    order: IntArray

    def __len__(self) -> int:
        """Count the items."""
        return len(self.buyers)

    @cached_property
    def by_popularity(self) -> IntArray:
        """The items, those with the most buyers first, equal ones in the order of ties. Shape ``[I]``."""
        return self.order[np.argsort(-self.buyers[self.order], kind="stable")]

    @cached_property
    def popularity(self) -> IntArray:
        """Place of each item in `by_popularity`. Shape ``[I]``."""
        place = np.empty(len(self), dtype=np.int64)
        place[self.by_popularity] = np.arange(len(self))
        return place

    @cached_property
    def thirds(self) -> list[IntArray]:
        """The most bought third of the items, the middle one and the rest."""
        return np.array_split(self.by_popularity, 3)


CatalogueMeasure = Callable[[FloatArray, Catalogue], float]
"""How often each item is listed ``[I]``, and the catalogue, to a number from 0 to 1."""


def coverage(counts: FloatArray, catalogue: Catalogue) -> float:
    """Compute the share of the catalogue that stands in at least one list."""
    return _share(counts)


def coverage_of_third(third: int) -> CatalogueMeasure:
    """Make the coverage of the most bought third of the items (0), the middle one (1) or the rest (2)."""
    return lambda counts, catalogue: _share(counts[catalogue.thirds[third]])


def gini(counts: FloatArray, catalogue: Catalogue) -> float:
    """Compute the Gini coefficient of exposure: 0 if every item is listed as often, near 1 if one has all.

    Counts are whole numbers with few values, so they are counted and not sorted.
    """
    number = np.bincount(counts.astype(np.int64))
    value, total = np.arange(len(number)), counts.sum()
    if not total:
        return 0.0
    before = np.cumsum(number) - number
    ranks = number * (2 * before + number + 1) / 2  # the sum of the ranks of equal counts
    size = len(counts)
    return float(2 * (value * ranks).sum() / (size * total) - (size + 1) / size)


def _share(counts: FloatArray) -> float:
    return float((counts > 0).sum()) / len(counts) if len(counts) else 0.0
