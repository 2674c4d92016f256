"""Concave hulls of levels, all pairs at once: the steps that any price of budget can lead to."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK = 1 << 12
"""Pairs at a time on a CPU: the levels stay in the cache of a core, and torch, which shares larger tables out
among its threads, does not wait for them at each of a thousand small steps."""
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
        """Find the level of each pair after the steps that are kept. ``[S, P]`` to ``[P]`` (int64)."""
        level = self.start.long()
        for step in range(len(self.target)):
            level = torch.where(kept[step] & (self.cost[step] > 0), self.target[step].long(), level)
        return level

    def value(self, kept: Tensor) -> float:
        """Sum the value gained by the steps that are kept."""
        return float((self.slope.double() * self.cost.double() * kept).sum())

    def next_slope(self, kept: Tensor) -> Tensor:
        """Find the slope of each pair's first step not kept, 0 where there is none. ``[S, P]`` to ``[P]``."""
        best = torch.zeros_like(self.free)
        for slope, taken in zip(self.slope, kept, strict=True):
            best = torch.maximum(best, slope.masked_fill(taken, 0))
        return best

    def reduced(self, price: Tensor) -> Tensor:
        """Compute what each pair is worth beyond its spend at a price. ``[]`` or ``[P]`` to ``[P]``.

        A pair that is not worth its first step gets how far it is from that, below 0. Pairs can so be put in
        order.
        """
        gain = self.free + ((self.slope - price).clamp(min=0) * self.cost).sum(0)
        short = self.slope[0] - price if len(self.slope) else torch.zeros_like(gain)
        return torch.where(gain > 0, gain, short.clamp(max=0))


def hull_steps(value: Tensor, spend: Tensor) -> Steps:
    """Find the steps of each pair. Levels at minus infinity are never reached.

    Args:
        value: Shape ``[P, R]``.
        spend: Not negative, one level at least free. Shape ``[P, R]``.
    """
    size = CHUNK if value.device.type == "cpu" else max(1, len(value))
    chunks = zip(torch.split(value, size), torch.split(spend, size), strict=True)
    parts = [_steps(values.T.contiguous(), spends.T.contiguous()) for values, spends in chunks]
    if not parts:
        parts = [_steps(value.T, spend.T)]
    start, free = (torch.cat([getattr(part, name) for part in parts]) for name in ("start", "free"))
    target, slope, cost = (
        torch.cat([getattr(part, name) for part in parts], dim=1) for name in ("target", "slope", "cost")
    )
    return Steps(start, free, target, slope, cost)


def _steps(value: Tensor, spend: Tensor) -> Steps:
    """Walk each hull from its best free level, always the steepest way up. Tables ``[R, P]``."""
    order = None
    if len(spend) > 1 and (spend[1:] < spend[:-1]).any():
        spend, order = spend.sort(dim=0, stable=True)
        value = value.gather(0, order)
    start, here_value = _best_free(value, spend)
    free = here_value - (value[0] if order is None else value.gather(0, order.argmin(0)[None])[0])
    here_spend = torch.zeros_like(here_value)
    targets: list[Tensor] = []
    slopes: list[Tensor] = []
    costs: list[Tensor] = []
    for step in range(len(value) - 1):
        slope, target, next_value, next_spend = _steepest(value, spend, here_value, here_spend, step + 1)
        slope = slope if not slopes else torch.minimum(slope, slopes[-1])  # rounding must not turn it
        targets, slopes, costs = [*targets, target], [*slopes, slope], [*costs, next_spend - here_spend]
        here_value, here_spend = next_value, next_spend
    empty = value.new_zeros(0, value.shape[1])
    table = torch.stack(targets) if targets else empty.to(torch.int8)
    if order is not None:
        start = order.gather(0, start.long()[None])[0].to(torch.int8)
        table = order.gather(0, table.long()).to(torch.int8)
    return Steps(
        start,
        free,
        table,
        torch.stack(slopes) if slopes else empty,
        torch.stack(costs) if costs else empty,
    )


def _best_free(value: Tensor, spend: Tensor) -> tuple[Tensor, Tensor]:
    """Find the first level of the highest value of those that spend nothing, and its value. ``[P]`` each."""
    best, level = value[0], torch.zeros_like(value[0], dtype=torch.int8)
    for index in range(1, len(value)):
        better = (spend[index] == 0) & (value[index] > best)
        best, level = torch.where(better, value[index], best), level.masked_fill(better, index)
    return level, best


def _steepest(
    value: Tensor, spend: Tensor, here_value: Tensor, here_spend: Tensor, first: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Find slope, level, value and spend of the steepest way up. ``[P]`` each.

    Of equally steep ways it is the longest. Spends rise with the level, so after n steps a pair stands at
    level n or above: only what lies higher is looked at. A level below has no spend left to it, which makes
    its slope minus infinity or not a number.
    """
    steepest = torch.full_like(here_value, torch.finfo(value.dtype).tiny)
    level = torch.zeros_like(here_value, dtype=torch.int8)
    next_value, next_spend = here_value, here_spend
    for index in range(first, len(value)):
        cost = (spend[index] - here_spend).clamp_(min=0)
        slope = (value[index] - here_value).div_(cost)
        better = slope >= steepest
        steepest = torch.fmax(steepest, slope)
        level = level.masked_fill_(better, index)
        next_value = torch.where(better, value[index], next_value)
        next_spend = torch.where(better, spend[index], next_spend)
    return torch.where(level > 0, steepest, 0), level, next_value, next_spend


def take_steepest(slope: Tensor, cost: Tensor, budget: float) -> tuple[Tensor, float]:
    """Take steps in order of slope until the first that no longer fits.

    Halves the steps around a median until few are left to sort, so that its time is linear in them.

    Args:
        slope: Shape ``[M]``.
        cost: Above 0. Shape ``[M]``.
        budget: Upper bound of the taken costs' sum.

    Returns:
        Which are taken, shape ``[M]``, and the slope of the first that is not, 0 if all are.
    """
    low, high, left = -math.inf, math.inf, (slope, cost)
    while len(left[0]) > SORTED:
        pivot = left[0][:: max(1, len(left[0]) // 1024)].median()
        above = left[0] > pivot
        together = float(left[1][above].sum(dtype=torch.float64))
        if not above.any():
            break
        if together <= budget:
            budget, high, above = budget - together, float(pivot), ~above
        else:
            low = float(pivot)
        left = (left[0][above], left[1][above])
    taken = slope > high
    place = ((slope > low) & ~taken).nonzero()[:, 0]
    order = place[slope[place].argsort(descending=True, stable=True)]
    fits = cost[order].cumsum(0, dtype=torch.float64) <= budget
    taken[order[fits]] = True
    rest = order[~fits]
    return taken, float(slope[rest[0]]) if len(rest) else max(low, 0.0)
