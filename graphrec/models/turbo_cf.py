"""Turbo-CF: polynomial filters on an item graph whose weights are raised to a power, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from torch import Tensor

from graphrec.errors import check_at_least, check_between
from graphrec.graph import BipartiteGraph
from graphrec.models.base import ClosedForm, ItemSet, Scores
from graphrec.models.neighbours import ItemSimilarity, largest, purchases


class TurboCF(ItemSimilarity):
    """Scores ``x_u P̄`` or ``x_u (2P̄ − P̄²)``, ``P̄ = (R̃ᵀR̃)^{∘s}`` with ``R̃ = D_U^-α X D_I^(α−1)``.

    Park et al., "Turbo-CF: matrix decomposition-free graph filtering for fast recommendation", SIGIR 2024.
    Its authors' program has the linear filter for Gowalla and Amazon-Book and the second order for Yelp. The
    power of each entry is no function of the spectrum, so there is nothing to decompose. The item graph is
    kept as a sparse matrix; the second order multiplies the scores by it once more, in place of ``P̄²``. Where
    edges have weights, ``X`` holds them and ``D`` their sums.

    Args:
        alpha: Exponent ``α`` of the users' degrees; ``1 − α`` is that of the items.
        power: Exponent ``s`` of each weight of the item graph.
        neighbours: Entries of each row to keep; null keeps all, which the published figures are for and
            which takes 8 bytes for each pair of items that have a common buyer.
        order: Of the filter, 1 or 2; the second takes a product with all of ``P̄`` for each user.
    """

    reads_weights: ClassVar[bool] = True

    def __init__(
        self, alpha: float = 0.6, power: float = 0.7, neighbours: int | None = None, order: int = 1
    ) -> None:
        super().__init__()
        check_at_least(0, alpha=alpha, power=power)
        check_between(1, 2, order=order)
        self.order = order
        if neighbours is not None:
            check_at_least(1, neighbours=neighbours)
        self.alpha, self.power, self.neighbours = alpha, power, neighbours

    def fit(self, graph: BipartiteGraph) -> None:
        """Multiply out the item graph and raise its entries to the power."""
        matrix = purchases(graph)
        sums = (matrix.sum(axis=axis) for axis in (1, 0))
        user, item = (np.where(one > 0, one, np.float32(1)) for one in sums)
        normalised = sp.csr_array(matrix * np.power(user, -self.alpha)[:, None])
        normalised = sp.csr_array(normalised * np.power(item, self.alpha - 1)[None], dtype=np.float32)
        transposed = normalised.T.tocsr()

        def rows(start: int, end: int) -> sp.csr_array:
            block = transposed[start:end] @ normalised
            np.power(block.data, np.float32(self.power), out=block.data)
            return block

        if self.neighbours is None:
            self._keep(graph, matrix, rows(0, graph.num_items))
        else:
            self._keep(graph, matrix, largest(rows, graph.num_items, self.neighbours, "Item graph"))

    def score(self, users: Tensor) -> Tensor:
        """Filter the rows of these users. Shape ``[B, I]``."""
        return self._of_order(super().score(users))

    def fold_in(self, baskets: BipartiteGraph) -> Scores:
        """Filter the rows of the baskets."""
        once = super().fold_in(baskets)
        return lambda users: self._of_order(once(users))

    def alike(self) -> Scores:
        """Take rows of the filter: the scores of who bought that item alone."""
        return super().alike()

    def _of_order(self, once: Tensor) -> Tensor:
        return once if self.order == 1 else 2 * once - once @ self.similarity.tensor()

    def lists(
        self, users: Tensor, k: int, item_sets: Sequence[ItemSet]
    ) -> dict[ItemSet, tuple[Tensor, Tensor]]:
        """List the best items; the second order scores them all."""
        if self.order == 1:
            return super().lists(users, k, item_sets)
        return ClosedForm.lists(self, users, k, item_sets)
