"""Learning curves: a line per run and seed."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from graphrec.report.charts.drawing import LINE_STYLES, SERIES, STYLE, canvas, inline, short


def curves(history: pd.DataFrame, metric: str, title: str, runs: Sequence[str]) -> Markup:
    """Draw learning curves: a line per run; a model fitted in one go is a dotted level.

    Args:
        history: Columns run, seed, epoch and the metric; seeds of one run share a colour.
        metric: Column to draw.
        title: What the curves show.
        runs: All runs of the page in order, so that each keeps its colour from chart to chart.
    """
    history = history.dropna(subset=[metric])
    with mpl.rc_context(STYLE):
        figure, axes = canvas(2.5 + 0.17 * ((history["run"].nunique() + 2) // 3))
        for (run, _), part in history.groupby(["run", "seed"], sort=False):
            _curve(axes, part, metric, str(run), runs.index(run))
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        handles, names = axes.get_legend_handles_labels()
        unique = dict(zip(names, handles, strict=True))
        figure.legend(
            unique.values(), unique.keys(), loc="outside lower center", ncols=3, fontsize=8, handlelength=1.6
        )
        last = history.groupby("run", sort=False)[metric].last()
        return inline(figure, title, "; ".join(f"{run} ends at {value:.4f}" for run, value in last.items()))


def _curve(axes: Axes, part: pd.DataFrame, metric: str, run: str, number: int) -> None:
    """Draw one run."""
    colour = SERIES[number % len(SERIES)]
    style = LINE_STYLES[number // len(SERIES) % len(LINE_STYLES)]
    if len(part) == 1:
        axes.axhline(float(part[metric].iloc[0]), color=colour, linestyle=(0, (1, 2)), label=short(run))
    else:
        axes.plot(part["epoch"], part[metric], color=colour, linestyle=style, linewidth=1.6, label=short(run))
