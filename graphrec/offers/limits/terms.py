"""What an offer may cost, how often it may come, and of which kind it is with which rate.

Of the kinds of promotion, ``percent``, ``amount`` and ``coupon`` (one rate over a set of products) are chosen
in `graphrec.offers.levels`, ``threshold`` per household in `graphrec.offers.thresholds`; rate 0 is
``none``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.errors import InputError
from graphrec.offers.budget.budgets import GroupBudget
from graphrec.offers.levels import Promotion
from graphrec.offers.limits.exposure import Frequency


def percent_rate(percent_off: npt.ArrayLike) -> FloatArray:
    """Rate of "20 % off".

    Args:
        percent_off: Per cent, in [0, 100). Any shape.

    Raises:
        InputError: If a value is outside that range.
    """
    off = np.asarray(percent_off, dtype=np.float64)
    if not ((off >= 0.0) & (off < 100.0)).all():
        hint = "give per cent, as 20 for 20 % off"
        raise InputError("a percentage is not in 0..100", column="percent", hint=hint)
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
        hint = "give an amount from 0 to less than the price"
        raise InputError("an amount off is negative or reaches the price", column="amount", hint=hint)
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
        hint = "give 0 <= saving < threshold"
        raise InputError(f"saving {saving} does not fit spending {threshold}", column="threshold", hint=hint)
    if not (value >= 0.0).all():
        raise InputError("a basket is missing or negative", column="basket", hint="give its value in money")
    return np.divide(saving, value, out=np.zeros_like(value), where=value >= threshold)


@dataclass(frozen=True)
class Terms:
    """What an offer may cost and how often it may come, besides the total budget.

    Args:
        frequency: Caps on offers per user and cool-down.
        exposure: Past offers (`graphrec.offers.limits.exposure.read_exposure`).
        week: The week that is decided for, counted as in the exposure table; past offers need one.
        campaign: Campaign or category of each candidate; missing for none. Shape ``[P]``.
        campaign_budgets: Budget by campaign, in money.
        groups: Demographic group by ``user_id``, for the guardrail `max_parity_gap`.
        promotion: ``percent``, ``amount`` or ``coupon`` (over the candidates' ``product_set``).
    """

    frequency: Frequency = field(default_factory=Frequency)
    exposure: pd.DataFrame | None = None
    week: int | None = None
    campaign: pd.Series[Any] | None = None
    campaign_budgets: dict[str, float] | None = None
    groups: pd.Series[Any] | None = None
    promotion: Promotion = "percent"

    def family(self) -> tuple[GroupBudget, ...]:
        """Budgets by campaign as arrays.

        Raises:
            InputError: If a campaign has no candidate.
        """
        if self.campaign_budgets is None:
            return ()
        if self.campaign is None:
            hint = "name the column that tells an item's campaign"
            raise InputError("no candidate has a campaign", column="campaign_budgets", hint=hint)
        places = {name: place for place, name in enumerate(self.campaign_budgets)}
        named = self.campaign.astype("str")
        for name in places:
            if not (named == name).any():
                hint = f"known are {', '.join(sorted(named.dropna().unique())[:8])}"
                raise InputError(f"no candidate is in '{name}'", column="campaign_budgets", hint=hint)
        group = np.asarray(named.map(places).fillna(-1), dtype=np.int64)
        return (GroupBudget(group, np.array(list(self.campaign_budgets.values()), dtype=np.float64)),)
