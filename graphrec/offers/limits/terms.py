"""What an offer may cost, how often it may come, and of which kind it is with which rate.

Of the kinds of promotion, ``percent``, ``amount`` and ``coupon`` (one rate over a set of products) are chosen
in `graphrec.offers.levels`, ``threshold`` per household in `graphrec.offers.thresholds`; rate 0 is
``none``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from graphrec.errors import InputError
from graphrec.offers.budget.budgets import GroupBudget
from graphrec.offers.levels import Promotion
from graphrec.offers.limits.exposure import Frequency


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
        amounts: Money off that an ``amount`` may be; the usual ones if missing.
    """

    frequency: Frequency = field(default_factory=Frequency)
    exposure: pd.DataFrame | None = None
    week: int | None = None
    campaign: pd.Series[Any] | None = None
    campaign_budgets: dict[str, float] | None = None
    groups: pd.Series[Any] | None = None
    promotion: Promotion = "percent"
    amounts: tuple[float, ...] | None = None

    def family(self) -> tuple[GroupBudget, ...]:
        """Turn the budgets by campaign into arrays.

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
