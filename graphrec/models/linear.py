"""The linear autoencoders EASE and EDLAE: a dense matrix of item weights in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from rich.progress import track
from torch import Tensor
from torch.nn import functional

from graphrec.arrays import Float32Array, IntArray
from graphrec.errors import InputError, check_above, check_at_least, check_share
from graphrec.graph import BipartiteGraph
from graphrec.kernels.memory import available_memory
from graphrec.kernels.sparse import SparseMatrix
from graphrec.models.answers.one_item import one_item_baskets
from graphrec.models.base import ClosedForm, Scores
from graphrec.models.neighbours import purchases

_BLOCK = 1024
_BYTES_PER_ENTRY = 4.5
"""One float32 matrix, inverted in place, and a little for the blocks it is filled from."""


class EASE(ClosedForm):
    """Embarrassingly shallow autoencoder, ``s(u, ·) = x_u B`` with ``B`` the best of zero diagonal.

    ``B = I − P diag(1 / diag P)`` with ``P = (XᵀX + λI)⁻¹`` (Steck, WWW 2019, eq. 8). Where there are fewer
    users than items the smaller ``K = XXᵀ + λI`` is inverted instead: ``XP = K⁻¹X`` and
    ``λ P_jj = 1 − x_jᵀ K⁻¹ x_j`` (Woodbury), so that ``s(u, ·) = x_u − (K⁻¹X)_u / diag P``, the same scores.
    Where edges have weights, ``X`` holds them, and ``λ`` is in their squares.

    Args:
        l2: ``λ``.
        max_items: Keep only this many items, the most bought; the others score 0. All if missing.

    Raises:
        InputError: From `fit`, before anything is allocated, if the matrix would not fit into memory.
    """

    items: Tensor
    inverse: Tensor
    scale: Tensor
    relief: Tensor
    reads_weights: ClassVar[bool] = True

    def __init__(self, l2: float = 500.0, max_items: int | None = None) -> None:
        super().__init__()
        check_above(0, l2=l2)
        check_at_least(1, max_items=1 if max_items is None else max_items)
        self.l2, self.max_items = l2, max_items

    def fit(self, graph: BipartiteGraph) -> None:
        """Invert the Gram matrix of the users or of the items, whichever is smaller."""
        matrix = self._prepare(graph)
        check_memory(graph.num_users, len(self.items), type(self).__name__)
        relief = self.relief.cpu()
        if self.by_users:
            side, penalty = sp.csr_array(matrix * relief.sqrt().numpy()[None]), torch.tensor(self.l2)
        else:
            side, penalty = sp.csr_array(matrix.T), self.l2 / relief
        self.keep("inverse", regularised_inverse(side, penalty).to(graph.edge_user.device))
        self.keep("scale", self._inverse_diagonal())
        if not self.by_users:
            self._weights_in_place()

    def restore(self, graph: BipartiteGraph, state: Mapping[str, Tensor]) -> None:
        """Take the matrix as it was, if it was small enough to be kept."""
        if not {"inverse", "scale"} <= state.keys():
            self.fit(graph)
            return
        self._prepare(graph)
        for name in ("inverse", "scale"):
            self.keep(name, state[name].to(graph.edge_user.device))

    def _prepare(self, graph: BipartiteGraph) -> sp.csr_array:
        """Keep what is known before the fit; return the interactions with the items kept. ``[U, items]``."""
        self.graph = graph
        kept = self._kept(graph)
        self.by_users = graph.num_users < len(kept)
        matrix: sp.csr_array = purchases(graph)[:, kept]
        device = graph.edge_user.device
        self.register_buffer("items", torch.from_numpy(kept).to(device), persistent=False)
        self.buyers = SparseMatrix(matrix.T).to(device)
        relief = self._relief(np.asarray(matrix.power(2).sum(axis=0)).ravel())
        self.register_buffer("relief", torch.from_numpy(relief).to(device), persistent=False)
        return matrix

    def _relief(self, squares: Float32Array) -> Float32Array:
        """Compute ``λ / Λ_jj``, by how much an item's penalty is above ``λ``. Shape ``[items]``."""
        return np.ones_like(squares)

    def _kept(self, graph: BipartiteGraph) -> IntArray:
        """Choose the codes of the items in the model, ascending."""
        count = min(self.max_items or graph.num_items, graph.num_items)
        order = np.argsort(-graph.item_degree().cpu().numpy(), kind="stable")
        return np.sort(order[:count])

    def _inverse_diagonal(self) -> Tensor:
        """Compute ``1 / P_jj``. Shape ``[items]``."""
        if not self.by_users:
            return 1.0 / self.inverse.diagonal()
        quadratic = torch.zeros(len(self.items), device=self.inverse.device)
        starts = range(0, self.graph.num_users, _BLOCK)
        for users in track(starts, "EASE: diagonal", transient=True):
            block = torch.arange(users, min(users + _BLOCK, self.graph.num_users), device=quadratic.device)
            bought = self.graph.signals(block)[:, self.items]
            quadratic += (self._smoothed(block) * bought).sum(dim=0)
        quadratic *= self.relief
        if (quadratic >= 1.0).any():
            raise _singular()
        return self.l2 / (1.0 - quadratic)

    def _weights_in_place(self) -> None:
        """Turn ``P`` into ``B``, block by block, for a second matrix may not fit."""
        for start in range(0, len(self.inverse), _BLOCK):
            self.inverse[start : start + _BLOCK].mul_(-self.scale)
        self.inverse.fill_diagonal_(0.0)

    def _smoothed(self, users: Tensor) -> Tensor:
        """Compute ``(K⁻¹X)_u``. Shape ``[B, items]``."""
        product: Tensor = self.buyers(self.inverse[users].T.contiguous())
        return product.T

    def score(self, users: Tensor) -> Tensor:
        """Multiply the user's row by ``B``. Shape ``[B, I]``."""
        if self.by_users:
            kept = self.graph.signals(users)[:, self.items] - self._smoothed(users) * self.scale
        else:
            kept = self._sum_of_weights(self.graph, users)
        return self._of_catalogue(kept)

    def fold_in(self, baskets: BipartiteGraph) -> Scores:
        """Multiply the rows of the baskets by ``B``."""
        row = self._through_users if self.by_users else self._sum_of_weights
        return lambda users: self._of_catalogue(row(baskets, users))

    def alike(self) -> Scores:
        """Take rows of the item matrix: the scores of who bought that item alone."""
        return self.fold_in(one_item_baskets(self.graph))

    def _of_catalogue(self, kept: Tensor) -> Tensor:
        """Put the scores of the items kept among those of all, which are 0. ``[B, items]`` to ``[B, I]``."""
        scores = torch.zeros(len(kept), self.graph.num_items, device=kept.device)
        return scores.index_copy_(1, self.items, kept)

    def _through_users(self, baskets: BipartiteGraph, users: Tensor) -> Tensor:
        """Compute ``x B`` of baskets ``x`` from ``K⁻¹``: ``x − (x − x Λ⁻¹ Xᵀ K⁻¹ X) / (λ diag P)``."""
        bought = baskets.signals(users)[:, self.items]
        assert self.buyers.transposed is not None
        near = self.buyers.transposed((bought * self.relief).T.contiguous())
        smoothed: Tensor = self.buyers(self.inverse @ near)
        return bought - (bought - smoothed.T) * self.scale / self.l2

    def _sum_of_weights(self, graph: BipartiteGraph, users: Tensor) -> Tensor:
        """Add up the rows of ``B`` of what the users bought. Shape ``[B, items]``."""
        signals = graph.signals(users)[:, self.items]
        rows, columns = signals.nonzero(as_tuple=True)
        offsets = torch.searchsorted(rows, torch.arange(len(users), device=rows.device))
        weights = None if graph.edge_weight is None else signals[rows, columns]
        return functional.embedding_bag(
            columns, self.inverse, offsets, mode="sum", per_sample_weights=weights
        )


