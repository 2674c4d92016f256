"""The one hot kernel: the product of a constant sparse matrix with dense vectors, and its gradient.

A product is bound by reading rows of ``x`` in random order. So on the CPU it goes through ``embedding_bag``,
whose gather prefetches, and over a few cache lines of each row at a time, so that the table fits the cache
more often; on a GPU it is the CSR product of cuSPARSE. experiments/benchmarks/propagation.py measures it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.nn import functional

BLOCK_BYTES = 256
"""Width of one pass: wider ones leave the cache, narrower ones cost more in copies than they save."""

_SPLITS = 64  # places at which rows may be halved
_ROW_COST = 8  # of writing a row, in entries that are read


class Csr(NamedTuple):
    """A sparse matrix by rows: ``crow [rows + 1]``, ``col [E]``, both int32, and ``values [E]``."""

    crow: Tensor
    col: Tensor
    values: Tensor
    columns: int

    def tensor(self) -> Tensor:
        """The view that torch's own products take. Shape ``[rows, columns]``."""
        size = (len(self.crow) - 1, self.columns)
        return torch.sparse_csr_tensor(self.crow, self.col, self.values, size, check_invariants=False)

    def product(self, x: Tensor, even: bool = False) -> Tensor:
        """Product with ``x`` of shape ``[columns, D]`` in one pass. Shape ``[rows, D]``, no gradient.

        Args:
            x: Dense vectors.
            even: Share out the work evenly, at the price of empty rows in memory; pays for few long rows.
        """
        if not len(self.col):
            return x.new_zeros(len(self.crow) - 1, x.shape[1])
        if x.device.type != "cpu":
            return self.tensor() @ x
        before, behind = self._empty_rows() if even else (0, 0)
        crow = self.crow
        if before or behind:
            crow = torch.cat([crow[:1].expand(before), crow, crow[-1:].expand(behind)])
        result = functional.embedding_bag(
            self.col,
            x.detach().contiguous(),
            crow,
            mode="sum",
            per_sample_weights=self.values.to(x.dtype),
            include_last_offset=True,
        )
        return result[before : len(result) - behind]

    def _empty_rows(self) -> tuple[int, int]:
        """Empty rows to put before and behind, so that each of two threads has as much to do.

        A gather gives each half of the rows, however long they are: of the nodes of a batch, users first and
        popular items next, the first half may have three quarters of the entries. More threads take none.
        """
        rows = len(self.crow) - 1
        if torch.get_num_threads() != 2 or rows < _SPLITS:
            return 0, 0
        split = np.arange(_SPLITS + 1) * rows // _SPLITS
        entries = self.crow.numpy()[split].astype(np.int64)
        cost = np.maximum(entries, entries[-1] - entries) + _ROW_COST * np.maximum(split, rows - split)
        missing = rows - 2 * int(split[cost.argmin()])
        return max(missing, 0), max(-missing, 0)

    def blocked_product(self, x: Tensor) -> Tensor:
        """The same in as many passes as suit the cache."""
        passes = list(blocks(x, x.dtype))
        if len(passes) == 1:
            return self.product(x)
        result = x.new_empty(len(self.crow) - 1, x.shape[1])
        for columns in passes:
            result[:, columns] = self.product(x[:, columns])
        return result

    def entries(self, rows: Tensor) -> int:
        """Number of entries in some rows."""
        return int((self.crow[rows + 1] - self.crow[rows]).sum())

    def take(self, rows: Tensor) -> Csr:
        """Some rows; on the CPU, SciPy copies them ten times as fast as torch gathers them."""
        if self.values.device.type != "cpu":
            start, counts = self.crow[rows], self.crow[rows + 1] - self.crow[rows]
            crow = functional.pad(counts.cumsum(0, dtype=self.crow.dtype), (1, 0))
            places = torch.repeat_interleave(start - crow[:-1], counts)
            places += torch.arange(len(places), device=places.device, dtype=places.dtype)
            return Csr(crow, self.col[places], self.values[places], self.columns)
        return self._of(self.scipy()[rows.numpy()], self.columns)

    def transpose(self) -> Csr:
        """The transposed matrix."""
        if self.values.device.type != "cpu":
            other = self.tensor().to_sparse_csc()
            return Csr(other.ccol_indices(), other.row_indices(), other.values(), len(self.crow) - 1)
        return self._of(self.scipy().tocsc(), len(self.crow) - 1)

    def scipy(self) -> sp.csr_array:
        """SciPy's view; on the CPU, without a copy."""
        parts = tuple(part.cpu().numpy() for part in (self.values, self.col, self.crow))
        return sp.csr_array(parts, shape=(len(self.crow) - 1, self.columns))

    @staticmethod
    def _of(matrix: sp.csr_array | sp.csc_array, columns: int) -> Csr:
        crow, col = (
            torch.from_numpy(a.astype(np.int32, copy=False)) for a in (matrix.indptr, matrix.indices)
        )
        return Csr(crow, col, torch.from_numpy(matrix.data), columns)


