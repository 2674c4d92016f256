"""Average ranks with the critical difference: who stands where, and who cannot be told apart."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes

from graphrec.report.charts.drawing import ACCENT, INK, MUTED, PAPER, SOFT, STYLE, canvas, inline, short


def rank_picture(ranks: pd.DataFrame, distance: float, groups: Sequence[Sequence[str]], title: str) -> Markup:
    """Draw a row per model: a large dot at its average rank, a small one at its rank on each data set.

    Bars above join models that do not differ, as in the pictures of Demšar (2006).

    Args:
        ranks: A row per data set, a column per model, best average first.
        distance: The critical difference.
        groups: Models that do not differ.
        title: What is shown.
    """
    average, count = ranks.mean(), ranks.shape[1]
    with mpl.rc_context({**STYLE, "axes.spines.left": False}):
        figure, axes = canvas(1.0 + 0.26 * count + 0.13 * (len(groups) + 2))
        places = list(range(count))
        for place, model in enumerate(ranks):
            axes.scatter(ranks[model], [place] * len(ranks), s=13, color=MUTED, linewidths=0, zorder=2)
        colours = [ACCENT] + [INK] * (count - 1)
        axes.scatter(average, places, s=46, color=colours, edgecolors=PAPER, linewidths=0.8, zorder=4)
        for place, value in enumerate(average):
            axes.annotate(
                f"{value:.2f}", (value, place), (0, 5), textcoords="offset points", ha="center", fontsize=7.5
            )
        _bars(axes, average, distance, groups)
        axes.set_yticks(places, [short(str(model), 20) for model in ranks])
        axes.tick_params(axis="y", colors=INK, length=0)
        axes.grid(axis="y", visible=False)
        axes.set_ylim(count - 0.5, -1.25 - 0.5 * (len(groups) + 1))
        axes.set_xlim(min(0.7, 1 - 0.02 * count), max(count, 1 + distance) + 0.3)
        axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True, nbins=8))
        axes.set_xlabel("rank, 1 is the best")
        told = "; ".join(f"{model} {value:.2f}" for model, value in average.items())
        return inline(figure, title, f"average ranks: {told}; critical difference {distance:.2f}")


def _bars(axes: Axes, average: pd.Series, distance: float, groups: Sequence[Sequence[str]]) -> None:
    """Draw the critical difference and, below it, a bar over each group that does not differ."""
    top = -1.0 - 0.5 * (len(groups) + 1)
    axes.plot([1, 1 + distance], [top, top], color=SOFT, linewidth=1.4, marker="|", markersize=6)
    words = f"critical difference {distance:.2f}"
    axes.annotate(words, (1, top), (0, 4), textcoords="offset points", fontsize=7.5, color=SOFT)
    for number, group in enumerate(groups):
        height = top + 0.5 * (number + 1)
        axes.plot([average[group[0]], average[group[-1]]], [height, height], color=INK, linewidth=2.6)
