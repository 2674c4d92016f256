"""A Chebyshev series of the item graph, applied to columns without the graph itself."""

from __future__ import annotations

import torch
from torch import Tensor

from graphrec.kernels.eigenvectors import square
from graphrec.kernels.sparse import SparseMatrix


def apply(matrix: SparseMatrix, coefficients: list[float], x: Tensor) -> Tensor:
    """Compute ``f(P) x`` for a Chebyshev series ``f`` on ``[0, 1]`` by Clenshaw's recurrence. ``[I, D]``.

    Args:
        matrix: ``R̃``, of which ``P = R̃ᵀR̃``.
        coefficients: Of ``T_n(2λ − 1)``, the constant first; each but that costs one product with ``P``.
        x: Dense columns.
    """
    last, before = torch.zeros_like(x), torch.zeros_like(x)
    for place, coefficient in reversed(list(enumerate(coefficients))):
        turned = 2 * square(matrix, last) - last if last.any() else last
        factor = 2 if place else 1
        last, before = torch.add(factor * turned, x, alpha=float(coefficient)).sub_(before), last
    return last