class EDLAE(EASE):
    """EASE with a penalty that grows with an item's buyers, as dropout on the input would have it.

    ``B`` minimises ``‖X − XB‖² + ‖Λ^½ B‖²`` at zero diagonal, ``Λ = λI + p / (1 − p) diag(XᵀX)``. So it is
    ``I − P diag(1 / diag P)`` with ``P = (XᵀX + Λ)⁻¹`` (Steck, "Autoencoders that don't overfit towards the
    identity", NeurIPS 2020, eq. 6 and 9). ``p`` is the share of the input that dropout would leave out.

    Args:
        dropout: ``p``, from 0, which is EASE, to below 1.
        l2: ``λ``.
        max_items: Keep only this many items, the most bought; the others score 0. All if missing.

    Raises:
        InputError: From `fit`, before anything is allocated, if the matrix would not fit into memory.
    """

    reads_weights: ClassVar[bool] = True

    def __init__(self, dropout: float = 0.33, l2: float = 100.0, max_items: int | None = None) -> None:
        super().__init__(l2, max_items)
        check_share(dropout=dropout)
        self.dropout = dropout

    def _relief(self, squares: Float32Array) -> Float32Array:
        odds = np.float32(self.dropout / (1 - self.dropout))
        relief: Float32Array = np.float32(self.l2) / (np.float32(self.l2) + odds * squares)
        return relief


