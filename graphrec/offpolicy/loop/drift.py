"""Whether what was foretold came true in a week, and how much of it was new."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import RATE
from graphrec.offpolicy.loop.weeks import Week
from graphrec.response.recalibration import drift, reliability

FAR = 4.0
"""Standard deviations beyond which a difference is told as a drift."""


@dataclass(frozen=True)
class Drift:
    """Foretold beside seen.

    Args:
        rates: By rate: ``rate``, ``rows``, ``observed``, ``predicted``, ``ratio``, ``z``.
        tenths: By tenth of what was foretold: ``predicted``, ``observed``, ``rows``, ``error``.
        new_users: Share of the log's users that nothing was decided for.
        new_items: The same of its items.
    """

    rates: pd.DataFrame
    tenths: pd.DataFrame
    new_users: float
    new_items: float

    @property
    def said(self) -> str:
        """Say in a sentence how far the whole of it lies off."""
        seen = float((self.rates["observed"] * self.rates["rows"]).sum())
        foretold = float((self.rates["predicted"] * self.rates["rows"]).sum())
        z = float(np.abs(self.rates["z"]).max())
        where = "within noise at each rate" if z <= FAR else "further than noise explains: it has drifted"
        return (
            f"{seen:,.0f} pairs were bought and {foretold:,.0f} foretold, {where};"
            f" new are {self.new_users:.1%} of the users and {self.new_items:.1%} of the items"
        )


def drift_of(week: Week, log: pd.DataFrame) -> Drift:
    """Compare the table's own probabilities with what was bought.

    Args:
        week: Decisions and outcomes.
        log: Rows of the week, ids as the offers have them.
    """
    frame = week.frame
    chance, bought = frame["probability_at_rate"], frame["bought"]
    rates = drift(chance, bought, frame[RATE].round(6)).rename(columns={"week": "rate"})
    new = [
        float((~pd.Index(log[name].unique()).isin(frame[name].unique())).mean()) if len(log) else 0.0
        for name in (Columns.USER, Columns.ITEM)
    ]
    return Drift(rates, reliability(chance, bought, bins=10), *new)
