"""The offers section: totals, budget curve, one histogram and one sample per policy."""

from __future__ import annotations

from typing import Any

import pandas as pd
from markupsafe import Markup

from graphrec.offers.table import FOR_MANAGER, FOR_SHOPPER
from graphrec.report.budget import budget_curves
from graphrec.report.charts.budget import budget_curve
from graphrec.report.charts.rates import rate_histogram
from graphrec.report.offer_summary import check_offers, offers_sample, policy_totals


def offers_section(offers: pd.DataFrame) -> dict[str, Any]:
    """Fill the section.

    Args:
        offers: Offers table.

    Raises:
        InputError: It lacks rows or columns.
    """
    check_offers(offers)
    totals = policy_totals(offers)
    policies = list(dict.fromkeys(totals["policy"]))
    top = float(offers["rate"].max())
    pairs = offers.drop_duplicates(["scenario", "user_id", "item_id"])
    curves, without = budget_curves(offers)
    return {
        "when": _when(offers),
        "same_pairs": len(pairs) * len(policies) == len(offers),
        "totals": totals.to_dict("records"),
        "budget": [
            {"title": scenario, "chart": budget_curve(curve, f"Expected gain by spend, scenario {scenario}")}
            for scenario, curve in curves.items()
        ],
        "without_budget": without,
        "histograms": [{"title": policy, "chart": _histogram(offers, policy, top)} for policy in policies],
        "samples": {
            policy: sample.to_dict("records")
            for policy in policies
            if len(sample := offers_sample(offers, policy, more=(FOR_MANAGER, FOR_SHOPPER)))
        },
    }


def _when(offers: pd.DataFrame) -> str:
    """Say of which weeks the offers are; nothing where the table does not tell, or tells several times."""
    if not {"week", "horizon"} <= set(offers):
        return ""
    times = offers[["week", "horizon"]].drop_duplicates()
    if len(times) > 1 or times.isna().any(axis=None):
        return ""
    week, weeks = (int(value) for value in times.iloc[0])
    return f"week {week}" if weeks == 1 else f"weeks {week} to {week + weeks - 1}"


def _histogram(offers: pd.DataFrame, policy: str, top: float) -> Markup:
    rates = offers.loc[offers["policy"] == policy, "rate"].tolist()
    return rate_histogram(rates, top, f"Discount rates under policy {policy}")
