"""The highest rate that each pair may get, and which limit says so: all guardrails become masks by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrec.arrays import AnyArray, BoolArray, FloatArray, IntArray
from graphrec.offers.economics import Money
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.reasons import Reason

ROUNDING = 1e-9
"""A rate this close above a limit is at it."""


@dataclass(frozen=True)
class Limit:
    """One guardrail's highest rate for each pair.

    Args:
        reason: What it is told as.
        rate: In [0, 1); infinite where it does not bind. Shape ``[P]``.
    """

    reason: Reason
    rate: FloatArray


def rate_limits(
    guardrails: Guardrails,
    economics: Money,
    max_depth: FloatArray,
    cooling: BoolArray,
    gone: BoolArray,
) -> list[Limit]:
    """List the limits of ``P`` pairs, the most specific first.

    Args:
        guardrails: What is allowed.
        economics: Margin and funding.
        max_depth: Deepest discount that the item's log shows; infinite where it shows no prices. ``[P]``.
        cooling: Pairs that were offered too recently. ``[P]``.
        gone: Pairs of items that sell out without a discount. ``[P]``.
    """
    pairs = len(max_depth)
    limits = [
        Limit(Reason.COOL_DOWN, np.where(cooling, 0.0, np.inf)),
        Limit(Reason.STOCK, np.where(gone, 0.0, np.inf)),
        Limit(Reason.MAX_RATE, np.broadcast_to(guardrails.max_rate, pairs).astype(np.float64)),
        Limit(Reason.MIN_MARGIN, np.broadcast_to(guardrails.margin_limit(economics), pairs)),
    ]
    if guardrails.observed_depths:
        limits.append(Limit(Reason.OBSERVED_DEPTH, max_depth))
    return limits


def tightest(limits: list[Limit]) -> FloatArray:
    """Find the highest rate that every limit allows. Shape ``[P]``."""
    return np.asarray(np.min([limit.rate for limit in limits], axis=0), dtype=np.float64)


def limit_reasons(limits: list[Limit], refused: BoolArray, reason: AnyArray) -> AnyArray:
    """Put the tightest limit as the reason of the pairs that it refused something. ``[P]`` to ``[P]``."""
    binding = np.argmin([limit.rate for limit in limits], axis=0)
    names = np.empty(len(limits), dtype=object)
    names[:] = [limit.reason for limit in limits]
    return np.where(refused, names[binding], reason)


def spread_window(worth: FloatArray, rates: FloatArray, item: IntArray, spread: float) -> BoolArray:
    """Find levels that keep an item's offers within a spread: each item's best window, and no offer.

    Args:
        worth: Value of each level, minus infinity where it is not allowed. Shape ``[P, R]``.
        rates: Rate of each level, level 0 at rate 0. Shape ``[P, R]``.
        item: Code of each pair's item. Shape ``[P]``.
        spread: The largest difference of two rates on one item.

    Returns:
        Which levels may be used. Shape ``[P, R]``.
    """
    items = int(item.max(initial=-1)) + 1
    best, low = np.full(items, -np.inf), np.zeros(items)
    for level in rates.T[1:]:  # money off is another rate for each price, so each item has its own
        start = np.full(items, np.inf)
        np.minimum.at(start, item, np.where(level > 0, level, np.inf))
        first = start[item][:, None]
        inside = (rates >= first - ROUNDING) & (rates <= first + spread + ROUNDING)
        inside[:, 0] = True
        total = np.bincount(item, np.where(inside, worth, -np.inf).max(axis=1), items)
        better = (total > best) & np.isfinite(start)
        best, low = np.where(better, total, best), np.where(better, start, low)
    lowest = low[item][:, None]
    allowed = (rates >= lowest - ROUNDING) & (rates <= lowest + spread + ROUNDING)
    allowed[:, 0] = True
    return np.asarray(allowed, dtype=np.bool_)


def spread_cap(rate: FloatArray, item: IntArray, spread: float) -> FloatArray:
    """Find each pair's highest rate within a spread above its item's lowest offer. ``[P]`` to ``[P]``."""
    lowest = np.full(int(item.max(initial=-1)) + 1, np.inf)
    offered = rate > 0
    np.minimum.at(lowest, item[offered], rate[offered])
    return np.asarray(lowest[item] + spread, dtype=np.float64)
