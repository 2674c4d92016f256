"""Polynomials of a symmetric sparse matrix, in full or in the rows of a batch, with their gradients.

A training step needs the propagated vectors of its batch alone. So the last product of a step, and the first
one of its gradient, are taken over those rows; what lies between is a chain of full products.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from graphrec.kernels.batch_rows import Slice, Whole, rows_of
from graphrec.kernels.csr import Csr, block_width, blocks
from graphrec.kernels.memory import in_large_pages, is_large
from graphrec.kernels.sparse import SparseMatrix


def polynomial(
    matrix: SparseMatrix,
    x: Tensor,
    coefficients: Sequence[float],
    storage: torch.dtype = torch.float32,
) -> Tensor:
    """Compute ``Σ_l c_l A^l x`` for a symmetric ``A``, differentiable in ``x``. ``[N, D]`` to ``[N, D]``.

    Args:
        matrix: The symmetric matrix ``A``, ``[N, N]``.
        x: Dense signal. Shape ``[N, D]``.
        coefficients: ``c_0 … c_L``.
        storage: Type in which the vectors are read by a product; bfloat16 halves what a product moves.
    """
    if len(coefficients) == 2 and _may_shift(x, storage):
        return cast(Tensor, matrix.shifted(*coefficients)(x))
    chain = _chain(matrix, x, tuple(coefficients), storage)
    filtered: Tensor = _Polynomial.apply(x, chain)  # type: ignore[no-untyped-call]
    return filtered


def polynomial_rows(
    matrix: SparseMatrix,
    x: Tensor,
    coefficients: Sequence[float],
    rows: Tensor,
    storage: torch.dtype = torch.float32,
) -> tuple[Tensor, Callable[[], Tensor]]:
    """Compute some rows of `polynomial`, and what gives the same rows of ``x`` itself, each ``[n, D]``.

    The last product is taken over these rows alone, and so is the first one of the gradient. The rows of
    ``x`` are gathered when they are asked for, before ``x`` changes; their gradient comes in through zeros
    that the same function gives, so that both gradients meet in one table.

    Args:
        matrix: The symmetric matrix ``A``, ``[N, N]``.
        x: Dense signal. Shape ``[N, D]``.
        coefficients: ``c_0 … c_L``.
        rows: Rows, which may repeat. Shape ``[n]``.
        storage: Type in which the vectors are read by a product.
    """
    coefficients = tuple(coefficients)
    result: Tensor
    if len(coefficients) == 2 and _may_shift(x, storage):
        result, zeros = _ProductRows.apply(x, matrix.shifted(*coefficients), rows)  # type: ignore[no-untyped-call]
    else:
        chain = _chain(matrix, x, coefficients, storage)
        result, zeros = _PolynomialRows.apply(x, chain, rows)  # type: ignore[no-untyped-call]
    return result, lambda: x.detach().index_select(0, rows).add_(zeros)


def _may_shift(x: Tensor, storage: torch.dtype) -> bool:
    """Tell whether ``c I + c' A`` is made a matrix: on a CPU, where each operation more takes its time.

    The same holds for a matrix with its nodes numbered anew.

    Vectors that are stored in another type are of large graphs, whose matrix should not be held twice.
    """
    return x.is_cpu and storage == x.dtype


@dataclass(frozen=True)
class _Chain:
    """What the products of a polynomial go through.

    Args:
        matrix: Of all products but the first and the last.
        first: The matrix that takes vectors as the caller numbers them.
        last: Of the last one, which may be over some rows.
        coefficients: ``c_0 … c_L``, of these products.
        storage: Type in which the vectors are read by a product.
        place: Number of each node in the chain; its own if missing.
    """

    matrix: SparseMatrix
    first: Csr
    last: SparseMatrix
    coefficients: tuple[float, ...]
    storage: torch.dtype
    place: Tensor | None = None

    def products(self) -> Iterator[tuple[float, Csr]]:
        """List the coefficient and the matrix of each layer in turn."""
        for layer, coefficient in enumerate(self.coefficients[1:], 1):
            matrix = self.last if layer == len(self.coefficients) - 1 else self.matrix
            yield coefficient, self.first if layer == 1 else matrix.csr(self.storage)

    def numbered(self, rows: Tensor) -> Tensor:
        """Find the numbers of some rows in the chain."""
        return rows if self.place is None else self.place[rows]


def _chain(matrix: SparseMatrix, x: Tensor, coefficients: tuple[float, ...], storage: torch.dtype) -> _Chain:
    """Make one matrix of the last two terms, and number the nodes anew, where either pays."""
    if len(coefficients) < 3 or not _may_shift(x, storage):
        return _Chain(matrix, matrix.csr(storage), matrix, coefficients, storage)
    first, place = matrix.csr(), None
    if not is_large(len(x), block_width(x, storage), storage):
        near = matrix.renumbered()
        matrix, first, place = near.matrix, near.entering, near.place
    last = matrix.shifted(*coefficients[-2:])
    return _Chain(matrix, first, last, (*coefficients[:-2], 0.0, 1.0), storage, place)


class _Polynomial(torch.autograd.Function):
    """A polynomial of a symmetric matrix is symmetric: its gradient is the same polynomial."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, chain: _Chain) -> Tensor:
        """Apply the polynomial, a block of columns at a time."""
        ctx.chain = chain
        return _Polynomial._apply(x, chain)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        """Apply it to the gradient."""
        return _Polynomial._apply(gradients[0], ctx.chain), None

    @staticmethod
    def _apply(x: Tensor, chain: _Chain) -> Tensor:
        parts = [_whole(x[:, columns], chain) for columns in blocks(x, chain.storage)]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def _whole(x: Tensor, chain: _Chain) -> Tensor:
    """Apply the polynomial to some columns."""
    total, ego = None, chain.coefficients[0]
    with chain.matrix.room(x.shape[1], chain.storage) as room:
        layer = _stored(x, chain.storage, room)
        for coefficient, csr in chain.products():
            layer = csr.whole_product(layer, next(room))
            if total is not None:
                total.add_(layer, alpha=coefficient)
            elif coefficient:
                total = coefficient * layer.to(x.dtype)
    if total is None:
        return ego * x
    if chain.place is not None:
        total = total.index_select(0, chain.place)
    return total.add_(x, alpha=ego)


