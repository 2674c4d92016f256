"""SGFCF: leading singular vectors under a filter of its own for each user and item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from rich.progress import track
from torch import Tensor

from graphrec.arrays import Float32Array, FloatArray
from graphrec.errors import MOST_ROUNDS, check_at_least, check_between, check_seed
from graphrec.graph import BipartiteGraph
from graphrec.kernels.eigenvectors import decompose, square
from graphrec.kernels.sparse import SparseMatrix
from graphrec.models.base import ClosedForm, Scores
from graphrec.models.neighbours import purchases

_BLOCK = 512
_DENSE = 0.02
"""Share of marked pairs above which a dense product takes less time."""
_MOST_COLUMNS = 16_384
"""Of a dense matrix, which then takes 1 GB."""
_BUFFERS = ("user_factor", "item_factor", "sums")


class SGFCF(ClosedForm):
    """Simplified graph filter with generalised normalisation and a power of its own for each node.

    ``R̃ = (D_U + shift)^-ε R (D_I + shift)^-ε`` has the leading singular values ``σ_k``, divided by the
    largest, with vectors ``P`` and ``Q``. Then ``A_ui = Σ_k P_uk σ_k^β_u σ_k^β_i Q_ik`` and a score is ``A_ui
    / Σ_j A_uj + γ B_ui / Σ_j B_uj`` with ``B = R̃R̃ᵀR̃`` (Peng, Liu, Sugiyama and Mine, "How powerful is graph
    filtering for recommendation", KDD 2024, sec. 4, and their program).

    ``β`` grows on a line from the least to the greatest homophily. That of a user is the share of pairs of
    the items bought that somebody else bought together; that of an item likewise over its buyers. Where edges
    have weights, relative to their mean, ``R`` holds them and ``D`` their sums; homophily counts edges.

    Args:
        rank: Singular vectors to keep; at most as many as there are users or items.
        beta: ``β`` of the least and of the greatest homophily, of users and of items. Two alike are one
            filter for all nodes, and nothing has to be counted.
        epsilon: Exponent ``ε`` of the degrees.
        shift: What is added to the degrees.
        gamma: Weight ``γ`` of the unfiltered three steps.
        iterations: Rounds of the randomised decomposition.
        seed: Of its random start.
    """

    user_factor: Tensor
    item_factor: Tensor
    sums: Tensor
    reads_weights: ClassVar[bool] = True

    def __init__(
        self,
        rank: int = 256,
        beta: tuple[float, float] = (1.0, 1.0),
        epsilon: float = 0.35,
        shift: float = 0.0,
        gamma: float = 0.5,
        iterations: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_at_least(1, rank=rank)
        check_at_least(0, beta=min(beta), epsilon=epsilon, shift=shift, gamma=gamma)
        check_at_least(0, beta=max(beta))
        check_between(0, MOST_ROUNDS, iterations=iterations)
        check_seed(seed=seed)
        self.rank, self.beta, self.epsilon, self.shift = rank, beta, epsilon, shift
        self.gamma, self.iterations, self.seed = gamma, iterations, seed

    @torch.no_grad()
    def fit(self, graph: BipartiteGraph) -> None:
        """Decompose the matrix, measure homophily, and compute the factors of the scores."""
        self._prepare(graph)
        device = graph.edge_user.device
        values, vectors, relative = self._spectrum()
        left = self.matrix(vectors) / values
        buys = sp.csr_array(purchases(graph) > 0, dtype=np.float32)
        for name, side, part in (("user_factor", buys, left), ("item_factor", buys.T.tocsr(), vectors)):
            exponent = torch.from_numpy(self._exponents(side, side)).to(device)
            self.keep(name, part * relative ** exponent[:, None])
        self.keep("sums", self._sums(self.user_factor, self.matrix))

    def _spectrum(self) -> tuple[Tensor, Tensor, Tensor]:
        """Find singular values, the items' vectors, and the values relative to the largest."""
        found = decompose(self.matrix, self.rank, iterations=self.iterations, seed=self.seed)
        values = found.values.clamp_min(0).sqrt()
        largest = values.sum() if len(values) < 2 else values[0]  # there is none in an empty graph
        kept = values > 1e-6 * largest
        return values[kept], found.vectors[:, kept], values[kept] / largest

    def restore(self, graph: BipartiteGraph, state: Mapping[str, Tensor]) -> None:
        """Take the factors as they were, if they were small enough to be kept."""
        if not set(_BUFFERS) <= state.keys():
            self.fit(graph)
            return
        self._prepare(graph)
        for name in _BUFFERS:
            self.keep(name, state[name].to(graph.edge_user.device))

    def _prepare(self, graph: BipartiteGraph) -> None:
        self.graph = graph
        matrix = purchases(graph)
        matrix.data = graph.relative().cpu().numpy()  # in the order of the edges
        scaled = self._scaled(matrix, matrix)
        bound = np.sqrt(scaled.sum(axis=0).max(initial=0) * scaled.sum(axis=1).max(initial=0)) or 1.0
        self._bound = float(bound)
        self.matrix = SparseMatrix(sp.csr_array(scaled / bound, dtype=np.float32)).to(graph.edge_user.device)

    def _scaled(self, matrix: sp.csr_array, train: sp.csr_array) -> sp.csr_array:
        """Divide rows by powers of their own sums, and columns by those of the sums in training."""
        sums = (matrix.sum(axis=1, dtype=np.float64), train.sum(axis=0, dtype=np.float64))
        user, item = (np.where(one > 0, one, 1) + self.shift for one in sums)
        return sp.csr_array(matrix * (user**-self.epsilon)[:, None] * (item**-self.epsilon)[None])

    def _exponents(self, matrix: sp.csr_array, train: sp.csr_array) -> Float32Array:
        """Map the homophily of rows to exponents, on the line that the rows of training span.

        The first exponent is for all if homophily is the same everywhere.
        """
        first, last = self.beta
        if first == last:
            return np.full(matrix.shape[0], first, dtype=np.float32)
        ratio = homophily(matrix, train)
        known = ratio if matrix is train else homophily(train, train)
        span = np.ptp(known) or 1.0
        place = np.clip((ratio - known.min()) / span, 0, 1)
        exponents: Float32Array = (first + (last - first) * place).astype(np.float32)
        return exponents

    def _sums(self, factor: Tensor, matrix: SparseMatrix) -> Tensor:
        """Compute ``Σ_j A_uj`` and ``Σ_j B_uj`` of each user of a matrix. Shape ``[U, 2]``."""
        filtered = factor @ self.item_factor.sum(dim=0)
        ones = torch.ones(self.graph.num_items, 1, device=filtered.device)
        steps = matrix(square(self.matrix, ones))[:, 0]
        return torch.stack([filtered, steps], dim=1)

    @torch.no_grad()
    def score(self, users: Tensor) -> Tensor:
        """Filter the signals of these users. Shape ``[B, I]``."""
        return self._filtered(users, self.graph, self.user_factor, self.matrix, self.sums)

    @torch.no_grad()
    def fold_in(self, baskets: BipartiteGraph) -> Scores:
        """Filter the signals of the baskets; the matrix is decomposed again, which gives what meets them."""
        train, rows = purchases(self.graph), purchases(baskets)
        train.data, rows.data = (one.relative().cpu().numpy() for one in (self.graph, baskets))
        scaled = sp.csr_array(self._scaled(rows, train) / self._bound, dtype=np.float32)
        matrix = SparseMatrix(scaled).to(self.item_factor.device)
        values, vectors, relative = self._spectrum()
        exponent = self._exponents(*(sp.csr_array(one > 0, dtype=np.float32) for one in (rows, train)))
        power = relative ** torch.from_numpy(exponent).to(relative)[:, None]
        factor = matrix(vectors) / values * power
        sums = self._sums(factor, matrix)
        return lambda users: self._filtered(users, baskets, factor, matrix, sums)

    @torch.no_grad()
    def _filtered(
        self, users: Tensor, graph: BipartiteGraph, factor: Tensor, matrix: SparseMatrix, sums: Tensor
    ) -> Tensor:
        """Filter the signals of users of a graph, whose matrix and factor are given. Shape ``[B, I]``."""
        filtered, steps = sums[users, :1], sums[users, 1:]
        scores = factor[users] @ self.item_factor.T / _divisor(filtered)
        signal = torch.zeros(self.graph.num_items, len(users), device=users.device)
        rows, edges = graph.seen.places(users)
        # the same order of edges: both go user by user, then by item
        signal[graph.edge_item[edges], rows] = matrix.values[edges]
        return scores.add_(square(self.matrix, signal).T / _divisor(steps), alpha=self.gamma)


def _divisor(sums: Tensor) -> Tensor:
    """Give 1 for a sum of 0, that of a user without edges."""
    return torch.where(sums == 0, torch.ones_like(sums), sums)


def homophily(matrix: sp.csr_array, train: sp.csr_array) -> FloatArray:
    """Find for each row the share of pairs of its columns that are in two rows of training; 0 without pairs.

    Args:
        matrix: Entries 1. Shape ``[rows, columns]``.
        train: Whose rows count, entries 1. Shape ``[others, columns]``.

    Returns:
        From 0 to 1. Shape ``[rows]``.
    """
    together = _twice(train.T.tocsr())
    columns = matrix.shape[1]
    if together.nnz > _DENSE * columns**2 and columns <= _MOST_COLUMNS:
        joint = _joint(matrix, together.toarray())
    else:
        joint = _joint(matrix, together)
    size = np.diff(matrix.indptr).astype(np.float64)
    shares: FloatArray = joint / np.maximum(size * (size - 1), 1)
    return shares


def _joint(matrix: sp.csr_array, together: sp.csr_array | Float32Array) -> FloatArray:
    """Count the marked pairs of each row's columns. Shape ``[rows]``."""
    joint = np.zeros(matrix.shape[0])
    for start in track(range(0, matrix.shape[0], _BLOCK), "SGFCF: homophily", transient=True):
        block = matrix[start : start + _BLOCK]
        some = block if sp.issparse(together) else block.toarray()
        joint[start : start + _BLOCK] = (some @ together * some).sum(axis=1)
    return joint


def _twice(matrix: sp.csr_array) -> sp.csr_array:
    """Mark the pairs of different rows that have two columns or more in common. Shape ``[rows, rows]``."""
    transposed, blocks = matrix.T.tocsr(), []
    for start in range(0, matrix.shape[0], _BLOCK):
        block = sp.coo_array(matrix[start : start + _BLOCK] @ transposed)
        kept = (block.data >= 2) & (block.row + start != block.col)
        ones = np.ones(int(kept.sum()), dtype=np.float32)
        blocks.append(sp.csr_array((ones, (block.row[kept], block.col[kept])), shape=block.shape))
    return sp.csr_array(sp.vstack(blocks))
