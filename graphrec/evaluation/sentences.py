"""Sentences that follow from numbers, whichever way they fall: what is to be read off a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def lead(
    name: str,
    values: Sequence[float],
    other: str,
    other_values: Sequence[float],
    *,
    digits: int = 4,
    unit: str = "",
) -> str:
    """Say which of two is ahead, by how much, and whether by more than repetitions differ.

    Args:
        name: What the first is called.
        values: Of its repetitions, such as seeds; the larger the better.
        other: What the second is called.
        other_values: Of its repetitions.
        digits: After the point.
        unit: Behind each number, such as `` %``.

    Returns:
        One sentence with a full stop.
    """
    first, second = (np.asarray(one, dtype=np.float64) for one in (values, other_values))
    gain = float(first.mean() - second.mean())
    if gain < 0:
        name, other = other, name
    ahead = f"{name} is ahead of {other} by {abs(gain):.{digits}f}{unit}"
    if float(f"{abs(gain):.{digits}f}") == 0:
        return f"{name} and {other} are equal to {digits} digits."
    apart = max(float(np.ptp(one)) for one in (first, second))
    shown = f"{apart:.{digits}f}{unit}"
    if max(len(first), len(second)) < 2:
        return f"{ahead}; with one repetition each nobody knows what chance does."
    if abs(gain) > apart:
        return f"{ahead}, more than repetitions differ ({shown})."
    return f"{ahead}, not more than repetitions differ ({shown}): it may be chance."
