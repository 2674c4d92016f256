"""The rows of a product that a batch needs, and what their gradient gives to all rows."""

from __future__ import annotations

import torch
from torch import Tensor

from graphrec.kernels.csr import Csr
from graphrec.kernels.sparse import SparseMatrix


class Slice:
    """The rows ``P_S A`` cut out of the matrix, and ``A P_Sᵀ`` for the gradient; on the CPU.

    What is transposed is transposed at once, while the cache still holds it. A thread that did so beside the
    forward pass would wait for those of OpenMP, which do not sleep between two operations.

    Args:
        csr: ``P_S A``, just taken out of the matrix.
        has_gradient: Whether `backward` will be asked for.
    """

    def __init__(self, csr: Csr, has_gradient: bool) -> None:
        self.csr = csr
        self.transposed = self.csr.transpose() if has_gradient else None

    def forward(self, x: Tensor) -> Tensor:
        """Compute ``P_S A x``."""
        return self.csr.product(x)

    def backward(self, gradient: Tensor) -> Tensor:
        """Compute ``A P_Sᵀ g``."""
        assert self.transposed is not None
        return self.transposed.product(gradient)


class Whole:
    """The same without cutting: for a GPU, and where the batch touches most of the graph anyway."""

    def __init__(self, csr: Csr, rows: Tensor) -> None:
        self.csr, self.rows = csr, rows

    def forward(self, x: Tensor) -> Tensor:
        """Compute ``P_S (A x)``."""
        return self.csr.whole_product(x)[self.rows]

    def backward(self, gradient: Tensor) -> Tensor:
        """Compute ``A (P_Sᵀ g)``."""
        spread = gradient.new_zeros(len(self.csr.crow) - 1, gradient.shape[1])
        return self.csr.whole_product(spread.index_add_(0, self.rows, gradient))


def rows_of(matrix: SparseMatrix, rows: Tensor, storage: torch.dtype, has_gradient: bool) -> Slice | Whole:
    """Choose a cut where it pays: cutting and transposing cost about as much as the product they save."""
    csr = matrix.csr()
    if csr.values.device.type == "cpu":
        starts = csr.starts(rows)
        if 2 * starts[-1] < len(csr.col):
            return Slice(csr.take(rows, starts), has_gradient)  # in float32: SciPy knows no bfloat16
    return Whole(matrix.csr(storage), rows)