def regularised_inverse(matrix: sp.csr_array, l2: Tensor) -> Tensor:
    """Compute ``(A Aᵀ + Λ)⁻¹`` of a sparse ``[n, m]`` ``A``, in the memory of one matrix. ``[n, n]``.

    Args:
        matrix: ``A``.
        l2: ``Λ``: one number, or one for each row.

    Raises:
        InputError: If the matrix is not positive definite in single precision.
    """
    size, transposed = matrix.shape[0], matrix.T.tocsr()
    result = torch.empty(size, size)
    for start in track(range(0, size, _BLOCK), "EASE: Gram matrix", transient=True):
        (matrix[start : start + _BLOCK] @ transposed).toarray(out=result[start : start + _BLOCK].numpy())
    result.diagonal().add_(l2)
    invert_in_place(result)
    return result


def invert_in_place(matrix: Tensor) -> None:
    """Invert a symmetric positive definite matrix in its own memory. Shape ``[n, n]``.

    The symmetric sweep operator (Goodnight, "A tutorial on the SWEEP operator", The American Statistician
    1979) by blocks: all but the blocks of the diagonal are products, of the triangle below it only, n³
    operations in all. LAPACK's would be as many, but shows no progress, and the one in SciPy's wheels ends
    the process on matrices of some 30,000 rows.
    """
    size = len(matrix)
    for start in track(range(0, size, _BLOCK), f"EASE: inverting {size:,} x {size:,}", transient=True):
        _sweep(matrix, start, min(start + _BLOCK, size))
    matrix.neg_()
    for start in range(0, size, _BLOCK):
        end = min(start + _BLOCK, size)
        block = matrix[start:end, start:end].tril()
        matrix[start:end, start:end] = block + block.tril(-1).T
        matrix[start:end, end:] = matrix[end:, start:end].T


def _sweep(matrix: Tensor, start: int, end: int) -> None:
    """Sweep the rows `start` to `end`, reading and writing the lower triangle."""
    pivot = matrix[start:end, start:end].tril()
    pivot = pivot + pivot.tril(-1).T
    factor, info = torch.linalg.cholesky_ex(pivot.double())
    if info:
        raise _singular()
    inverse = torch.cholesky_inverse(factor).float()
    panel = torch.cat([matrix[start:end, :start].T, pivot, matrix[end:, start:end]])
    scaled = panel @ inverse
    for left in range(0, len(matrix), _BLOCK):
        right = min(left + _BLOCK, len(matrix))
        matrix[left:, left:right].addmm_(scaled[left:], panel[left:right].T, alpha=-1.0)
    matrix[start:end, :start] = scaled[:start].T
    matrix[end:, start:end] = scaled[end:]
    matrix[start:end, start:end] = -inverse


def _singular() -> InputError:
    return InputError("the Gram matrix is singular in single precision", column="l2", hint="raise it")


def check_memory(users: int, items: int, model: str = "EASE") -> None:
    """Refuse a matrix that does not fit.

    Args:
        users: Rows of the interactions.
        items: Columns of the interactions that are in the model.
        model: What the message calls it.

    Raises:
        InputError: It names the items, the memory needed and what else to do.
    """
    needed, free = _BYTES_PER_ENTRY * min(users, items) ** 2, available_memory()
    if needed <= free:
        return
    fitting = int((free / _BYTES_PER_ENTRY) ** 0.5)
    raise InputError(
        f"{model} on {items:,} items and {users:,} users needs {needed / 1e9:.1f} GB of memory for its "
        f"matrix and {free / 1e9:.1f} GB are free",
        column="max_items",
        hint=f"set max_items: {fitting}, or take RP3beta, which stays sparse",
    )
