"""The budget curve of a policy: what its offers are expected to bring, the best return first."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphrec.report.offer_summary import REFERENCE

PAIR = ["scenario", "user_id", "item_id"]
POINTS = 200
"""Points of a curve; a table of a million offers is drawn with as many as one of a thousand."""


def budget_curves(offers: pd.DataFrame) -> tuple[dict[str, dict[str, pd.DataFrame]], list[str]]:
    """Add up gain and spend of each policy's offers in order of gain per unit of money.

    The gain of an offer is its expected profit less that of the same pair under policy `none`.

    Args:
        offers: Offers table.

    Returns:
        Columns spend and gain, from 0, by scenario and policy; and why some have none, a sentence each.
    """
    given = offers[(offers["rate"] > 0) & (offers["policy"] != REFERENCE)]
    reference = offers[offers["policy"] == REFERENCE]
    if reference.duplicated(PAIR).any():
        return {}, [f"no budget curve: policy {REFERENCE} decides twice on one pair"]
    without = reference.set_index(PAIR)["expected_profit"].rename("without")
    joined = given.join(without, on=PAIR)
    curves: dict[str, dict[str, pd.DataFrame]] = {}
    left_out = []
    for (scenario, policy), part in joined.groupby(["scenario", "policy"], sort=False):
        if part["without"].isna().any():
            left_out.append(
                f"no budget curve of {policy}: policy {REFERENCE} does not decide on all its pairs"
            )
        else:
            curves.setdefault(str(scenario), {})[str(policy)] = _curve(part)
    return curves, left_out


def _curve(part: pd.DataFrame) -> pd.DataFrame:
    """Make the curve of one policy."""
    gain = part["expected_profit"] - part["without"]
    spend = part["spend"]
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = np.where(spend > 0, gain / spend, np.sign(gain) * np.inf)
    order = np.argsort(-np.nan_to_num(returns), kind="stable")
    start = pd.DataFrame({"spend": [0.0], "gain": [0.0]})
    steps = pd.DataFrame({"spend": spend.to_numpy()[order].cumsum(), "gain": gain.to_numpy()[order].cumsum()})
    whole = pd.concat([start, steps], ignore_index=True)
    kept = np.unique(np.linspace(0, len(whole) - 1, min(len(whole), POINTS)).round().astype(int))
    return whole.iloc[kept].reset_index(drop=True)
