"""Charts as inline SVG: text stays text, colours are the page's own, nothing is loaded from elsewhere."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Stand-ins that matplotlib accepts; `_inline` turns them into CSS variables, so charts follow dark mode.
_INK, _SOFT, _GRID, _ACCENT, _MUTED = "#010101", "#010102", "#010103", "#010104", "#010105"
_SERIES = tuple(f"#0102{number:02x}" for number in range(8))
_VARIABLES = {
    _INK: "var(--ink)",
    _SOFT: "var(--soft)",
    _GRID: "var(--grid)",
    _ACCENT: "var(--accent)",
    _MUTED: "var(--muted)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(_SERIES)},
}
_LINE_STYLES = ("-", "--", ":", "-.")
_WIDTH = 4.6  # inches: a chart is read at this size on a phone, and two stand side by side on a screen
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "graphrec",
    "text.parse_math": False,
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _SOFT,
    "axes.edgecolor": _GRID,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
}


def bars(rows: pd.DataFrame, title: str, smaller_is_better: bool = False) -> Markup:
    """Draw horizontal bars with 95 % intervals, best on top and in the accent colour.

    Args:
        rows: Columns run, value, low, high; one row per bar.
        title: What the bars show, for the heading and for screen readers.
        smaller_is_better: Whether the shortest bar is the best.
    """
    rows = rows.dropna(subset=["value"]).sort_values("value", ascending=not smaller_is_better)
    with mpl.rc_context(_STYLE):
        figure, axes = _canvas(0.75 + 0.3 * max(len(rows), 1))
        colours = [_MUTED] * (len(rows) - 1) + [_ACCENT]
        axes.barh(range(len(rows)), rows["value"], height=0.62, color=colours[: len(rows)])
        margin = [(rows["value"] - rows["low"]).clip(lower=0), (rows["high"] - rows["value"]).clip(lower=0)]
        places = list(range(len(rows)))
        axes.errorbar(
            rows["value"], places, xerr=margin, fmt="none", ecolor=_INK, elinewidth=1.1, capsize=2.5
        )
        axes.set_yticks(places, [_short(run) for run in rows["run"]])
        axes.tick_params(axis="y", colors=_INK)
        axes.grid(axis="y", visible=False)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        ends = rows["high"].fillna(rows["value"])
        axes.set_xlim(0, max(float(ends.max()) * 1.24, 1e-6) if len(rows) else 1.0)
        for place, (value, end) in enumerate(zip(rows["value"], ends, strict=True)):
            axes.annotate(f"{value:.3f}", (end, place), (5, 0), textcoords="offset points", va="center")
        told = "; ".join(f"{row.run} {row.value:.4f}" for row in rows.iloc[::-1].itertuples())
        return _inline(figure, title, told)


def curves(history: pd.DataFrame, metric: str, title: str, runs: Sequence[str]) -> Markup:
    """Draw learning curves: a line per run; a model fitted in one go is a dotted level.

    Args:
        history: Columns run, seed, epoch and the metric; seeds of one run share a colour.
        metric: Column to draw.
        title: What the curves show.
        runs: All runs of the page in order, so that each keeps its colour from chart to chart.
    """
    history = history.dropna(subset=[metric])
    with mpl.rc_context(_STYLE):
        figure, axes = _canvas(2.5 + 0.17 * ((history["run"].nunique() + 2) // 3))
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
        return _inline(figure, title, "; ".join(f"{run} ends at {value:.4f}" for run, value in last.items()))


def _curve(axes: Axes, part: pd.DataFrame, metric: str, run: str, number: int) -> None:
    """Draw one run."""
    colour = _SERIES[number % len(_SERIES)]
    style = _LINE_STYLES[number // len(_SERIES) % len(_LINE_STYLES)]
    if len(part) == 1:
        axes.axhline(float(part[metric].iloc[0]), color=colour, linestyle=(0, (1, 2)), label=_short(run))
    else:
        axes.plot(
            part["epoch"], part[metric], color=colour, linestyle=style, linewidth=1.6, label=_short(run)
        )


def rate_histogram(rates: Sequence[float], top: float, title: str) -> Markup:
    """Draw how often each discount rate is given, as a share of all offers of one policy.

    Args:
        rates: Discount rates, 0 <= rate < 1.
        top: Largest rate of any policy, so that the charts of all policies share their axis.
        title: What the bars show.
    """
    values = pd.Series(rates, dtype="float64").dropna()
    with mpl.rc_context(_STYLE):
        figure, axes = _canvas(1.9)
        upper = max(top, 0.05)
        # Bins are centred on multiples of upper / 20, where round levels such as 5 % fall.
        span, share = (-upper / 40, upper * 41 / 40), [1 / max(len(values), 1)] * len(values)
        axes.hist(values, bins=21, range=span, weights=share, color=_ACCENT)
        axes.set_xlim(*span)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_ylim(0, 1.02)
        axes.xaxis.set_major_formatter(lambda rate, _: f"{100 * rate:.3g} %")
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        axes.set_xlabel("Discount rate")
        axes.set_ylabel("Share of pairs")
        axes.grid(axis="x", visible=False)
        mean = values.mean() if len(values) else 0.0
        return _inline(figure, title, f"{len(values)} pairs, mean rate {mean:.1%}")


def _canvas(height: float) -> tuple[Figure, Axes]:
    """Make a figure outside pyplot: nothing global, safe in threads and notebooks."""
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _short(name: str, length: int = 22) -> str:
    """Shorten a name to leave room for the chart; tables show it whole."""
    return name if len(name) <= length else name[: length - 1] + "…"


def _inline(figure: Figure, title: str, description: str) -> Markup:
    """Write the figure as an SVG element of a page: accessible, themed, with identifiers of its own.

    Matplotlib escapes every text that it draws; title and description are escaped here.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    drawing = buffer.getvalue()
    body = drawing[drawing.index(">", drawing.index("<svg")) + 1 :]
    body = re.sub(r"<style.*?</style>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r"font-family: [^;\"]*(;|(?=\"))", "", body)
    prefix = re.sub(r"\W+", "-", title).strip("-").lower()
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'xlink:href="#', f'href="#{prefix}-', body).replace("url(#", f"url(#{prefix}-")
    for stand_in, variable in _VARIABLES.items():
        body = body.replace(stand_in, variable)
    width, height = figure.get_size_inches() * 72
    label, told = html.escape(title), html.escape(description)
    head = f'<svg class="chart" role="img" viewBox="0 0 {width:g} {height:g}" aria-label="{label}">'
    return Markup(f"{head}<title>{label}</title><desc>{told}</desc>{body}")
