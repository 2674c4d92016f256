"""Discount rates: how often each is given."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from graphrec.report.charts.drawing import ACCENT, STYLE, canvas, inline


def rate_histogram(rates: Sequence[float], top: float, title: str) -> Markup:
    """Draw how often each discount rate is given, as a share of all offers of one policy.

    Args:
        rates: Discount rates, 0 <= rate < 1.
        top: Largest rate of any policy, so that the charts of all policies share their axis.
        title: What the bars show.
    """
    values = pd.Series(rates, dtype="float64").dropna()
    with mpl.rc_context(STYLE):
        figure, axes = canvas(1.9)
        upper = max(top, 0.05)
        # Bins are centred on multiples of upper / 20, where round levels such as 5 % fall.
        span, share = (-upper / 40, upper * 41 / 40), [1 / max(len(values), 1)] * len(values)
        axes.hist(values, bins=21, range=span, weights=share, color=ACCENT)
        axes.set_xlim(*span)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_ylim(0, 1.02)
        axes.xaxis.set_major_formatter(lambda rate, _: f"{100 * rate:.3g} %")
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        axes.set_xlabel("Discount rate")
        axes.set_ylabel("Share of pairs")
        axes.grid(axis="x", visible=False)
        mean = values.mean() if len(values) else 0.0
        return inline(figure, title, f"{len(values)} pairs, mean rate {mean:.1%}")
