"""Propagation whose table and matrix are shared out over processes, so that each holds 1/P of them.

Process ``r`` holds a range of nodes: their rows of the table and their columns of the matrix ``A``. A product
goes in P rounds: every process multiplies its columns with its rows for the nodes of one owner, and the sum
of these parts is reduced to that owner. So at most two parts of ``N / P`` rows are in flight. On gloo
with 2 and 3 processes, rounds of reductions or of broadcasts were the fastest. Gathering or scattering
all N rows took longer, also a few columns at a time.

Columns and not rows, although the matrix is symmetric and they hold the same: in the last layer of a step,
each process then knows its part of every row of the batch. Those few rows are summed over all processes
instead of N. The first product of the gradient needs no communication at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, distributed, nn

from graphrec.kernels.batch_rows import Slice
from graphrec.kernels.csr import Csr
from graphrec.kernels.shards import Shard

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh


class ShardedMatrix(nn.Module):
    """The columns of a symmetric matrix that belong to the nodes of this process.

    Args:
        matrix: The symmetric matrix, ``[N, N]``; it is not kept.
        shard: Which range of nodes is held here.
    """

    crow: Tensor
    col: Tensor
    values: Tensor

    def __init__(self, matrix: sp.csr_array, shard: Shard) -> None:
        super().__init__()
        self.rank, self.rows, self.entries = shard.rank, matrix.shape[0], matrix.nnz
        self.ranges = [Shard(rank, shard.size).range(self.rows) for rank in range(shard.size)]
        self.nodes = self.ranges[shard.rank]
        # by symmetry the columns are the transposed rows, which are cut out faster
        own = matrix[self.nodes.start : self.nodes.stop].T.tocsr()
        for name, array in (("crow", own.indptr), ("col", own.indices)):
            self.register_buffer(name, torch.from_numpy(array.astype(np.int32, copy=False)), persistent=False)
        values = torch.from_numpy(own.data.astype(np.float32, copy=False))
        self.register_buffer("values", values, persistent=False)
        # where the entries of each owner's rows begin: known here, so that a GPU need not be asked
        self.starts = [int(own.indptr[nodes.start]) for nodes in self.ranges] + [own.nnz]

    def csr(self) -> Csr:
        """Collect the three arrays of the columns held here. ``[N, n_r]``."""
        return Csr(self.crow, self.col, self.values, len(self.nodes))

    def product(self, x: Tensor, storage: torch.dtype = torch.float32) -> Tensor:
        """Compute the rows of ``A x`` of this process, from its rows of ``x``; a collective, no gradient.

        ``[n_r, D]`` to ``[n_r, D]``.
        """
        stored, result, pending = x.to(storage), x.new_zeros(x.shape), None
        for owner, nodes in enumerate(self.ranges):
            if not len(nodes):
                continue
            part = self._block(owner).whole_product(stored).to(x.dtype)
            if pending is not None:
                pending.wait()
            pending = distributed.reduce(part, owner, async_op=True)
            if owner == self.rank:
                result = part
        if pending is not None:
            pending.wait()
        return result

    def own(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """Find which of some nodes ``[n]`` are held here: their places among them, and their rows here."""
        place = ((nodes >= self.nodes.start) & (nodes < self.nodes.stop)).nonzero().flatten()
        return place, nodes[place] - self.nodes.start

    def sizes(self, dim: int) -> tuple[int, int]:
        """Count bytes of the table, Adam's two moments and the matrix: those here, and in one for all."""
        here = sum(part.nbytes for part in (self.crow, self.col, self.values))
        whole = 4 * (self.rows + 1) + 8 * self.entries
        return here + 12 * dim * len(self.nodes), whole + 12 * dim * self.rows

    def _block(self, owner: int) -> Csr:
        """Cut out the part of an owner's rows."""
        nodes, start, stop = self.ranges[owner], self.starts[owner], self.starts[owner + 1]
        crow = self.crow[nodes.start : nodes.stop + 1] - start
        return Csr(crow, self.col[start:stop], self.values[start:stop], len(self.nodes))

    def extra_repr(self) -> str:
        """Show the range and the number of entries."""
        return f"nodes {self.nodes.start} to {self.nodes.stop} of {self.rows}, {len(self.values)} entries"


def sharded_polynomial(
    matrix: ShardedMatrix, x: Tensor, coefficients: Sequence[float], storage: torch.dtype = torch.float32
) -> Tensor:
    """Compute this process's rows of ``Σ_l c_l A^l x``, differentiable in ``x``; all processes must call it.

    Args:
        matrix: The matrix ``A``, shared out.
        x: This process's rows of the signal. Shape ``[n_r, D]``.
        coefficients: ``c_0 … c_L``.
        storage: Type in which the vectors are read by a product.
    """
    filtered: Tensor = _Polynomial.apply(local_rows(x), matrix, tuple(coefficients), storage)  # type: ignore[no-untyped-call]
    return filtered


def sharded_polynomial_rows(
    matrix: ShardedMatrix,
    x: Tensor,
    coefficients: Sequence[float],
    rows: Tensor,
    storage: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor]:
    """Compute some rows of the polynomial and of ``x`` itself, each ``[n, D]`` in every process.

    All processes must call it with the same rows and compute the same from them: then each has the whole
    gradient of its rows of ``x``, and none need be exchanged.

    Args:
        matrix: The matrix ``A``, shared out.
        x: This process's rows of the signal. Shape ``[n_r, D]``.
        coefficients: ``c_0 … c_L``.
        rows: Rows of any process, which may repeat. Shape ``[n]``.
        storage: Type in which the vectors are read by a product.
    """
    result: tuple[Tensor, Tensor] = _PolynomialRows.apply(  # type: ignore[no-untyped-call]
        local_rows(x), matrix, tuple(coefficients), rows, storage
    )
    return result