class SparseMatrix(nn.Module):
    """A constant sparse matrix in CSR with int32 indices, as three plain buffers.

    A CSR tensor as a buffer would break ``deepcopy`` and distributed training; three dense buffers do not,
    and the view is built on use at no cost.

    Args:
        matrix: Any SciPy sparse matrix, shape ``[rows, columns]``, fewer than 2³¹ entries.
        symmetric: Promise that the matrix equals its transpose, which saves storing it twice.
    """

    crow: Tensor
    col: Tensor
    values: Tensor

    def __init__(self, matrix: sp.spmatrix | sp.sparray, symmetric: bool = False) -> None:
        super().__init__()
        csr = sp.csr_array(matrix)
        csr.sort_indices()
        self.rows, self.columns = csr.shape
        for name, array in (("crow", csr.indptr), ("col", csr.indices)):
            self.register_buffer(name, torch.from_numpy(array.astype(np.int32, copy=False)), persistent=False)
        values = torch.from_numpy(csr.data.astype(np.float32, copy=False))
        self.register_buffer("values", values, persistent=False)
        self._stored: Tensor | None = None
        self.transposed = None if symmetric else SparseMatrix(csr.T, symmetric=True)

    def csr(self, storage: torch.dtype = torch.float32) -> Csr:
        """The three arrays; values of another type than float32 are made once and kept."""
        if storage == self.values.dtype:
            return Csr(self.crow, self.col, self.values, self.columns)
        if self._stored is None or self._stored.dtype != storage or self._stored.device != self.values.device:
            self._stored = self.values.to(storage)
        return Csr(self.crow, self.col, self._stored, self.columns)

    def tensor(self) -> Tensor:
        """The CSR view, shape ``[rows, columns]``."""
        return self.csr().tensor()

    def forward(self, x: Tensor) -> Tensor:
        """Differentiable product with a dense ``x`` of shape ``[columns, D]``."""
        product: Tensor = _Product.apply(x, self)  # type: ignore[no-untyped-call]
        return product

    def extra_repr(self) -> str:
        """Shape and number of entries."""
        return f"{self.rows} x {self.columns}, {len(self.values)} entries"


class _Product(torch.autograd.Function):
    """``A x`` with gradient ``Aᵀ g``; for a symmetric matrix both use the same rows."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: SparseMatrix) -> Tensor:
        """Multiply; nothing but a reference to the matrix is kept."""
        ctx.matrix = matrix
        return matrix.csr().blocked_product(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        """Multiply the gradient with the transposed matrix."""
        return (ctx.matrix.transposed or ctx.matrix).csr().blocked_product(gradients[0]), None


def blocks(x: Tensor, storage: torch.dtype) -> Iterator[slice]:
    """The columns of ``x`` in passes: of `BLOCK_BYTES` on the CPU for its cache, all at once on a GPU."""
    width = BLOCK_BYTES // storage.itemsize if x.device.type == "cpu" else max(x.shape[1], 1)
    return (slice(start, start + width) for start in range(0, x.shape[1], width))
