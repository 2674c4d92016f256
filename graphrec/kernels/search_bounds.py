"""Upper bounds of inner products with every item, for a search that looks only where they are high.

The bounds are a matrix product themselves, of rounded vectors. Processors with instructions for bytes (VNNI)
take it in bytes, in less than a third of the time of float32. Those that multiply tiles (AMX) take it in
bfloat16. There a product of bytes in 64 dimensions takes half as long, but not one in 66, which bounds need.
Elsewhere the inner products are their own bounds.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from graphrec.kernels.private import byte_products

_LARGEST = 127
_ROOM = 1.0 + 2.0**-16  # for the rounding of the bound itself


class Bounds(Protocol):
    """Left and right factors of a matrix of bounds.

    Attributes:
        right: One column per item. Shape ``[D', I]``.
        lowest: Less than any bound, and of the type of a product. Shape ``[]``.
        groups: How many should be looked at for each item of a list; the nearer the bounds, the fewer.
        users: How many should be searched for at a time.
        block: Of about how many items products are made at a time, which then stay in the caches.
    """

    right: Tensor
    lowest: Tensor
    groups: int
    users: int
    block: int

    def left(self, user: Tensor) -> tuple[Tensor, Tensor]:
        """Make the factor of some users, ``[B, D']``, and what `limit` needs to know of them, ``[B]``."""

    def product(self, left: Tensor, right: Tensor, out: Tensor) -> None:
        """Write ``L R``, with some columns of the right factor."""

    def largest(self, values: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Select the largest entries of each row and their places, in any order. Each ``[B, count]``."""

    def limit(self, product: Tensor, known: Tensor) -> Tensor:
        """Bound the scores whose product is at most the given one; not a number for none. ``[B]``."""


def upper_bounds(item: Tensor) -> Bounds:
    """Choose the bounds that this processor computes fastest.

    Args:
        item: Vectors of the items. Shape ``[I, D]``.
    """
    if multiplies_tiles():
        return HalfBounds(item)
    return ByteBounds(item) if multiplies_bytes() else ExactBounds(item)


def multiplies_tiles() -> bool:
    """Tell whether the processor multiplies tiles of bfloat16 and torch makes use of it."""
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False) and torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def multiplies_bytes() -> bool:
    """Tell whether the processor multiplies bytes natively and torch makes use of it."""
    can = torch.cpu.get_capabilities().get("avx512_vnni", False)
    return bool(can and torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


class ExactBounds:
    """The inner products themselves, in float32."""

    lowest = torch.tensor(-torch.inf)
    groups, users, block = 2, 256, 2048

    def __init__(self, item: Tensor) -> None:
        self.right = item.T

    def left(self, user: Tensor) -> tuple[Tensor, Tensor]:
        """Take the vectors as they are."""
        return user, user.new_zeros(len(user))

    def product(self, left: Tensor, right: Tensor, out: Tensor) -> None:
        """Write ``L R``."""
        torch.mm(left, right, out=out)

    def largest(self, values: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Select with ``torch.topk``."""
        top = values.topk(count, dim=1, sorted=False)
        return top.values, top.indices

    def limit(self, product: Tensor, known: Tensor) -> Tensor:
        """Take the product itself."""
        return product


class HalfBounds:
    """Products of vectors rounded to bfloat16, compared by their bits.

    With ``u = ũ + δ`` and ``i = ĩ + ε``, ``u · i = ũ · ĩ + u · ε + δ · ĩ ≤ ũ · ĩ + ‖u‖ ‖ε‖ + ‖δ‖ ‖ĩ‖``; of
    ``ε`` and ``ĩ`` the longest are taken. The 16 bits of a product, which is rounded again, are read as an
    integer. The largest of these is found in a quarter of the time: from zero on such integers are ordered
    like their numbers, and all numbers below zero come before these. So a product below zero limits nothing.

    Args:
        item: Vectors of the items. Shape ``[I, D]``.
    """

    lowest = torch.tensor(-(1 << 15), dtype=torch.int16)  # the bits of -0.0
    groups, users, block = 2, 512, 13_000

    def __init__(self, item: Tensor) -> None:
        rounded, errors = _halves(item)
        self.right = rounded.T
        self.error, self.length = errors.max(), _lengths(rounded).max()

    def left(self, user: Tensor) -> tuple[Tensor, Tensor]:
        """Round the vectors, and bound how far rounding of both sides can move a product."""
        rounded, error = _halves(user)
        lost = user.shape[1] * torch.finfo(torch.float32).tiny  # by products that are taken for zero
        return rounded, _lengths(user) * self.error + error * self.length + lost

    def product(self, left: Tensor, right: Tensor, out: Tensor) -> None:
        """Write the bits of ``L R``, which is added up in float32 and rounded once."""
        torch.mm(left, right, out=out.view(torch.bfloat16))

    def largest(self, values: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Select by value and place in one number."""
        top, places = _largest(values, count, 1 << 15)
        return top.short(), places

    def limit(self, product: Tensor, known: Tensor) -> Tensor:
        """Bound the number of these bits before it was rounded, and add what rounding had moved."""
        number = product.view(torch.bfloat16).float()
        return (number * (1 + 2.0**-8) + known).where(product >= 0, torch.nan)


class ByteBounds:
    """Products of vectors rounded to bytes, plus what the rounding may hide.

    With ``u = s (û + δ)`` and ``i = t (î + ε)``, where ``û`` and ``î`` are integers between −127 and 127, the
    inequality of Cauchy and Schwarz gives ``u · i ≤ s t (û · î + ‖u / s‖ ‖ε‖ + ‖δ‖ ‖î‖)``. The two products
    of lengths are two more coordinates, rounded up, so that the product of integers is the bound. The vectors
    are first turned by a fixed rotation, which changes no inner product and leaves no coordinate much longer
    than the rest. Users whose lengths do not fit a byte have bounds that are no numbers.

    Args:
        item: Vectors of the items. Shape ``[I, D]``.
    """

    groups, users, block = 3, 256, 2048

    def __init__(self, item: Tensor) -> None:
        dim = item.shape[1]
        random = torch.randn(dim, dim, generator=torch.Generator().manual_seed(0))
        self.rotation = torch.linalg.qr(random).Q.to(item.dtype)
        rounded, error, length, self.step = _rounded(item @ self.rotation, whole=True)
        levels = min(4 * dim**0.5, _LARGEST)  # a typical user then has about as many
        self.error_unit, self.length_unit = _unit(error, levels), _unit(length, levels)
        lengths = torch.stack([error / self.error_unit, length / self.length_unit], dim=1).ceil()
        right = torch.cat([rounded, lengths], dim=1)
        self.right = right.to(torch.int8).T
        self.lowest = -(_LARGEST * right.abs().sum(1).amax().int() + 1)

    def left(self, user: Tensor) -> tuple[Tensor, Tensor]:
        """Round the vectors, add coordinates for the errors, and give the units of the products."""
        turned = user @ self.rotation
        rounded, error, _, step = _rounded(turned, whole=False)
        length = turned.norm(dim=1) / step * _ROOM
        lengths = torch.stack([length * self.error_unit, error * self.length_unit], dim=1).ceil()
        fits = (lengths <= _LARGEST).all(dim=1)
        left = torch.cat([rounded, lengths.clamp_max(_LARGEST)], dim=1).to(torch.int8)
        return left, (step * self.step).where(fits, torch.nan)

    def product(self, left: Tensor, right: Tensor, out: Tensor) -> None:
        """Write ``L R``, exact in integers."""
        byte_products(left, right, out)

    def largest(self, values: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Select by value and place in one number."""
        return _largest(values, count, -int(self.lowest))

    def limit(self, product: Tensor, known: Tensor) -> Tensor:
        """Convert the product to its unit."""
        return product * known


def _largest(values: Tensor, count: int, size: int) -> tuple[Tensor, Tensor]:
    """Select the largest integers by NumPy's partition of values and places in one.

    That takes half the time of ``torch.topk``.

    Args:
        values: Integers from ``-size`` to ``size - 1``. Shape ``[B, groups]``.
        count: How many of each row.
        size: Bound of the values.
    """
    width = values.shape[1]
    bits = width.bit_length()
    fits = size << bits <= 1 << 31
    places = torch.arange(width, dtype=torch.int32 if fits else torch.int64)
    keys = values.to(places.dtype, copy=True).bitwise_left_shift_(bits).bitwise_or_(places)
    keys.numpy().partition(width - count, axis=1)
    top = keys[:, width - count :]
    return (top >> bits).int(), (top & ((1 << bits) - 1)).long()


def _halves(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Convert to bfloat16 without what processors take for zero, and give the length of the rest."""
    half = vectors.bfloat16()
    half = half.where(half.abs() >= torch.finfo(half.dtype).tiny, 0)
    return half, _lengths(vectors - half.float())


def _lengths(vectors: Tensor) -> Tensor:
    """Compute lengths, not less than they are; squares of small numbers need the range of float64."""
    lengths: Tensor = vectors.double().norm(dim=1)
    return lengths.float() * _ROOM


def _rounded(vectors: Tensor, whole: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Round to multiples of a step, of each row or of all.

    Returns the multiples, the length of what is cut off, their length, the step.
    """
    largest = vectors.abs().amax() if whole else vectors.abs().amax(dim=1)
    step = (largest / _LARGEST).clamp_min(torch.finfo(vectors.dtype).tiny)
    scaled = vectors / (step if whole else step[:, None])
    rounded = scaled.round()
    return rounded, (scaled - rounded).norm(dim=1) * _ROOM, rounded.norm(dim=1) * _ROOM, step


def _unit(lengths: Tensor, levels: float) -> Tensor:
    return (lengths.max() / levels).clamp_min(torch.finfo(lengths.dtype).tiny)
