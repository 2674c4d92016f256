"""Points with names: what a model is worth against what it costs."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup
from matplotlib.ticker import LogLocator, NullFormatter

from graphrec.report.charts.drawing import ACCENT, INK, MUTED, STYLE, canvas, inline, short


def scatter(points: pd.DataFrame, title: str, across: str, up: str, best: str) -> Markup:
    """Draw a named point per run, cost across on a logarithmic axis and quality up.

    Args:
        points: Columns run, cost (above 0) and value; one row per point.
        title: What is shown.
        across: Label of the cost, with its unit.
        up: Label of the quality.
        best: The run in the accent colour.
    """
    with mpl.rc_context(STYLE):
        figure, axes = canvas(2.6)
        colours = [ACCENT if run == best else MUTED for run in points["run"]]
        axes.scatter(points["cost"], points["value"], s=46, color=colours, edgecolors=INK, linewidths=0.8)
        axes.set_xscale("log")
        low, high = float(points["cost"].min()), float(points["cost"].max())
        axes.set_xlim(low / 1.6, high * max(1.6, (high / low) ** 0.35))
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        axes.xaxis.set_major_formatter(lambda cost, _: f"{cost:,.10g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(y=0.18)
        for row in points.itertuples():
            axes.annotate(
                short(str(row.run)), (row.cost, row.value), (6, 4), textcoords="offset points", fontsize=8
            )
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        told = "; ".join(f"{row.run}: {row.value:.4f} at {row.cost:,.4g}" for row in points.itertuples())
        return inline(figure, title, told)
