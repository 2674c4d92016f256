"""A constant sparse matrix with its gradient, and the memory that products of it are put into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, repeat
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from scipy.sparse.csgraph import reverse_cuthill_mckee
from torch import Tensor, nn

from graphrec.kernels.csr import Csr
from graphrec.kernels.memory import in_large_pages, is_large

_PIECES = 8
"""How many pieces of an order come together, and how many times; shared out evenly for as many threads."""


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
        self._room: Tensor | None = None
        self._shifted: SparseMatrix | None = None
        self._shift = (0.0, 1.0)
        self._renumbered: Renumbered | None = None
        self.transposed = None if symmetric else SparseMatrix(csr.T, symmetric=True)

    def csr(self, storage: torch.dtype = torch.float32) -> Csr:
        """Collect the three arrays; values of another type than float32 are made once and kept."""
        if storage == self.values.dtype:
            return Csr(self.crow, self.col, self.values, self.columns)
        if self._stored is None or self._stored.dtype != storage or self._stored.device != self.values.device:
            self._stored = self.values.to(storage)
        return Csr(self.crow, self.col, self._stored, self.columns)

    @contextmanager
    def room(self, width: int, storage: torch.dtype) -> Iterator[Iterator[Tensor | None]]:
        """Lend two tables ``[rows, width]``, by turns without end, for the layers of a chain of products.

        They are kept: to ask the system for new memory takes a CPU a third of the time of a large product.
        Whoever asks while they are in use gets others. Small tables malloc keeps by itself, and those of a
        GPU its allocator, so there it is None.
        """
        taken: list[Tensor] = []

        def tables() -> Iterator[Tensor]:
            room, self._room = self._room, None
            size = self.rows * width
            if room is None or room.dtype != storage or room.shape[1] < size:
                with torch.inference_mode(False):
                    room = in_large_pages(2, size, dtype=storage)
            taken.append(room)
            yield from cycle([table[:size].view(self.rows, width) for table in room])

        large = self.values.is_cpu and is_large(self.rows, width, storage)
        yield tables() if large else repeat(None)
        self._room = taken[0] if taken else self._room

    def __getstate__(self) -> dict[str, Any]:
        """Collect all but the room and the other numbering, for a copy."""
        return self.__dict__ | {"_room": None, "_renumbered": None}

    def shifted(self, shift: float, scale: float) -> SparseMatrix:
        """Make ``shift · I + scale · A`` of a symmetric matrix; the last one that was asked for is kept."""
        kept = self._shifted
        if kept is None or self._shift != (shift, scale) or kept.values.device != self.values.device:
            identity = sp.eye_array(self.rows, dtype=np.float32, format="csr")
            matrix = np.float32(scale) * self.csr().scipy() + np.float32(shift) * identity
            with torch.inference_mode(False):
                kept = SparseMatrix(matrix, symmetric=True).to(self.values.device)
            self._shifted, self._shift = kept, (shift, scale)
        return kept

    def renumbered(self) -> Renumbered:
        """Renumber a symmetric matrix so that neighbours are near each other, on the CPU; made once."""
        if self._renumbered is None:
            with torch.inference_mode(False):
                self._renumbered = Renumbered.of(self.csr(), near_order(self.csr()))
        return self._renumbered

    def tensor(self) -> Tensor:
        """Make the CSR view, shape ``[rows, columns]``."""
        return self.csr().tensor()

    def forward(self, x: Tensor) -> Tensor:
        """Multiply by a dense ``x`` of shape ``[columns, D]``, differentiable."""
        product: Tensor = _Product.apply(x, self)  # type: ignore[no-untyped-call]
        return product

    def extra_repr(self) -> str:
        """Show the shape and the number of entries."""
        return f"{self.rows} x {self.columns}, {len(self.values)} entries"


@dataclass(frozen=True)
class Renumbered:
    """``P A Pᵀ`` for a symmetric ``A``.

    Args:
        matrix: ``P A Pᵀ``.
        entering: ``P A``, which takes vectors by their old numbers.
        place: New number of each node. Shape ``[N]``.
    """

    matrix: SparseMatrix
    entering: Csr
    place: Tensor

    @classmethod
    def of(cls, csr: Csr, order: np.ndarray) -> Renumbered:
        """Renumber the nodes of a symmetric matrix by their places in an order, int32 and ``[N]``."""
        matrix = csr.scipy()
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        renumbered = SparseMatrix(matrix[order][:, order], symmetric=True)
        old = torch.from_numpy(order)[renumbered.col]
        entering = Csr(renumbered.crow, old, renumbered.values, csr.columns)
        return cls(renumbered, entering, torch.from_numpy(place))


def near_order(csr: Csr) -> np.ndarray:
    """Find an order in which neighbours are near, so that a gather finds more in the cache. Shape ``[N]``.

    That of Cuthill and McKee, 1969, which SciPy finds in the time of a few products. It begins with rows of
    few entries and ends with long ones, and each thread gets one stretch of rows: so its pieces are dealt
    out, that every stretch holds some of each length.
    """
    order = reverse_cuthill_mckee(csr.scipy(), symmetric_mode=True)
    dealt = np.arange(_PIECES**2).reshape(_PIECES, _PIECES).T.ravel()
    pieces = np.array_split(order, _PIECES**2)
    return np.concatenate([pieces[piece] for piece in dealt])


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
