"""A sparse matrix of which some rows are used: their products with another one, and their largest entries.

An entry and the rank of its column make one whole number, the entry's bits before the rank's. The largest of
these numbers are the largest entries, equal ones by rank, and NumPy partitions them with vector instructions.
`product_of_rows` and searches use the thread that calls them: callers share rows out over several.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from graphrec.kernels.csr import Csr
from graphrec.kernels.private import Arrays, csr_product

_BLOCK = 512

_PARTS = (("start", np.int32), ("index", np.int32), ("values", np.float32))

_WASTE = 1.3
"""Rows of up to this many times as many entries as the shortest are partitioned together."""

_SIGN = np.int64(0x7FFFFFFF)


class SparseRows(nn.Module):
    """A constant sparse matrix of which a few rows at a time are used, as three plain buffers (CSR, int32).

    ``SparseMatrix`` is for products with a dense matrix, this is for products of some rows with another
    sparse matrix: what a shopper bought with the neighbours of each item.

    Args:
        matrix: Any SciPy sparse matrix. Shape ``[rows, columns]``.
        kept: Checkpoints hold it if it has fewer bytes than this.
    """

    start: Tensor
    index: Tensor
    values: Tensor

    def __init__(self, matrix: sp.sparray, kept: int = 0) -> None:
        super().__init__()
        csr = sp.csr_array(matrix)
        self.shape: tuple[int, int] = csr.shape
        parts = zip(_PARTS, (csr.indptr, csr.indices, csr.data), strict=True)
        for (name, kind), part in parts:
            self.register_buffer(name, torch.from_numpy(part.astype(kind)), persistent=8 * csr.nnz < kept)

    @classmethod
    def restored(cls, state: Mapping[str, Tensor], name: str, columns: int) -> SparseRows | None:
        """Restore the one that a state holds under a name, if it does.

        Args:
            state: What `state_dict` of a model held that kept it.
            name: What the model calls it.
            columns: Its number of columns.
        """
        keys = [f"{name}.{part}" for part, _ in _PARTS]
        if not state.keys() >= set(keys):
            return None
        start, index, values = (state[key].cpu().numpy() for key in keys)
        matrix = sp.csr_array((values, index, start), shape=(len(start) - 1, columns))
        return cls(matrix, kept=8 * len(values) + 1)

    def scipy(self) -> sp.csr_array:
        """View the buffers in SciPy; they must be on the CPU."""
        parts = (self.values.numpy(), self.index.numpy(), self.start.numpy())
        return sp.csr_array(parts, shape=self.shape)

    def tensor(self) -> Tensor:
        """View the buffers as a sparse tensor. Shape ``[rows, columns]``."""
        return torch.sparse_csr_tensor(
            self.start, self.index, self.values, self.shape, check_invariants=False
        )

    def dense(self, rows: Tensor) -> Tensor:
        """Make a dense matrix of some rows. ``[B]`` to ``[B, columns]``."""
        start, count = self.start[rows].long(), (self.start[rows + 1] - self.start[rows]).long()
        row = torch.repeat_interleave(torch.arange(len(rows), device=rows.device), count)
        within = torch.arange(len(row), device=rows.device) - (count.cumsum(0) - count)[row]
        place = start[row] + within
        result = torch.zeros(len(rows), self.shape[1], device=rows.device)
        result[row, self.index[place].long()] = self.values[place]
        return result

    def product(self, rows: Tensor, other: SparseRows) -> Tensor:
        """Multiply some rows by another sparse matrix, dense. ``[B]`` to ``[B, other.columns]``.

        Both factors are sparse; SciPy uses that on the CPU, about ten times faster there than the dense
        left factor that is used elsewhere.
        """
        if rows.device.type != "cpu":
            return self.dense(rows) @ other.tensor()
        chosen = self.scipy()[rows.numpy()]
        return torch.from_numpy(product_of_rows(chosen, 0, len(rows), other.scipy()).toarray())


def arrays(matrix: sp.csr_array) -> Arrays:
    """View a matrix as the kernels take it, int32, int32 and float32."""
    parts = zip(_PARTS, (matrix.indptr, matrix.indices, matrix.data), strict=True)
    crow, col, values = (part.astype(kind, copy=False) for (_, kind), part in parts)
    return crow, col, values


def product_of_rows(left: sp.csr_array, start: int, end: int, right: sp.csr_array) -> sp.csr_array:
    """Multiply the rows `start` to `end` of a sparse matrix by another one."""
    crow, col, values = arrays(left)
    entries = slice(int(crow[start]), int(crow[end]))
    rows = (crow[start : end + 1] - crow[start], col[entries], values[entries])
    crow, col, values = csr_product(rows, arrays(right), right.shape[1])
    return sp.csr_array((values, col, crow), shape=(end - start, right.shape[1]))


def product(left: sp.csr_array, right: sp.csr_array) -> sp.csr_array:
    """Multiply two sparse matrices in blocks of rows, which several threads share."""

    def block(start: int) -> sp.csr_array:
        return product_of_rows(left, start, min(start + _BLOCK, left.shape[0]), right)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return sp.csr_array(sp.vstack(list(pool.map(block, range(0, left.shape[0], _BLOCK))), format="csr"))


def add_product(total: Tensor, left: sp.csr_array, right: sp.csr_array) -> Tensor:
    """Add the product of two sparse matrices to a dense one, in place; on the CPU.

    MKL adds up in dense rows, which takes an eighth of the time of SciPy's product where these become full.

    Args:
        total: What is added to. Shape ``[n, m]``.
        left: Shape ``[n, k]``.
        right: Shape ``[k, m]``.
    """
    has_mkl = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
    if not has_mkl or not left.nnz or not right.nnz:
        return total.add_(torch.from_numpy((left @ right).toarray()))
    return torch.addmm(total, _tensor(left), _tensor(right), out=total)


def _tensor(matrix: sp.csr_array) -> Tensor:
    crow, col, values = (torch.from_numpy(part) for part in arrays(matrix))
    return Csr(crow, col, values, matrix.shape[1]).tensor()


class LargestOfRows:
    """Finds the largest positive entries of rows, equal ones by the order of their columns.

    Args:
        order: A permutation of the columns. Shape ``[columns]``.
    """

    def __init__(self, order: np.ndarray) -> None:
        size = len(order)
        self.order = order
        self._after = np.empty(size, dtype=np.int64)  # larger for what comes before, and never 0
        self._after[order] = np.arange(size, 0, -1)

    def find(self, rows: Arrays, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Find values and columns, best first. Each ``[rows, count]``; value 0 where a row has fewer.

        A value that is not a number comes first.

        Args:
            rows: A sparse matrix by rows, values of float32.
            count: Entries to find of each row.
        """
        keys = self._keys(rows)
        best = np.zeros((len(rows[0]) - 1, count), dtype=np.int64)
        for group, width in _groups(np.diff(rows[0]), count):
            few = keys[_places(rows[0], group, width, len(keys) - 1)]
            if width > count:
                few.partition(width - count, axis=1)
                few = few[:, width - count :]
            few.sort(axis=1)
            best[group, : few.shape[1]] = few[:, ::-1]
        values = (best >> 32).astype(np.int32).view(np.float32)
        columns = self.order[len(self.order) - np.maximum(best & 0xFFFFFFFF, 1)]
        return values, columns

    def _keys(self, rows: Arrays) -> np.ndarray:
        """Make the number of each entry, and 0 after the last."""
        _, col, values = rows
        keys = np.zeros(len(col) + 1, dtype=np.int64)
        keys[:-1] = np.maximum(values, np.float32(0.0)).view(np.int32)
        keys &= _SIGN
        keys <<= 32
        keys[:-1] |= self._after[col]
        return keys


def _groups(counts: np.ndarray, least: int) -> Iterator[tuple[np.ndarray, int]]:
    """Group rows that have about as many entries, with the most that one of them has."""
    order = counts.argsort(kind="stable")
    ordered = counts[order]
    start = int(np.searchsorted(ordered, 1))
    while start < len(order):
        most = max(int(_WASTE * ordered[start]), least)
        end = int(np.searchsorted(ordered, most, side="right"))
        yield order[start:end], int(ordered[end - 1])
        start = end


def _places(crow: np.ndarray, rows: np.ndarray, width: int, padding: int) -> np.ndarray:
    """Find where the entries of some rows are, and a place for what a row lacks. Shape ``[n, width]``."""
    inside = np.arange(width, dtype=crow.dtype)
    places: np.ndarray = crow[rows][:, None] + inside
    places[inside >= (crow[rows + 1] - crow[rows])[:, None]] = padding
    return places
