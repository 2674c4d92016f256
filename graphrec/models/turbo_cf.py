"""Turbo-CF: a linear filter on an item graph whose weights are raised to a power, entry by entry."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from graphrec.errors import check_at_least
from graphrec.graph import BipartiteGraph
from graphrec.models.neighbours import ItemSimilarity, largest, purchases


class TurboCF(ItemSimilarity):
    """Scores ``x_u · (R̃ᵀR̃)^{∘s}`` with ``R̃ = D_U^-α X D_I^(α−1)``.

    Park et al., "Turbo-CF: matrix decomposition-free graph filtering for fast recommendation", SIGIR 2024,
    the linear filter (first order), which is the one published for Gowalla. The power of each entry is no
    function of the spectrum, so there is nothing to decompose; the item graph is kept as a sparse matrix.

    Args:
        alpha: Exponent ``α`` of the users' degrees; ``1 − α`` is that of the items.
        power: Exponent ``s`` of each weight of the item graph.
        neighbours: Entries of each row to keep; null keeps all, which the published figures are for and
            which takes 8 bytes for each pair of items that have a common buyer.
    """

    def __init__(self, alpha: float = 0.6, power: float = 0.7, neighbours: int | None = None) -> None:
        super().__init__()
        check_at_least(0, alpha=alpha, power=power)
        if neighbours is not None:
            check_at_least(1, neighbours=neighbours)
        self.alpha, self.power, self.neighbours = alpha, power, neighbours

    def fit(self, graph: BipartiteGraph) -> None:
        """Multiply out the item graph and raise its entries to the power."""
        matrix = purchases(graph)
        user, item = (np.maximum(matrix.sum(axis=axis), 1) for axis in (1, 0))
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
