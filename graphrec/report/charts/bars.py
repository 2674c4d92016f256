"""Bars: a value per run with its interval over users, and a dot per seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from graphrec.report.charts.drawing import ACCENT, INK, MUTED, PAPER, STYLE, canvas, inline, short


def bars(
    rows: pd.DataFrame,
    title: str,
    smaller_is_better: bool = False,
    seeds: Mapping[str, Sequence[float]] | None = None,
) -> Markup:
    """Draw horizontal bars with 95 % intervals, best on top and in the accent colour.

    Args:
        rows: Columns run, value, low, high and, where there are seeds, spread; one row per bar.
        title: What the bars show, for the heading and for screen readers.
        smaller_is_better: Whether the shortest bar is the best.
        seeds: The value of each seed by run; drawn as dots where a run has several.
    """
    rows = rows.dropna(subset=["value"]).sort_values("value", ascending=not smaller_is_better)
    spreads = rows["spread"] if "spread" in rows else rows["value"] * float("nan")
    with mpl.rc_context(STYLE):
        figure, axes = canvas(0.75 + 0.3 * max(len(rows), 1))
        colours = [MUTED] * (len(rows) - 1) + [ACCENT]
        axes.barh(range(len(rows)), rows["value"], height=0.62, color=colours[: len(rows)])
        margin = [(rows["value"] - rows["low"]).clip(lower=0), (rows["high"] - rows["value"]).clip(lower=0)]
        places = list(range(len(rows)))
        axes.errorbar(rows["value"], places, xerr=margin, fmt="none", ecolor=INK, elinewidth=1.1, capsize=2.5)
        most = [_dots(axes, place, (seeds or {}).get(run, ())) for place, run in enumerate(rows["run"])]
        axes.set_yticks(places, [short(run) for run in rows["run"]])
        axes.tick_params(axis="y", colors=INK)
        axes.grid(axis="y", visible=False)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        ends = rows["high"].fillna(rows["value"]).clip(lower=pd.Series(most, rows.index, dtype="float64"))
        room = 1.4 if spreads.notna().any() else 1.24
        axes.set_xlim(0, max(float(ends.max()) * room, 1e-6) if len(rows) else 1.0)
        for place, (value, spread, end) in enumerate(zip(rows["value"], spreads, ends, strict=True)):
            text = f"{value:.3f}" if pd.isna(spread) else f"{value:.3f} ± {spread:.3f}"
            axes.annotate(text, (end, place), (5, 0), textcoords="offset points", va="center")
        told = "; ".join(f"{row.run} {row.value:.4f}" for row in rows.iloc[::-1].itertuples())
        return inline(figure, title, told)


def _dots(axes: Axes, place: int, values: Sequence[float]) -> float:
    """Draw the seeds of a run unless there is only one, and return the largest value, or 0."""
    if len(values) < 2:
        return 0.0
    axes.scatter(values, [place] * len(values), s=11, color=PAPER, edgecolors=INK, linewidths=0.8, zorder=4)
    return max(values)
