"""Lines over a number: calibration, a response curve."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup

from graphrec.report.charts.drawing import LINE_STYLES, SERIES, STYLE, canvas, inline


def lines(frame: pd.DataFrame, x: str, ys: Sequence[str], title: str) -> Markup:
    """Draw a line per column over one column.

    Args:
        frame: The rows, in their order.
        x: Column of the horizontal axis.
        ys: Columns to draw.
        title: What is shown.
    """
    with mpl.rc_context(STYLE):
        figure, axes = canvas(2.7)
        for number, name in enumerate(ys):
            axes.plot(
                frame[x],
                frame[name],
                color=SERIES[number % len(SERIES)],
                linestyle=LINE_STYLES[number % len(LINE_STYLES)],
                marker="o",
                markersize=3,
                linewidth=1.6,
                label=name,
            )
        axes.set_xlabel(x)
        axes.set_ylim(bottom=0)
        if len(ys) > 1:
            figure.legend(loc="outside lower center", ncols=3, fontsize=8, handlelength=1.6)
        told = "; ".join(f"{x} {row[x]:.4g}: {row[ys[0]]:.4g}" for row in frame.to_dict("records"))
        return inline(figure, title, told)
