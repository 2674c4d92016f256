"""SLIM: sparse, non-negative weights between items, each column an elastic net of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from rich.progress import track
from torch import Tensor

from graphrec.arrays import IntArray
from graphrec.errors import MOST_ROUNDS, check_above, check_at_least, check_between
from graphrec.graph import BipartiteGraph
from graphrec.models.neighbours import ItemSimilarity, cosines, purchases

CommonBuyers: TypeAlias = Callable[[IntArray, int], tuple[Tensor, Tensor]]
"""Common buyers of some items with each other ``[K, K]``, and with one more ``[K]``."""

_BLOCK_BYTES = 64 << 20
"""Of the Gram matrices that are solved together."""
_MOST_ITEMS = 12_000
"""Of which the common buyers of all pairs are counted at once, in 600 MB."""


class SLIM(ItemSimilarity):
    """Sparse linear method, ``s(u, ·) = x_u W`` with the best non-negative ``W`` of zero diagonal.

    Column ``j`` minimises ``½‖x_j − X w‖² + ½ l2 ‖w‖² + l1 ‖w‖₁`` with ``w ≥ 0`` and ``w_j = 0`` (Ning and
    Karypis, ICDM 2011, eq. 3). Only the items most similar to ``j`` may have a weight: the paper's fsSLIM,
    sec. V-D. Coordinate descent solves the columns of a block at once, on their Gram matrices. It takes a
    fraction of the time of a library's elastic net, which goes through the users again in each round. Where
    edges have weights, ``X`` holds them, and `l1` and `l2` are in their squares.

    Args:
        neighbours: Items, by cosine, that may have a weight in a column.
        l1: Weight of the sum of the weights; the larger, the fewer stay.
        l2: Weight of half their squares.
        rounds: Of coordinate descent at most.
        tolerance: Largest change of a weight in the last round.
    """

    reads_weights: ClassVar[bool] = True

    def __init__(
        self,
        neighbours: int = 100,
        l1: float = 0.5,
        l2: float = 50.0,
        rounds: int = 100,
        tolerance: float = 1e-4,
    ) -> None:
        super().__init__()
        check_at_least(1, neighbours=neighbours)
        check_at_least(0, l1=l1, l2=l2)
        check_between(1, MOST_ROUNDS, rounds=rounds)
        check_above(0, tolerance=tolerance)
        self.neighbours, self.l1, self.l2 = neighbours, l1, l2
        self.rounds, self.tolerance = rounds, tolerance

    def fit(self, graph: BipartiteGraph) -> None:
        """Solve the columns, a block of items at a time, in several threads."""
        matrix = purchases(graph)
        gram = _common_buyers(matrix)
        near = cosines(matrix.T.tocsr(), self.neighbours, 0.0, "SLIM: similar items")
        width = int(np.diff(near.indptr).max(initial=1))
        size = max(_BLOCK_BYTES // (4 * width * width), 1)

        def block(start: int) -> sp.coo_array:
            rows = near[start : start + size]
            return self._columns(gram, rows, np.arange(start, start + rows.shape[0]))

        starts = range(0, graph.num_items, size)
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            blocks = track(pool.map(block, starts), "SLIM: weights", total=len(starts), transient=True)
            weights = sp.csr_array(sp.hstack(list(blocks)), dtype=np.float32)
        self._keep(graph, matrix, weights)

    def _columns(self, common: CommonBuyers, near: sp.csr_array, items: IntArray) -> sp.coo_array:
        """Solve the columns of some items, whose candidates are the rows of `near`. ``[I, len(items)]``."""
        sizes = np.diff(near.indptr)
        width = int(sizes.max(initial=0))
        gram = torch.eye(width).repeat(len(items), 1, 1)  # of what is padded, which keeps no weight
        target = torch.zeros(len(items), width)
        for place, (item, size, end) in enumerate(zip(items, sizes, near.indptr[1:], strict=True)):
            some = near.indices[end - size : end]
            gram[place, :size, :size], target[place, :size] = common(some, item)
        weights = elastic_net(gram, target, self.l1, self.l2, self.rounds, self.tolerance).numpy()
        column = np.repeat(np.arange(len(items)), sizes)
        entries = weights[column, np.arange(near.nnz) - np.repeat(near.indptr[:-1], sizes)]
        found = sp.coo_array((entries, (near.indices, column)), shape=(near.shape[1], len(items)))
        found.eliminate_zeros()
        return found


def _common_buyers(matrix: sp.csr_array) -> CommonBuyers:
    """Make what counts the common buyers of some items with each other, and with one more.

    It reads them off one matrix where that is small, else it multiplies the few columns.
    """
    columns = sp.csc_array(matrix)
    if matrix.shape[1] <= _MOST_ITEMS:
        whole = torch.from_numpy((columns.T @ matrix).toarray())

        def read(some: IntArray, item: int) -> tuple[Tensor, Tensor]:
            codes = torch.from_numpy(some).long()
            return whole[codes].index_select(1, codes), whole[item].index_select(0, codes)

        return read

    def multiply(some: IntArray, item: int) -> tuple[Tensor, Tensor]:
        part = columns[:, some]
        both = part.T @ sp.hstack([part, columns[:, [item]]], format="csr")
        dense = torch.from_numpy(both.toarray())
        return dense[:, :-1], dense[:, -1]

    return multiply


def elastic_net(gram: Tensor, target: Tensor, l1: float, l2: float, rounds: int, tolerance: float) -> Tensor:
    """Minimise ``½ wᵀGw − gᵀw + ½ l2 ‖w‖² + l1 Σ w`` over ``w ≥ 0``, several problems at once.

    Cyclic coordinate descent (Friedman, Hastie and Tibshirani, J. Stat. Softw. 2010, sec. 2.2).

    Args:
        gram: ``G``, of positive diagonal. Shape ``[n, K, K]``.
        target: ``g``. Shape ``[n, K]``.
        l1: Weight of the sum.
        l2: Weight of half the squares.
        rounds: At most.
        tolerance: Largest change in the last round.

    Returns:
        Shape ``[n, K]``.
    """
    weights, left = torch.zeros_like(target), target.clone()  # left: g − Gw
    diagonal = gram.diagonal(dim1=1, dim2=2).clone()
    for _ in range(rounds):
        before = weights.clone()
        for place in range(target.shape[1]):
            own = diagonal[:, place]
            new = (left[:, place] + own * weights[:, place] - l1).clamp_min(0) / (own + l2)
            left.addcmul_((weights[:, place] - new)[:, None], gram[:, place])
            weights[:, place] = new
        if not weights.numel() or float((weights - before).abs().max()) <= tolerance:
            break
    return weights