def whole_table(matrix: ShardedMatrix, x: Tensor) -> Tensor:
    """Gather the rows of all processes in each, ``[n_r, D]`` to ``[N, D]``; all processes must call it.

    This is the whole table, N × D numbers, which training does without; an evaluation ranks whole catalogues,
    so every process then holds one, and forgets it when training goes on. Its gradient is that of every
    process's own rows, if all of them compute the same from the whole.
    """
    table: Tensor = _Whole.apply(local_rows(x), matrix)  # type: ignore[no-untyped-call]
    return table


def local_rows(x: Tensor) -> Tensor:
    """Take the rows of a distributed tensor that this process holds, differentiable; a plain one as it is."""
    to_local = getattr(x, "to_local", None)  # DTensor takes a second to import where there is none
    local: Tensor = x if to_local is None else to_local()
    return local


def distributed_rows(weight: Tensor, rows: int, mesh: DeviceMesh) -> nn.Parameter:
    """Make a parameter of `rows` rows, of which each process holds a range, as `Shard.range` cuts them.

    The optimiser's state takes the same form, and Lightning can put all of it together for a checkpoint.

    Args:
        weight: This process's rows. Shape ``[n_r, D]``.
        rows: Number of rows of all processes.
        mesh: The processes, in one dimension.
    """
    from torch.distributed.tensor import DTensor
    from torch.distributed.tensor import Shard as Placement

    if isinstance(weight, DTensor):  # a fit is followed by a test of the same model
        return nn.Parameter(weight.detach())
    size = torch.Size([rows, weight.shape[1]])
    local = weight.detach()
    return nn.Parameter(
        DTensor.from_local(local, mesh, [Placement(0)], run_check=False, shape=size, stride=(size[1], 1))
    )


class _Polynomial(torch.autograd.Function):
    """A polynomial of a symmetric matrix is symmetric: its gradient is the same polynomial."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, matrix: ShardedMatrix, coefficients: tuple[float, ...], storage: torch.dtype
    ) -> Tensor:
        """Apply the polynomial."""
        ctx.arguments = matrix, coefficients, storage
        return _Polynomial._apply(x, matrix, coefficients, storage)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None, None]:
        """Apply it to the gradient."""
        return _Polynomial._apply(gradients[0].contiguous(), *ctx.arguments), None, None, None

    @staticmethod
    def _apply(
        x: Tensor, matrix: ShardedMatrix, coefficients: tuple[float, ...], storage: torch.dtype
    ) -> Tensor:
        layer, total = x, coefficients[0] * x
        for coefficient in coefficients[1:]:
            layer = matrix.product(layer, storage)
            total.add_(layer, alpha=coefficient)
        return total


class _PolynomialRows(torch.autograd.Function):
    """Rows of a polynomial: ``P_S Σ_l c_l A^l x``, and the rows ``P_S x``."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        matrix: ShardedMatrix,
        coefficients: tuple[float, ...],
        rows: Tensor,
        storage: torch.dtype,
    ) -> tuple[Tensor, Tensor]:
        """Sum what every process knows of these rows over all: no row has to travel whole."""
        place, here = matrix.own(rows)
        last = Slice(matrix.csr().take(rows), ctx.needs_input_grad[0]) if len(coefficients) > 1 else None
        ctx.arguments, ctx.size, ctx.last = (matrix, coefficients, storage), x.shape, last
        ctx.save_for_backward(place, here)
        result, own = known = x.new_zeros(2, len(rows), x.shape[1])
        own[place] = x.index_select(0, here)
        result.add_(own, alpha=coefficients[0])
        layer = x
        for coefficient in coefficients[1:-1]:
            layer = matrix.product(layer, storage)
            result.index_add_(0, place, coefficient * layer.index_select(0, here))
        if last is not None:
            result.add_(last.forward(layer.to(storage)), alpha=coefficients[-1])
        distributed.all_reduce(known)
        return result, own

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None, None, None]:
        """Compute own rows of ``Σ_l c_l A^l P_Sᵀ g`` by Horner's rule; the innermost product is local."""
        (matrix, coefficients, storage), last = ctx.arguments, ctx.last
        gradient, own = gradients
        place, here = ctx.saved_tensors
        part = gradient.index_select(0, place)
        total = gradient.new_zeros(ctx.size)
        if last is not None:
            total = last.backward((coefficients[-1] * gradient).to(storage)).to(gradient.dtype)
            for coefficient in coefficients[-2:0:-1]:
                total.index_add_(0, here, coefficient * part)
                total = matrix.product(total, storage)
        total.index_add_(0, here, coefficients[0] * part + own.index_select(0, place))
        return total, None, None, None, None


class _Whole(torch.autograd.Function):
    """All rows from their owners; the gradient of the own ones."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: ShardedMatrix) -> Tensor:
        """Send every owner's rows to all."""
        ctx.matrix = matrix
        table = x.new_empty(matrix.rows, x.shape[1])
        for owner, nodes in enumerate(matrix.ranges):
            rows = table[nodes.start : nodes.stop]
            if owner == matrix.rank:
                rows.copy_(x)
            if len(nodes):
                distributed.broadcast(rows, owner)
        return table

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        """Take the own rows."""
        nodes = ctx.matrix.nodes
        return gradients[0][nodes.start : nodes.stop], None
