"""What the kernels need of torch and SciPy that neither makes public, each with a slower way without it.

A new version of either may drop such a function. Then it is missed here, at import, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]
"""``crow [rows + 1]``, ``col [E]`` and ``values [E]`` of a sparse matrix."""


def _found(owner: Any, *names: str) -> Callable[..., Any] | None:
    """Find a function by the names that lead to it, or None."""
    for name in names:
        owner = getattr(owner, name, None)
    return owner  # type: ignore[no-any-return]


COO_TO_CSR = _found(scipy.sparse, "_sparsetools", "coo_tocsr")
CSR_PRODUCT = _found(scipy.sparse, "_sparsetools", "csr_matmat")
CSR_ROWS = _found(scipy.sparse, "_sparsetools", "csr_row_index")
CSR_TO_CSC = _found(scipy.sparse, "_sparsetools", "csr_tocsc")
INT_MM = _found(torch, "_int_mm")


def coo_to_csr(rows: np.ndarray, col: np.ndarray, values: np.ndarray, size: tuple[int, int]) -> Arrays:
    """Order entries by their rows; several of one place stay several, in their order.

    SciPy's public way adds them up.

    Args:
        rows: Row of each entry, int32. Shape ``[E]``.
        col: Its column, int32. Shape ``[E]``.
        values: Its value. Shape ``[E]``.
        size: Rows and columns of the matrix.
    """
    if COO_TO_CSR is None:
        order = np.argsort(rows, kind="stable")
        crow = np.zeros(size[0] + 1, dtype=np.int32)
        np.cumsum(np.bincount(rows, minlength=size[0]), out=crow[1:])
        return crow, col[order], values[order]
    crow = np.empty(size[0] + 1, dtype=np.int32)
    ordered = np.empty_like(col), np.empty_like(values)
    COO_TO_CSR(*size, len(rows), rows, col, values, crow, *ordered)
    return crow, *ordered


def csr_rows(matrix: Arrays, rows: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Copy the entries of some rows, which may repeat.

    SciPy's public way checks for longer than a batch is cut.

    Args:
        matrix: Its three arrays.
        rows: Which, int32. Shape ``[n]``.
        starts: Where each starts among the copied ones, and where the last one ends. Shape ``[n + 1]``.

    Returns:
        ``col`` and ``values`` of the copies.
    """
    crow, col, values = matrix
    if CSR_ROWS is None:
        places = np.repeat(crow[rows] - starts[:-1], np.diff(starts)) + np.arange(starts[-1])
        return col[places], values[places]
    copies = tuple(np.empty(starts[-1], dtype=array.dtype) for array in (col, values))
    CSR_ROWS(len(rows), rows, crow, col, values, *copies)
    return copies[0], copies[1]


def csr_product(left: Arrays, right: Arrays, columns: int) -> Arrays:
    """Multiply two sparse matrices; the columns of a row come in no order.

    SciPy's public way goes through all pairs twice, once to count what it has to allocate. Here as much is
    reserved as there could be, of which the system gives only what is written to.

    Args:
        left: The three arrays of the one, int32, int32 and float32.
        right: Those of the other.
        columns: How many the other has.
    """
    rows = len(left[0]) - 1
    most = min(int(np.diff(right[0])[left[1]].sum()), rows * columns)
    if CSR_PRODUCT is None or most >= 2**31:
        shape = (rows, len(right[0]) - 1), (len(right[0]) - 1, columns)
        factors = (
            scipy.sparse.csr_array((values, col, crow), shape=size)
            for (crow, col, values), size in zip((left, right), shape, strict=True)
        )
        product = next(factors) @ next(factors)
        return product.indptr, product.indices, product.data
    crow, col = np.empty(rows + 1, dtype=np.int32), np.empty(most, dtype=np.int32)
    values = np.empty(most, dtype=np.float32)
    CSR_PRODUCT(rows, columns, *left, *right, crow, col, values)
    return crow, col[: crow[-1]], values[: crow[-1]]


def csr_transposed(matrix: Arrays, columns: int) -> Arrays:
    """Transpose a matrix; the entries of a row keep the order of their old rows.

    Args:
        matrix: Its three arrays.
        columns: How many it has.
    """
    crow, col, values = matrix
    if CSR_TO_CSC is None:
        rows = np.repeat(np.arange(len(crow) - 1, dtype=col.dtype), np.diff(crow))
        return coo_to_csr(col, rows, values, (columns, len(crow) - 1))
    turned = np.empty(columns + 1, dtype=crow.dtype), np.empty_like(col), np.empty_like(values)
    CSR_TO_CSC(len(crow) - 1, columns, crow, col, values, *turned)
    return turned


def byte_products(left: Tensor, right: Tensor, out: Tensor) -> None:
    """Write ``L R`` of bytes into int32; torch has no public product of them without scales.

    Args:
        left: int8. Shape ``[B, D]``.
        right: int8. Shape ``[D, I]``.
        out: int32. Shape ``[B, I]``.
    """
    if INT_MM is None:
        out.copy_(left.double() @ right.double())  # exact
        return
    INT_MM(left, right, out=out)
