"""The leading eigenvectors of the item graph, by randomised subspace iteration with a stated error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from graphrec.kernels.sparse import SparseMatrix

_SAFE_PIVOT = 5e-3
"""Smallest ratio of pivots at which a Cholesky factor of a float32 Gram matrix is still trusted."""
_SMALLEST_BOUND = 1e-2
"""Floor of the damped interval, as a part of the largest eigenvalue; keeps the polynomial in range."""


class Decomposition(NamedTuple):
    """The largest eigenvalues of ``P = R̃ᵀR̃`` and their vectors, with what they lack.

    Args:
        values: Eigenvalues ``λ``, the largest first, in ``[0, 1]``. Shape ``[K]``.
        vectors: Orthonormal columns ``V``. Shape ``[I, K]``.
        relative_error: ``‖P V − V Λ‖_F / ‖Λ‖_F``, computed from the answer (a posteriori). Each ``λ`` is at
            most as far from an eigenvalue of ``P`` as its column of the residual is long.
    """

    values: Tensor
    vectors: Tensor
    relative_error: float


@torch.no_grad()
def decompose(
    matrix: SparseMatrix, rank: int, oversampling: int = 32, iterations: int = 3, seed: int = 0
) -> Decomposition:
    """Find the `rank` leading eigenpairs of ``R̃ᵀR̃``, the squares of the singular values of ``R̃``.

    Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review 2011, alg. 4.4, with the
    power replaced by the Chebyshev polynomial ``2x² − 1`` over the interval to be damped (Zhou et al., J.
    Comput. Phys. 2006), which separates the close eigenvalues at the cut several times as fast. A matrix
    whose smaller side is not above ``rank + oversampling`` is decomposed without approximation.

    Args:
        matrix: ``R̃ [U, I]``, no singular value above 1.
        rank: Eigenpairs ``K`` to return; at most ``min(U, I)`` are.
        oversampling: Further columns that are iterated and then dropped.
        iterations: Rounds of two products with ``P`` and one orthonormalisation; 0 for none.
        seed: Of the random start, drawn on the CPU so that all devices begin alike.
    """
    smaller = min(matrix.rows, matrix.columns)
    rank = min(rank, smaller)
    if rank + oversampling >= smaller:
        return _dense(matrix, rank)
    generator = torch.Generator().manual_seed(seed)
    basis = torch.randn(matrix.columns, rank + oversampling, generator=generator).to(matrix.values.device)
    basis = _orthonormal(square(matrix, basis))
    # a line of text: in a notebook rich's own form leaves a warning about ipywidgets in the cell
    console = Console(stderr=True, force_jupyter=False)
    for _ in track(range(iterations), "Decomposition", console=console, transient=True):
        basis = _orthonormal(_amplify(matrix, basis))
    return _rayleigh_ritz(matrix, _orthonormal(basis), rank)


def rank_for(rank: int | None, rows: int, columns: int) -> int:
    """Limit a rank to what a matrix has; None is a sixty-fourth of its smaller side, from 64 to 512."""
    smaller = min(rows, columns)
    return min(min(max(smaller // 64, 64), 512) if rank is None else rank, smaller)


def square(matrix: SparseMatrix, x: Tensor) -> Tensor:
    """Compute ``R̃ᵀ(R̃ x)``. Shape ``[I, D]`` to ``[I, D]``."""
    product: Tensor = (matrix.transposed or matrix)(matrix(x))
    return product


def _amplify(matrix: SparseMatrix, basis: Tensor) -> Tensor:
    """Compute ``T₂(2P/b − 1) Q``, ``b`` being the smallest Ritz value: what lies below stays within ±1."""
    once = square(matrix, basis)
    ritz = torch.linalg.eigvalsh((basis.T @ once).double())
    bound = float(ritz[0].clamp_min(_SMALLEST_BOUND * ritz[-1]))
    return square(matrix, once).mul_(8 / bound**2).add_(once, alpha=-8 / bound).add_(basis)


def _orthonormal(x: Tensor) -> Tensor:
    """Find an orthonormal basis of the columns, by Cholesky where it is safe: ten times as fast as QR."""
    factor, failed = torch.linalg.cholesky_ex((x.T @ x).double())
    pivots = factor.diagonal()
    if failed or pivots.min() < _SAFE_PIVOT * pivots.max():
        basis: Tensor = torch.linalg.qr(x).Q
    else:
        basis = x @ torch.linalg.inv(factor).T.to(x.dtype)
    return basis


def _rayleigh_ritz(matrix: SparseMatrix, basis: Tensor, rank: int) -> Decomposition:
    product = square(matrix, basis)
    values, rotation = torch.linalg.eigh((basis.T @ product).double())
    values = values.flip(0)[:rank].clamp(0, 1).to(basis.dtype)
    rotation = rotation.flip(1)[:, :rank].to(basis.dtype).contiguous()
    vectors = basis @ rotation
    residual = product @ rotation - vectors * values
    return Decomposition(values, vectors, float(residual.norm() / values.norm().clamp_min(1e-12)))


def _dense(matrix: SparseMatrix, rank: int) -> Decomposition:
    """Find all singular vectors in float64; the error left is that of their rounding to float32."""
    dense = matrix(torch.eye(matrix.columns, device=matrix.values.device)).double()
    _, singular, right = torch.linalg.svd(dense, full_matrices=False)
    values, vectors = singular[:rank].square(), right[:rank].T
    residual = dense.T @ (dense @ vectors.float().double()) - vectors * values
    error = float(residual.norm() / values.norm().clamp_min(1e-12))
    return Decomposition(values.clamp(0, 1).float(), vectors.float().contiguous(), error)


def largest_singular_value(matrix: sp.csr_array) -> float:
    """Find it by Lanczos from near the answer, so that every run finds the same; 1 for no entries."""
    if min(matrix.shape) < 3 or not matrix.nnz:
        return float(np.linalg.norm(matrix.toarray(), 2)) or 1.0
    start = np.ones(min(matrix.shape))
    return float(sp.linalg.svds(matrix, k=1, v0=start, return_singular_vectors=False)[0])
