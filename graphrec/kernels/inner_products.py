"""Inner products of every user of a batch with every item, and softmax denominators over them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from graphrec.kernels.csr import Csr

_BLOCK = 1024  # items; 512 to 4,096 take about the same time
_FEW = 64  # users, whose vectors and scores of a block are too small to gain by staying in the cache
_PAIRS = 8192  # at a time
_ROWS = 128  # of a softmax on a CPU; their products with 2,048 items fill half of a cache of 2 MB
_ROWS_ELSEWHERE = 4096
_HALF = (torch.bfloat16, torch.float16)  # which either product is not made in


def inner_products(user: Tensor, item: Tensor) -> Tensor:
    """Compute ``U Iᵀ`` in a tensor of its own: ``[B, D]`` and ``[I, D]`` to ``[B, I]``.

    On a CPU and without gradient it is computed for a block of items at a time, with the same numbers: the
    operands of a block stay in the cache. On AMD this makes the product of a few hundred users and a whole
    catalogue about twice as fast; on Intel it changes little. Few users, gradients, autocast and other
    devices take the plain product.
    """
    tracked = torch.is_grad_enabled() and (user.requires_grad or item.requires_grad)
    if len(user) < _FEW or tracked or not user.is_cpu or torch.is_autocast_enabled("cpu"):
        return user @ item.T
    scores = user.new_empty(len(user), len(item))
    for start in range(0, len(item), _BLOCK):
        block = slice(start, start + _BLOCK)
        torch.mm(user, item[block].T, out=scores[:, block])
    return scores


def pair_products(user: Tensor, item: Tensor, users: Tensor, items: Tensor) -> Tensor:
    """Compute the inner products of some pairs of rows, on a CPU.

    Autograd would lay all vectors out pair by pair, keep them, and add their gradients up row by row. Here
    the gradient goes through the sparse matrix of the pairs, which reads the rows where they are.

    Args:
        user: Shape ``[n, D]``.
        item: Shape ``[m, D]``.
        users: Row of each pair in `user`. Shape ``[E]``.
        items: Row of each pair in `item`. Shape ``[E]``.

    Returns:
        Shape ``[E]``.
    """
    if user.dtype in _HALF:
        user, item = user.float(), item.float()
    products: Tensor = _PairProducts.apply(user, item, users, items)  # type: ignore[no-untyped-call]
    return products


class _PairProducts(torch.autograd.Function):
    """`pair_products`; with the gradients of the pairs as a sparse ``G``, they are ``G I`` and ``Gᵀ U``."""

    @staticmethod
    def forward(ctx: Any, user: Tensor, item: Tensor, users: Tensor, items: Tensor) -> Tensor:
        """Compute some pairs at a time, so that their vectors stay in the cache."""
        numbers = torch.arange(len(users), dtype=torch.int32)
        ctx.pairs = Csr.of_entries(users, items, numbers, (len(user), len(item)))
        ctx.save_for_backward(user, item)
        products = user.new_empty(len(users))
        for start in range(0, len(users), _PAIRS):
            some = slice(start, start + _PAIRS)
            left, right = user.index_select(0, users[some]), item.index_select(0, items[some])
            products[some] = torch.bmm(left[:, None], right[:, :, None])[:, 0, 0]
        return products

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor, None, None]:
        """Compute two products with the matrix of the pairs."""
        user, item = ctx.saved_tensors
        pairs = ctx.pairs._replace(values=gradients[0][ctx.pairs.values])
        return pairs.product(item), pairs.transpose().product(user), None, None


def log_sum_products(left: Tensor, right: Tensor, own: Tensor | None = None) -> Tensor:
    """Compute ``log Σ_k exp(l_b · r_k)``, a softmax's log denominator, without the matrix of products.

    The products of a few rows at a time are made, summed and dropped. For the gradient they are made again,
    as in Dao et al., FlashAttention, 2022. So memory no longer grows with ``B K``, and on a CPU the rows stay
    in the cache. That takes 18 ms instead of 47 for 2,048 times 2,048 in 64 dimensions, gradient included.

    Args:
        left: Shape ``[B, D]``.
        right: Shape ``[K, D]``.
        own: Place of a row among the columns which its sum leaves out, with ``K`` of at least 2. Shape
            ``[B]``.

    Returns:
        Shape ``[B]``.
    """
    if left.dtype in _HALF:
        left, right = left.float(), right.float()
    sums: Tensor = _LogSumProducts.apply(left, right.to(left.dtype), own)  # type: ignore[no-untyped-call]
    return sums


class _LogSumProducts(torch.autograd.Function):
    """`log_sum_products`, whose gradient is ``P R`` for the rows and ``Pᵀ L`` for the columns."""

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, own: Tensor | None) -> Tensor:
        """Sum a few rows at a time."""
        sums = left.new_empty(len(left))
        for rows, products in _products_in_pieces(left, right, own):
            largest = products.amax(1)
            exponentials = products.sub_(largest[:, None]).exp_()
            torch.add(exponentials.sum(1).log_(), largest, out=sums[rows])
        ctx.save_for_backward(left, right, own, sums)
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """Make the products again, as shares ``P`` of the sums."""
        left, right, own, sums = ctx.saved_tensors
        of_left, of_right = torch.empty_like(left), torch.zeros_like(right)
        for rows, products in _products_in_pieces(left, right, own):
            shares = products.sub_(sums[rows, None]).exp_().mul_(gradient[rows, None])
            torch.mm(shares, right, out=of_left[rows])
            of_right.addmm_(shares.T, left[rows])
        return of_left, of_right, None


def _products_in_pieces(left: Tensor, right: Tensor, own: Tensor | None) -> Iterator[tuple[slice, Tensor]]:
    """Compute ``L Rᵀ`` a few rows at a time, in the same memory, with −inf in each row's own place."""
    size = _ROWS if left.is_cpu else _ROWS_ELSEWHERE
    memory = left.new_empty(min(size, len(left)), len(right))
    for start in range(0, len(left), size):
        rows = slice(start, min(start + size, len(left)))
        products = torch.mm(left[rows], right.T, out=memory[: rows.stop - start])
        if own is not None:
            products.scatter_(1, own[rows, None], -torch.inf)
        yield rows, products
