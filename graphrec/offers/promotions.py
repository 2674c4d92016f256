"""Kinds of promotion and the rate each comes to.

``percent``, ``amount`` and ``coupon`` (one rate over a set of products) are chosen in
`graphrec.offers.levels`, ``threshold`` per household in `graphrec.offers.thresholds`; rate 0 is ``none``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from graphrec.errors import InputError
from graphrec.offers.economics import FloatArray

Promotion = Literal["none", "percent", "amount", "threshold", "coupon"]


def percent_rate(percent_off: npt.ArrayLike) -> FloatArray:
    """Rate of "20 % off".

    Args:
        percent_off: Per cent, in [0, 100). Any shape.

    Raises:
        InputError: If a value is outside that range.
    """
    off = np.asarray(percent_off, dtype=np.float64)
    if not ((off >= 0.0) & (off < 100.0)).all():
        mend = "give per cent, as 20 for 20 % off"
        raise InputError("a percentage is not in 0..100", column="percent", mend=mend)
    return np.asarray(off / 100.0, dtype=np.float64)


def amount_rate(amount: npt.ArrayLike, price: npt.ArrayLike) -> FloatArray:
    """Rate of a fixed amount off one unit, ``f / P``.

    Args:
        amount: Money off, not negative. Broadcasts with `price`.
        price: Regular price, above the amount.

    Raises:
        InputError: If an amount is negative or reaches the price.
    """
    off, regular = np.broadcast_arrays(np.asarray(amount, dtype=float), np.asarray(price, dtype=float))
    if not ((off >= 0.0) & (off < regular)).all():
        mend = "give an amount from 0 to less than the price"
        raise InputError("an amount off is negative or reaches the price", column="amount", mend=mend)
    return np.asarray(off / regular, dtype=np.float64)


def threshold_rate(basket: npt.ArrayLike, threshold: float, saving: float) -> FloatArray:
    """Effective rate of "spend T, save y" (满减) on a basket b: ``y / b`` where ``b >= T``, else 0.

    Args:
        basket: Value of baskets before the saving, not negative. Any shape.
        threshold: T, above `saving`.
        saving: y, not negative.

    Raises:
        InputError: If the saving reaches the threshold, or a value is negative.
    """
    value = np.asarray(basket, dtype=np.float64)
    if not 0.0 <= saving < threshold:
        mend = "give 0 <= saving < threshold"
        raise InputError(f"saving {saving} does not fit spending {threshold}", column="threshold", mend=mend)
    if not (value >= 0.0).all():
        raise InputError("a basket is missing or negative", column="basket", mend="give its value in money")
    return np.divide(saving, value, out=np.zeros_like(value), where=value >= threshold)
