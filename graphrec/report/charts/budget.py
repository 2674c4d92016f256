"""The budget curve: what the next unit of money is expected to bring."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from graphrec.report.charts.drawing import LINE_STYLES, SERIES, STYLE, canvas, inline, short


def budget_curve(curves: Mapping[str, pd.DataFrame], title: str) -> Markup:
    """Draw expected gain against expected spend, a line per policy; its end is the whole policy.

    Args:
        curves: Columns spend and gain, both cumulative from 0, by policy.
        title: What is shown.
    """
    with mpl.rc_context(STYLE):
        figure, axes = canvas(2.6 + 0.17 * ((len(curves) + 2) // 3))
        for number, (policy, curve) in enumerate(curves.items()):
            colour = SERIES[number % len(SERIES)]
            style = LINE_STYLES[number // len(SERIES) % len(LINE_STYLES)]
            spend, gain = curve["spend"], curve["gain"]
            axes.plot(spend, gain, color=colour, linestyle=style, linewidth=1.6, label=short(policy))
            axes.scatter(spend.iloc[-1:], gain.iloc[-1:], s=18, color=colour, zorder=3)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel("Expected spend")
        axes.set_ylabel("Expected gain over none")
        figure.legend(loc="outside lower center", ncols=3, fontsize=8, handlelength=1.6)
        told = "; ".join(
            f"{policy}: gain {curve['gain'].iloc[-1]:,.2f} for {curve['spend'].iloc[-1]:,.2f}"
            for policy, curve in curves.items()
        )
        return inline(figure, title, told)
