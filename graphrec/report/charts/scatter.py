"""Points with names: what a model is worth against what it costs."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from graphrec.report.charts.drawing import ACCENT, INK, MUTED, STYLE, canvas, inline, short

_SIZE = 8  # points, of the names


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
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        figure.draw_without_rendering()  # only then it is known where a point lies
        _name(axes, points)
        told = "; ".join(f"{row.run}: {row.value:.4f} at {row.cost:,.4g}" for row in points.itertuples())
        return inline(figure, title, told)


def _name(axes: Axes, points: pd.DataFrame) -> None:
    """Write each name beside its point, where it covers no other name or point."""
    places = axes.transData.transform(points[["cost", "value"]].to_numpy(dtype=np.float64))
    scale = axes.figure.dpi / 72
    taken = [Bbox.from_extents(*(place - 4 * scale), *(place + 4 * scale)) for place in places]
    for (x, y), run in zip(places, points["run"], strict=True):
        text = short(str(run))
        width, height = 0.6 * _SIZE * len(text), 1.2 * _SIZE
        spots = [(side, up) for up in (4, -4 - height, 14, -14 - height) for side in (6, -6 - width)]
        boxes = [
            Bbox.from_bounds(x + side * scale, y + up * scale, width * scale, height * scale)
            for side, up in spots
        ]
        free = (place for place, box in enumerate(boxes) if not any(box.overlaps(other) for other in taken))
        spot = next(free, 0)
        taken.append(boxes[spot])
        at = axes.transData.inverted().transform((x, y))
        axes.annotate(text, tuple(at), spots[spot], textcoords="offset points", fontsize=_SIZE)
