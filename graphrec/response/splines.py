"""The shapes that a response curve is a weighted sum of: increasing in the rate, 0 without a discount."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from graphrec.errors import InputError

KNOTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
"""Rates between which a curve may bend; beyond the last one only ``-log(1 - d)`` goes on rising."""


def check_knots(knots: Sequence[float]) -> tuple[float, ...]:
    """Check knots and give the same ones, if curves can be made of them.

    Raises:
        InputError: If they do not start with 0 and increase within [0, 1).
    """
    given = tuple(float(knot) for knot in knots)
    increasing = all(low < high for low, high in pairwise(given))
    if len(given) < 2 or given[0] != 0.0 or given[-1] >= 1.0 or not increasing:
        hint = "give increasing rates that start with 0 and stay below 1, as [0, 0.2, 0.4]"
        raise InputError(f"{list(given)} are no knots", column="knots", hint=hint)
    return given


def num_shapes(knots: Sequence[float]) -> int:
    """Count the shapes over these knots, ``K``: the logarithm, and one rise around each but the last."""
    return len(knots)


def response_shapes(rate: Tensor, knots: Sequence[float] = KNOTS) -> Tensor:
    """Compute the values ``h_k(d)`` of the shapes at some rates.

    The first is ``-log(1 - d)``, which gives constant elasticity where purchases are rare. Each other one is
    an I-spline of order 2 (Ramsay, Statistical Science 1988): it rises smoothly from 0 before the knot
    before its own to 1 after the next one, so its weight is its rise in logits. The first spline starts at
    full slope, because even a small discount is announced on the shelf.

    Args:
        rate: Discounts in [0, 1). Shape ``[...]``.
        knots: Rates between which a curve may bend; the first is 0. Length ``K``.

    Returns:
        Shape ``[..., K]``, each at least 0, non-decreasing in the rate and 0 at rate 0.
    """
    at = torch.tensor(knots, dtype=rate.dtype, device=rate.device)
    before, peak, after = at.clone(), at.clone(), at.clone()
    before[1:], after[:-1] = at[:-1], at[1:]
    before, peak, after = before[:-1], peak[:-1], after[:-1]
    d = rate.unsqueeze(-1)
    rising = torch.clamp((d - before) / (peak - before).clamp(min=1e-9), 0.0, 1.0)
    falling = torch.clamp((d - peak) / (after - peak), 0.0, 1.0)
    area = (peak - before) * rising.square() / 2 + (after - peak) * (falling - falling.square() / 2)
    splines = 2.0 * area / (after - before)
    return torch.cat([-torch.log1p(-d), splines], dim=-1)
