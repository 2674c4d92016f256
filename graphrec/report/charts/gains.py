"""What treating people brings, by how many are treated; and what was foretold beside what happened."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup
from matplotlib.ticker import PercentFormatter

from graphrec.report.charts.drawing import GRID, LINE_STYLES, SERIES, STYLE, canvas, inline


def gains(curves: Mapping[str, pd.DataFrame], title: str) -> Markup:
    """Draw curves with their bands.

    Args:
        curves: By name; each has ``share``, ``gain``, ``low``, ``high``.
        title: What is shown.
    """
    with mpl.rc_context(STYLE):
        figure, axes = canvas(2.9)
        for number, (name, table) in enumerate(curves.items()):
            colour = SERIES[number % len(SERIES)]
            style = LINE_STYLES[number % len(LINE_STYLES)]
            axes.plot(table["share"], table["gain"], color=colour, linestyle=style, linewidth=1.6, label=name)
            axes.fill_between(
                table["share"], table["low"], table["high"], color=colour, alpha=0.14, linewidth=0
            )
        axes.axhline(0, color=GRID, linewidth=1.2)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xlabel("share of people treated")
        axes.set_ylabel("gain per person of all")
        if len(curves) > 1:
            figure.legend(loc="outside lower center", ncols=3, fontsize=8, handlelength=1.6)
        ends = (f"{name}: {table['gain'].iloc[-1]:.4g} with all treated" for name, table in curves.items())
        return inline(figure, title, "; ".join(ends))


def tenths(table: pd.DataFrame, title: str) -> Markup:
    """Draw the uplift foretold for each tenth of the people beside what was seen.

    Args:
        table: Columns ``part``, ``predicted``, ``observed``, ``low``, ``high``.
        title: What is shown.
    """
    with mpl.rc_context(STYLE):
        figure, axes = canvas(2.7)
        error = [table["observed"] - table["low"], table["high"] - table["observed"]]
        axes.errorbar(table["part"], table["observed"], error, fmt="o", color=SERIES[0], label="seen")
        axes.plot(table["part"], table["predicted"], color=SERIES[1], linestyle="--", label="foretold")
        axes.axhline(0, color=GRID, linewidth=1.2)
        axes.set_xlabel("tenth of the people, highest first")
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)
        told = "; ".join(f"{part}: {seen:.4g}" for part, seen in table[["part", "observed"]].to_numpy())
        return inline(figure, title, told)