class _ProductRows(torch.autograd.Function):
    """Rows of a product ``P_S M x`` for a symmetric ``M``, and zeros for the gradient of ``P_S x``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: SparseMatrix, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the product on the rows alone."""
        x = x.detach()
        ctx.last, ctx.size = rows_of(matrix, rows, x.dtype, ctx.needs_input_grad[0]), x.shape
        ctx.save_for_backward(rows)
        ctx.set_materialize_grads(False)  # most losses ask for one of the two
        return ctx.last.forward(x), _zeros(x, rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        """Compute ``M P_Sᵀ g``, and add what comes from the signal itself."""
        gradient, own = gradients
        (rows,) = ctx.saved_tensors
        result = own.new_zeros(ctx.size) if gradient is None else ctx.last.backward(gradient)
        return result if own is None else result.index_add_(0, rows, own), None, None


class _PolynomialRows(torch.autograd.Function):
    """Rows of a polynomial ``P_S Σ_l c_l A^l x``, and zeros for the gradient of ``P_S x``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, chain: _Chain, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Compute all products but the last in full, the last one on the rows."""
        coefficients, storage, inside = chain.coefficients, chain.storage, chain.numbered(rows)
        needed = ctx.needs_input_grad[0]
        last = rows_of(chain.last, inside, storage, needed) if len(coefficients) > 1 else None
        ctx.chain, ctx.size, ctx.last = chain, x.shape, last
        ctx.save_for_backward(rows, inside)
        ctx.set_materialize_grads(False)  # most losses ask for one of the two
        result = coefficients[0] * x.detach().index_select(0, rows)
        for columns in _passes(x, coefficients, storage):
            part = x[:, columns].detach()
            with chain.matrix.room(part.shape[1], storage) as room:
                layer = _stored(part, storage, room)
                for coefficient, csr in list(chain.products())[:-1]:
                    layer = csr.whole_product(layer, next(room))
                    if coefficient:
                        result[:, columns].add_(layer.index_select(0, inside), alpha=coefficient)
                if last is not None:
                    result[:, columns].add_(last.forward(layer), alpha=coefficients[-1])
        return result, _zeros(x, rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        """Compute ``Σ_l c_l A^l P_Sᵀ g`` by Horner's rule, innermost product first."""
        chain, last = ctx.chain, ctx.last
        gradient, own = gradients
        rows, inside = ctx.saved_tensors
        if gradient is None:
            return own.new_zeros(ctx.size).index_add_(0, rows, own), None, None
        coefficients, storage = chain.coefficients, chain.storage
        if last is None:
            result = gradient.new_zeros(ctx.size)
        elif len(coefficients) == 2:
            result = last.backward(coefficients[1] * gradient.to(storage)).to(gradient.dtype)
        else:
            result = _table(gradient, *ctx.size)
            for columns in blocks(gradient, storage):
                part = gradient[:, columns].to(storage)
                _gradient_of_chain(part, chain, inside, last, result[:, columns])
        ego = coefficients[0] * gradient
        return result.index_add_(0, rows, ego if own is None else ego.add_(own)), None, None


def _gradient_of_chain(
    gradient: Tensor, chain: _Chain, inside: Tensor, last: Slice | Whole, out: Tensor
) -> None:
    """Add up the gradient of two layers and more, without ``c_0``; the outermost product is put in `out`."""
    coefficients, csr = chain.coefficients, chain.matrix.csr(gradient.dtype)
    total = last.backward(gradient if coefficients[-1] == 1 else coefficients[-1] * gradient)
    with chain.matrix.room(gradient.shape[1], gradient.dtype) as room:
        for depth in range(len(coefficients) - 2, 0, -1):
            if coefficients[depth]:  # not as alpha, which takes five times as long
                total.index_add_(0, inside, coefficients[depth] * gradient)
            outermost = depth == 1 and chain.place is None
            total = csr.whole_product(total, out if outermost else next(room))
    if chain.place is not None:
        torch.index_select(total, 0, chain.place, out=out)


def _zeros(x: Tensor, rows: Tensor) -> Tensor:
    """Make zeros in the shape of some rows, which take no memory."""
    return x.new_zeros(1, 1).expand(len(rows), x.shape[1])


def _table(like: Tensor, rows: int, width: int) -> Tensor:
    return in_large_pages(rows, width, like.dtype) if like.is_cpu else like.new_empty(rows, width)


def _stored(x: Tensor, storage: torch.dtype, room: Iterator[Tensor | None]) -> Tensor:
    """Store the first layer of a chain: ``x`` itself if it has that type already."""
    out = None if x.dtype == storage else next(room)
    return x.to(storage) if out is None else out.copy_(x)


def _passes(x: Tensor, coefficients: tuple[float, ...], storage: torch.dtype) -> Iterator[slice]:
    """Choose columns that go through all layers together; one layer, of few rows, is not worth cutting."""
    return blocks(x, storage) if len(coefficients) > 2 else iter([slice(None)])
