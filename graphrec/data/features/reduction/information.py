"""What a column tells of a purchase: its mutual information with whether a pair was bought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrec.arrays import AnyFloatArray, BoolArray, Float32Array, IntArray
from graphrec.data.interactions import Interactions

PAIRS = 5_000
"""Bought pairs that are looked at, and as many that were not bought."""
MOST_BINS, PER_BIN = 10, 20
"""Most equally filled ranges of a column, and least users or items in each: no value names a single one."""


@dataclass(frozen=True)
class DrawnPairs:
    """Pairs of the training part that were bought, and pairs at random that were not.

    Args:
        user: Codes. Shape ``[P]``.
        item: Codes. Shape ``[P]``.
        bought: The target. Shape ``[P]``.
    """

    user: IntArray
    item: IntArray
    bought: BoolArray

    @classmethod
    def of(cls, train: Interactions, seed: int, most: int = PAIRS) -> DrawnPairs:
        """Draw up to `most` bought pairs, and as many others of any user and item."""
        pairs, width = train.pairs(), len(train.items)
        random = np.random.default_rng(seed)
        bought = pairs[np.sort(random.permutation(len(pairs))[:most])]
        others = random.integers(0, max(len(train.users) * width, 1), len(bought))
        others = others[~np.isin(others, pairs[:, 0] * width + pairs[:, 1])]
        user = np.concatenate([bought[:, 0], others // max(width, 1)])
        item = np.concatenate([bought[:, 1], others % max(width, 1)])
        return cls(user, item, np.arange(len(user)) < len(bought))

    @property
    def of_users(self) -> tuple[IntArray, BoolArray]:
        """Code of the user of each pair, and whether it was bought."""
        return self.user, self.bought

    @property
    def of_items(self) -> tuple[IntArray, BoolArray]:
        """Code of the item of each pair, and whether it was bought."""
        return self.item, self.bought


def information(values: Float32Array, rows: IntArray, bought: BoolArray) -> AnyFloatArray:
    """Compute the mutual information of each column with a purchase, in nats.

    Args:
        values: Columns of users or items. Shape ``[n, F]``.
        rows: Which of them each pair has. Shape ``[P]``.
        bought: Whether it was bought. Shape ``[P]``.

    Returns:
        By scikit-learn's `mutual_info_classif`, on up to ten ranges of each column. Shape ``[F]``.
    """
    if not values.shape[1] or not len(bought) or bought.all():
        return np.zeros(values.shape[1])
    from sklearn.feature_selection import mutual_info_classif

    binned = np.stack([_binned(column) for column in values.T], axis=1)[rows]
    found: AnyFloatArray = mutual_info_classif(binned, bought, discrete_features=True)
    return found


def _binned(column: Float32Array) -> IntArray:
    bins = min(max(len(column) // PER_BIN, 2), MOST_BINS)
    edges = np.unique(np.quantile(column, np.linspace(0, 1, bins + 1)[1:-1]))
    # a value on an edge belongs to the range above, so that 0 and 1 of a rare level are told apart
    places = np.searchsorted(edges, column, side="left") + np.searchsorted(edges, column, side="right")
    return places.astype(np.int64)
