"""Concave hulls of levels, all pairs at once: the steps that any price of budget can lead to."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK = 1 << 15
"""Pairs at a time, so that a chunk's levels stay in the cache of a core."""
SORTED = 1 << 16
"""Fewer steps than this are sorted, more are halved first."""


@dataclass(frozen=True)
class Steps:
    """From each pair's best free level upwards: ``S = R - 1`` steps, the slope falling.

    Args:
        start: Level before the first step. Shape ``[P]``.
        free: Value of that level beyond level 0, 0 or more. Shape ``[P]``.
        target: Level after each step. Shape ``[S, P]``.
        slope: Value gained per unit of spend, 0 where there is no step. Shape ``[S, P]``.
        cost: Spend of each step, 0 where there is no step. Shape ``[S, P]``.
    """

    start: Tensor
    free: Tensor
    target: Tensor
    slope: Tensor
    cost: Tensor

    @property
    def taken(self) -> Tensor:
        """Which steps there are. Shape ``[S, P]``."""
        return self.cost > 0

    def level(self, kept: Tensor) -> Tensor:
        """Where each pair stands after the steps that are kept. ``[S, P]`` to ``[P]`` (int64)."""
        level = self.start.long()
        for step in range(len(self.target)):
            level = torch.where(kept[step] & (self.cost[step] > 0), self.target[step].long(), level)
        return level

    def value(self, kept: Tensor) -> float:
        """Value gained by the steps that are kept."""
        return float((self.slope.double() * self.cost.double() * kept).sum())

    def reduced(self, price: Tensor) -> Tensor:
        """What each pair is worth beyond its spend at a price. ``[]`` or ``[P]`` to ``[P]``.

        A pair that is not worth its first step gets how far it is from that, below 0, so that pairs can be
        put in order.
        """
        gain = self.free + ((self.slope - price).clamp(min=0) * self.cost).sum(0)
        short = self.slope[0] - price if len(self.slope) else torch.zeros_like(gain)
        return torch.where(gain > 0, gain, short.clamp(max=0))


def hull_steps(value: Tensor, spend: Tensor) -> Steps:
    """Steps of each pair. Levels at minus infinity are never reached.

    Args:
        value: Shape ``[P, R]``.
        spend: Not negative, one level at least free. Shape ``[P, R]``.
    """
    chunks = zip(value.split(CHUNK), spend.split(CHUNK), strict=True)
    parts = [_steps(values.T.contiguous(), spends.T.contiguous()) for values, spends in chunks]
    if not parts:
        parts = [_steps(value.T, spend.T)]
    start, free = (torch.cat([getattr(part, name) for part in parts]) for name in ("start", "free"))
    target, slope, cost = (
        torch.cat([getattr(part, name) for part in parts], dim=1) for name in ("target", "slope", "cost")
    )
    return Steps(start, free, target, slope, cost)


def _steps(value: Tensor, spend: Tensor) -> Steps:
    """Walk each hull from the best free level: always to the level with the steepest way there. ``[R, P]``."""
    levels, pairs = value.shape
    free = value.masked_fill(spend > 0, -torch.inf)
    start = _first(free == free.amax(0)) if pairs else value.new_zeros(0, dtype=torch.int16)
    here = start.long()[None]
    targets, slopes, costs = [], [], []
    for _ in range(levels - 1):
        gain, cost = value - value.gather(0, here), spend - spend.gather(0, here)
        slope = torch.where((gain > 0) & (cost > 0), gain / cost, 0.0)
        steepest = slope.amax(0)
        # Of equally steep ways the longest: the corners between are no corners
        reach = torch.where((slope == steepest) & (slope > 0), cost, 0.0)
        longest = reach.amax(0)
        target = _first((reach == longest) & (reach > 0)).long()
        target = torch.where(longest > 0, target, here[0])
        limit = steepest if not slopes else torch.minimum(steepest, slopes[-1])  # rounding must not turn it
        targets, slopes, costs = [*targets, target.short()], [*slopes, limit], [*costs, longest]
        here = target[None]
    empty = value.new_zeros(0, pairs)
    return Steps(
        start,
        value.gather(0, start.long()[None])[0] - value[0],
        torch.stack(targets) if targets else empty.short(),
        torch.stack(slopes) if slopes else empty,
        torch.stack(costs) if costs else empty,
    )


def _first(mask: Tensor) -> Tensor:
    """Index of the first True in each column. ``[R, P]`` to ``[P]`` (int16), 0 where there is none."""
    return mask.to(torch.int8).argmax(0).short()


def take_steepest(slope: Tensor, cost: Tensor, budget: float) -> tuple[Tensor, float]:
    """Steps in order of slope until the first that no longer fits.

    Halves the steps around a median until few are left to sort, so that its time is linear in them.

    Args:
        slope: Shape ``[M]``.
        cost: Above 0. Shape ``[M]``.
        budget: Upper bound of the taken costs' sum.

    Returns:
        Which are taken, shape ``[M]``, and the slope of the first that is not, 0 if all are.
    """
    taken = torch.zeros_like(slope, dtype=torch.bool)
    place = torch.arange(len(slope), device=slope.device)
    price = 0.0
    while len(slope) > SORTED:
        pivot = slope[:: max(1, len(slope) // 1024)].median()
        above = slope > pivot
        if not above.any():
            break
        together = float(cost[above].sum(dtype=torch.float64))
        if together <= budget:
            taken[place[above]] = True
            budget -= together
            above = ~above
        else:
            price = float(pivot)  # unless a steeper one is found
        slope, cost, place = slope[above], cost[above], place[above]
    order = slope.argsort(descending=True, stable=True)
    running = cost[order].cumsum(0, dtype=torch.float64)
    fits = running <= budget
    taken[place[order[fits]]] = True
    left = order[~fits]
    return taken, float(slope[left[0]]) if len(left) else price
