"""How rows are spread over users and items: the share that has so many or more, on two logarithmic axes."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup

from graphrec.report.charts.drawing import LINE_STYLES, SERIES, STYLE, canvas, inline


def degree_curves(curves: Mapping[str, pd.DataFrame], title: str, across: str) -> Markup:
    """Draw a falling line per side of the graph.

    Args:
        curves: Side → ``count`` (1 and more, rising) and ``share``.
        title: What is shown.
        across: What is counted.
    """
    with mpl.rc_context(STYLE):
        figure, axes = canvas(2.7)
        for number, (side, curve) in enumerate(curves.items()):
            axes.plot(
                curve["count"],
                curve["share"],
                color=SERIES[number],
                linestyle=LINE_STYLES[number],
                linewidth=1.8,
                marker="o" if len(curve) < 12 else None,
                markersize=4,
                drawstyle="default",
                label=side,
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        most = max(float(curve["count"].max()) for curve in curves.values())
        least = min(float(curve["share"].min()) for curve in curves.values())
        axes.set_xlim(0.9, max(most, 2) * 1.2)
        axes.set_ylim(min(least, 0.1) / 1.5, 1.3)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_formatter(mpl.ticker.NullFormatter())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.10g} %")
        axes.set_xlabel(across)
        axes.set_ylabel("have so many or more")
        figure.legend(loc="outside lower center", ncols=2, fontsize=8, handlelength=1.8)
        told = "; ".join(f"{side}: {len(curve)} points" for side, curve in curves.items())
        return inline(figure, title, told)
