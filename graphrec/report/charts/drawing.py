"""What charts share, as inline SVG: text stays text, colours are the page's own, nothing is loaded."""

from __future__ import annotations

import html
import io
import re
import warnings
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Stand-ins that matplotlib accepts; `inline` turns them into CSS variables, so charts follow dark mode.
INK, SOFT, GRID, ACCENT, MUTED = "#010101", "#010102", "#010103", "#010104", "#010105"
PAPER = "#010106"
SERIES = tuple(f"#0102{number:02x}" for number in range(8))
_VARIABLES = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    GRID: "var(--grid)",
    ACCENT: "var(--accent)",
    MUTED: "var(--muted)",
    PAPER: "var(--paper)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES)},
}
LINE_STYLES = ("-", "--", ":", "-.")
_WIDTH = 4.6  # inches: a chart is read at this size on a phone, and two stand side by side on a screen
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "graphrec",
    "text.parse_math": False,
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": GRID,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
}


def canvas(height: float) -> tuple[Figure, Axes]:
    """Make a figure outside pyplot: nothing global, safe in threads and notebooks."""
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def short(name: str, length: int = 22) -> str:
    """Shorten a name to leave room for the chart; tables show it whole."""
    return name if len(name) <= length else name[: length - 1] + "…"


def inline(figure: Figure, title: str, description: str) -> Markup:
    """Write the figure as an SVG element of a page: accessible, themed, with identifiers of its own.

    Matplotlib escapes every text that it draws; title and description are escaped here.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with warnings.catch_warnings():  # text stays text, so the browser has the glyphs that our font lacks
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
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


def standalone(chart: Markup, style: str) -> str:
    """Make a file of its own of an SVG element: with its colours, light and dark, for a page that shows it.

    Args:
        chart: What `inline` returned.
        style: CSS of the pages, which says what their colours are.
    """
    colours = style[style.index(":root") : style.index("* {")]
    words = "text { font-family: system-ui, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif; }"
    head, rest = str(chart).split(">", 1)
    sized = head.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return f"{sized}><style>{colours}{words}</style>{rest}\n"
