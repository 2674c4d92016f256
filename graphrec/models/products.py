"""Inner products of every user of a batch with every item."""

from __future__ import annotations

import torch
from torch import Tensor

_BLOCK = 1024  # items; 512 to 4,096 take about the same time


def inner_products(user: Tensor, item: Tensor) -> Tensor:
    """``U Iᵀ`` in a tensor of its own: ``[B, D]`` and ``[I, D]`` to ``[B, I]``.

    On a CPU and without gradient it is computed for a block of items at a time, with the same numbers: the
    operands of a block stay in the cache, which makes the product of a few hundred users and a whole
    catalogue about twice as fast. Gradients, autocast and other devices take the plain product.
    """
    tracked = torch.is_grad_enabled() and (user.requires_grad or item.requires_grad)
    if tracked or not user.is_cpu or torch.is_autocast_enabled("cpu"):
        return user @ item.T
    scores = user.new_empty(len(user), len(item))
    for start in range(0, len(item), _BLOCK):
        block = slice(start, start + _BLOCK)
        torch.mm(user, item[block].T, out=scores[:, block])
    return scores
