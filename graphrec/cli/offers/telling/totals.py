"""What each policy is expected to bring, on the terminal."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphrec.cli.terminal import print_frame
from graphrec.report.offer_summary import ENDS, policy_totals


def print_totals(offers: pd.DataFrame) -> None:
    """Print a small table, and below it how much of a gain is likely luck of the choice."""
    totals = policy_totals(offers)
    low, high = (totals.pop(name) for name in ENDS)
    known = totals["gain"].notna() & low.notna() & (low != high)
    said = [
        luck(*row)
        for row in zip(*(of[known] for of in (totals["policy"], totals["gain"], low, high)), strict=True)
    ]
    for column in ("units", "revenue", "profit", "spend", "gain"):
        totals[column] = totals[column].map(lambda value: "–" if pd.isna(value) else f"{value:,.0f}")
    low, high = (end.map("{:,.0f}".format) for end in (low, high))
    totals["gain"] += (" [" + low + ", " + high + "]").where(known, "")
    totals["mean_rate"] = totals["mean_rate"].map(lambda rate: "–" if np.isnan(rate) else f"{rate:.2%}")
    print_frame(totals, "What each policy is expected to bring (gain: profit beyond the policy none)")
    for sentence in filter(None, said):
        print(sentence)


def luck(policy: str, gain: float, low: float, high: float) -> str:
    """Say how much of a gain is likely luck of the choice; nothing where it is none.

    Args:
        policy: Its name.
        gain: As foretold.
        low: End of its interval.
        high: The other end; what is likely lies in the middle.
    """
    likely = (low + high) / 2
    if round(likely) >= round(gain):
        return ""
    part = f"{gain - likely:,.0f} is likely luck of the choice, and {likely:,.0f} remains"
    return f"Of the gain of {policy} that is foretold, {gain:,.0f}, {part}."
