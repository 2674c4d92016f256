"""The one hot kernel: the product of a sparse matrix, three plain arrays, with dense vectors.

A product is bound by reading rows of ``x`` in random order. So on the CPU it goes through ``embedding_bag``,
whose gather prefetches. It takes a few cache lines of each row at a time, so that the table fits the cache
more often. A large matrix is taken some rows at a time. On a GPU a product is that of cuSPARSE.
experiments/benchmarks/propagation.py and growth.py measure it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn import functional

from graphrec.kernels.memory import is_large
from graphrec.kernels.private import coo_to_csr, csr_rows, csr_transposed

# torch tells it to every script and notebook, at its first product
warnings.filterwarnings("ignore", ".*Sparse CSR tensor support is in beta.*")

BLOCK_BYTES = 256
"""Width of one pass: wider ones leave the cache, narrower ones cost more in copies than they save."""

_ROWS, _ENTRIES = 1 << 15, 1 << 20
"""Of a large matrix at a time. Twice or half of either takes about as long."""


class Csr(NamedTuple):
    """A sparse matrix by rows: ``crow [rows + 1]``, ``col [E]``, both int32, and ``values [E]``."""

    crow: Tensor
    col: Tensor
    values: Tensor
    columns: int

    @classmethod
    def of_entries(cls, rows: Tensor, columns: Tensor, values: Tensor, size: tuple[int, int]) -> Csr:
        """Build it from entries in any order, of which several may be of one place; on the CPU.

        Args:
            rows: Row of each entry. Shape ``[E]``.
            columns: Its column. Shape ``[E]``.
            values: Its value. Shape ``[E]``.
            size: Rows and columns of the matrix.
        """
        entries = (rows.numpy().astype(np.int32), columns.numpy().astype(np.int32), values.numpy())
        return cls._of(*coo_to_csr(*entries, size), size[1])

    def tensor(self) -> Tensor:
        """Make the view that torch's own products take. Shape ``[rows, columns]``."""
        size = (len(self.crow) - 1, self.columns)
        return torch.sparse_csr_tensor(self.crow, self.col, self.values, size, check_invariants=False)

    def product(self, x: Tensor) -> Tensor:
        """Multiply by ``x`` of shape ``[columns, D]`` in one pass. Shape ``[rows, D]``, no gradient."""
        if not len(self.col):
            return x.new_zeros(len(self.crow) - 1, x.shape[1])
        if x.device.type != "cpu":
            return self.tensor() @ x
        product: Tensor = torch.embedding_bag(  # what functional.embedding_bag calls, after checks
            x.detach().contiguous(),
            self.col,
            self.crow,
            mode=0,  # sum
            per_sample_weights=self.values.to(x.dtype),
            include_last_offset=True,
        )[0]
        return product

    def whole_product(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """Do the same for a matrix of many rows, as suits the memory. Shape ``[rows, D]``, no gradient.

        A table of a size that malloc keeps is made in one pass, which spares a copy.

        Args:
            x: Dense vectors.
            out: Where the result is put, of any floating type; a new tensor if missing.
        """
        if x.is_cpu and is_large(len(self.crow) - 1, x.shape[1], x.dtype):
            return self.product_in_parts(x, out)
        result = self.product(x)
        return result if out is None else out.copy_(result)

    def product_in_parts(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """Do the same some rows at a time, on the CPU.

        Threads get half of the rows each, and rows are not equally long: in parts they wait less for each
        other. In an adjacency both read the vectors of the same side meanwhile. What a part gives is still
        in the cache when it is copied on.
        """
        out = x.new_empty(len(self.crow) - 1, x.shape[1]) if out is None else out
        x, values = x.detach().contiguous(), self.values.to(x.dtype)
        crow = self.crow.numpy()
        for start, end in pairwise(self._cuts()):
            entries = slice(int(crow[start]), int(crow[end]))
            part = Csr(
                self.crow[start : end + 1] - entries.start, self.col[entries], values[entries], self.columns
            )
            out[start:end] = part.product(x)
        return out

    def _cuts(self) -> list[int]:
        """Find the rows between which one pass goes: at most `_ROWS`, with about `_ENTRIES` at most."""
        crow = self.crow.numpy()
        rows, entries = len(crow) - 1, int(crow[-1])
        at = np.searchsorted(crow, np.arange(0, entries, _ENTRIES, dtype=crow.dtype))
        cuts: list[int] = np.unique(np.concatenate([at, np.arange(0, rows, _ROWS), [0, rows]])).tolist()
        return cuts

    def blocked_product(self, x: Tensor) -> Tensor:
        """Multiply in as many passes over the columns as suit the cache."""
        passes = list(blocks(x, x.dtype))
        if len(passes) == 1:
            return self.whole_product(x)
        result = x.new_empty(len(self.crow) - 1, x.shape[1])
        for columns in passes:
            self.whole_product(x[:, columns], result[:, columns])
        return result

    def starts(self, rows: Tensor) -> np.ndarray:
        """Find where each of some rows starts among their entries, and where the last one ends; on the CPU.

        Shape ``[n + 1]``.
        """
        crow, chosen = self.crow.numpy(), rows.numpy()
        starts = np.zeros(len(chosen) + 1, dtype=np.int64)  # rows may repeat, beyond 2³¹ entries
        np.cumsum(crow[chosen + 1] - crow[chosen], out=starts[1:])
        return starts

    def take(self, rows: Tensor, starts: np.ndarray | None = None) -> Csr:
        """Take some rows; on the CPU, SciPy copies them ten times as fast as torch gathers them.

        Args:
            rows: Which.
            starts: What `starts` gives for them, if it is known.
        """
        if self.values.device.type != "cpu":
            start, counts = self.crow[rows], self.crow[rows + 1] - self.crow[rows]
            crow = functional.pad(counts.cumsum(0, dtype=self.crow.dtype), (1, 0))
            places = torch.repeat_interleave(start - crow[:-1], counts)
            places += torch.arange(len(places), device=places.device, dtype=places.dtype)
            return Csr(crow, self.col[places], self.values[places], self.columns)
        starts = self.starts(rows) if starts is None else starts
        copies = csr_rows(self._arrays(), rows.numpy().astype(np.int32), starts)
        return Csr._of(starts.astype(np.int32), *copies, self.columns)

    def transpose(self) -> Csr:
        """Transpose the matrix."""
        rows = len(self.crow) - 1
        if self.values.device.type != "cpu":
            other = self.tensor().to_sparse_csc()
            return Csr(other.ccol_indices(), other.row_indices(), other.values(), rows)
        return Csr._of(*csr_transposed(self._arrays(), self.columns), rows)

    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """View the three tensors in NumPy; they must be on the CPU."""
        return self.crow.numpy(), self.col.numpy(), self.values.numpy()

    @staticmethod
    def _of(crow: np.ndarray, col: np.ndarray, values: np.ndarray, columns: int) -> Csr:
        return Csr(torch.from_numpy(crow), torch.from_numpy(col), torch.from_numpy(values), columns)

    def scipy(self) -> sp.csr_array:
        """View the matrix in SciPy; on the CPU, without a copy."""
        parts = tuple(part.cpu().numpy() for part in (self.values, self.col, self.crow))
        return sp.csr_array(parts, shape=(len(self.crow) - 1, self.columns))


def block_width(x: Tensor, storage: torch.dtype) -> int:
    """Count the columns of one pass: of `BLOCK_BYTES` on the CPU for its cache, all at once on a GPU."""
    return min(BLOCK_BYTES // storage.itemsize, x.shape[1]) if x.is_cpu else x.shape[1]


def blocks(x: Tensor, storage: torch.dtype) -> Iterator[slice]:
    """Cut the columns of ``x`` into passes."""
    width = max(block_width(x, storage), 1)
    return (slice(start, start + width) for start in range(0, x.shape[1], width))
