"""Vectors of users that training never saw, improved by what training would have asked of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from graphrec.graph import BipartiteGraph
from graphrec.kernels.inner_products import inner_products
from graphrec.models.base import Decoder

_STEPS, _RATE = 40, 0.35
"""Steps of Adam on a vector of length 1, and how far one goes, in units of a number of such a vector."""
_MOST_ITEMS = 16_384
"""Items that a step compares with; of a larger catalogue so many are drawn, the same for everybody."""
_USERS = 256
"""Users at a time, which bounds the memory."""
SOLVED = "their vectors are then fitted to their baskets, with the items as they are"
"""What this adds to a fold-in, in words."""


def refined(users: Tensor, baskets: BipartiteGraph, decoder: Decoder, items: Tensor, prior: Tensor) -> Tensor:
    """Fit the directions of users to their baskets, by the softmax over the items; each by itself.

    It is what training minimises, for these users alone and from where the encoder puts them. Somebody
    without a basket, or of whom nothing is known, stays as they are.

    Args:
        users: What the encoder gives. Shape ``[n, D]``.
        baskets: What they bought.
        decoder: Has to score by directions, see `Decoder.scores_directions`.
        items: Vectors of the items. Shape ``[I, D]``.
        prior: What is added to the scores of the items. Shape ``[I]``.
    """
    length = users.norm(dim=1, keepdim=True)
    active = (baskets.seen.counts(torch.arange(len(users))) > 0).to(users.device) & (length[:, 0] > 0)
    found = users.clone()
    for some in active.nonzero()[:, 0].split(_USERS):
        found[some] = length[some] * _fitted(users[some], some, baskets, decoder, items, prior)
    return found


def _fitted(
    users: Tensor, codes: Tensor, baskets: BipartiteGraph, decoder: Decoder, items: Tensor, prior: Tensor
) -> Tensor:
    """Fit some of them, in length 1. ``[n, D]``."""
    rows, places = baskets.seen.places(codes)
    weight = baskets.relative(places).to(users)
    share = weight / torch.zeros(len(users)).to(users).index_add_(0, rows, weight).clamp_min(1e-12)[rows]
    bought = baskets.edge_item[places]
    among = _compared(len(items), bought)
    column = torch.searchsorted(among, bought)
    direction = functional.normalize(users, dim=1).detach().requires_grad_()
    optimizer = torch.optim.Adam([direction], lr=_RATE / users.shape[1] ** 0.5)
    scores = _scorer(decoder, direction.detach(), items[among])
    with torch.enable_grad():
        for _ in range(_STEPS):
            chances = torch.log_softmax(scores(direction) + prior[among], dim=1)
            loss = -(share * chances[rows, column]).sum()
            (direction.grad,) = torch.autograd.grad(loss, [direction])
            optimizer.step()
    return functional.normalize(direction.detach(), dim=1)


def _scorer(decoder: Decoder, users: Tensor, items: Tensor) -> Callable[[Tensor], Tensor]:
    """Make what scores users among some items, whose side of an inner product stays the same. ``[n, m]``."""
    product = decoder.by_factors
    if product is None:
        return lambda found: decoder.matrix(found, items)
    _, right = product.factors(users[:1], items)
    return lambda found: inner_products(product.factors(found, items[:1])[0], right)


def _compared(count: int, bought: Tensor) -> Tensor:
    """Choose the items that a step compares with, in order: all, or some and what was bought."""
    if count <= _MOST_ITEMS:
        return torch.arange(count, device=bought.device)
    drawn = torch.randperm(count, generator=torch.Generator().manual_seed(0))[:_MOST_ITEMS]
    both: Tensor = torch.unique(torch.cat([drawn.to(bought.device), bought]))
    return both
