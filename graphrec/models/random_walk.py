"""Random walks of three steps, user → item → user → item: P3alpha and RP3beta."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp

from graphrec.arrays import Float32Array
from graphrec.errors import check_at_least
from graphrec.graph import BipartiteGraph
from graphrec.models.neighbours import ItemSimilarity, largest, purchases


class P3alpha(ItemSimilarity):
    """Ranks items by the probability that a walk from the user ends there after three steps.

    ``S_ji = Σ_v p_jv^α p_vi^α``, the two steps from a bought item ``j`` through its buyers ``v`` to ``i``.
    Here ``p_jv = 1 / |U_j|`` and ``p_vi = 1 / |I_v|`` (Cooper et al., WWW 2014 companion, "Random walks in
    recommender systems"). The first step, from the user to one of the items bought, weighs them alike and
    does not change a ranking. An item's row has no entry for itself. Where edges have weights, a step takes
    an edge in proportion to its weight.

    Args:
        neighbours: Entries to keep of each row, and then of each column.
        alpha: Exponent of the transition probabilities.
        normalise: Make each row sum to one before columns are cut, as the tuned baseline of Ferrari
            Dacrema et al., RecSys 2019, may do.
    """

    reads_weights: ClassVar[bool] = True

    def __init__(self, neighbours: int = 350, alpha: float = 0.6, normalise: bool = False) -> None:
        super().__init__()
        check_at_least(1, neighbours=neighbours)
        check_at_least(0, alpha=alpha)
        self.neighbours, self.alpha, self.normalise = neighbours, alpha, normalise

    def fit(self, graph: BipartiteGraph) -> None:
        """Multiply the two steps in blocks of items and keep the best of each row and column."""
        matrix = purchases(graph)
        to_user, to_item = self._transitions(matrix)
        self._keep(graph, matrix, _walks(to_user, to_item, self.neighbours, self.normalise))

    def _transitions(self, matrix: sp.csr_array) -> tuple[sp.csr_array, sp.csr_array]:
        """Compute ``p_jv^α``, shape ``[I, U]``, and ``p_vi^α``, shape ``[U, I]``."""
        buyers, items = _power(matrix.sum(axis=0), -self.alpha), _power(matrix.sum(axis=1), -self.alpha)
        weights = matrix.copy()
        weights.data **= self.alpha  # a power of 0 leaves the edges
        return sp.csr_array(weights.T * buyers[:, None]), sp.csr_array(weights * items[:, None])


class RP3beta(P3alpha):
    """P3alpha with popular items weighed down, ``S_ji = Σ_v p_jv^α p_vi^α / |U_i|^β``.

    Paudel, Christoffel, Newell and Bernstein, "Updatable, accurate, diverse, and scalable recommendations
    for interactive applications", ACM TiiS 2017, eq. 3.

    Args:
        neighbours: Entries to keep of each row, and then of each column.
        alpha: Exponent of the transition probabilities.
        beta: Exponent of the popularity of the item reached; 0 is P3alpha.
        normalise: Make each row sum to one before columns are cut.
    """

    reads_weights: ClassVar[bool] = True

    def __init__(
        self, neighbours: int = 100, alpha: float = 0.5, beta: float = 0.1, normalise: bool = True
    ) -> None:
        super().__init__(neighbours, alpha, normalise)
        check_at_least(0, beta=beta)
        self.beta = beta

    def _transitions(self, matrix: sp.csr_array) -> tuple[sp.csr_array, sp.csr_array]:
        to_user, to_item = super()._transitions(matrix)
        return to_user, sp.csr_array(to_item * _power(matrix.sum(axis=0), -self.beta)[None])


def _power(degree: Float32Array, exponent: float) -> Float32Array:
    """Raise the degrees to a power; nodes without edges have no entries it could weigh."""
    return np.power(np.where(degree > 0, degree, 1), exponent, dtype=np.float32)


def _walks(to_user: sp.csr_array, to_item: sp.csr_array, count: int, normalise: bool) -> sp.csr_array:
    """Find the best entries of the two steps' product. Shape ``[I, I]``."""
    items = to_user.shape[0]

    def two_steps(start: int, end: int) -> sp.csr_array:
        block = to_user[start:end] @ to_item
        row = np.repeat(np.arange(start, end), np.diff(block.indptr))
        block.data[row == block.indices] = 0.0
        return block

    kept = largest(two_steps, items, count, "Walks")
    if normalise:
        row = np.repeat(np.arange(items), np.diff(kept.indptr))
        kept.data /= np.bincount(row, weights=kept.data, minlength=items)[row].astype(np.float32)
    columns = kept.T.tocsr()
    return largest(lambda start, end: columns[start:end], items, count, "Columns").T
