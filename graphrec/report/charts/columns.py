"""Columns: counts or shares in their order, such as weeks, weekdays, hours or depths of discounts."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from graphrec.report.charts.drawing import ACCENT, STYLE, canvas, inline

_MOST_LABELS = 12
_WIDE = 5
"""Characters from which labels are turned."""


def columns(
    labels: Sequence[str],
    values: Sequence[float],
    title: str,
    across: str,
    up: str,
    *,
    share: bool = False,
) -> Markup:
    """Draw a column per label.

    Args:
        labels: Of the columns, in their order; of many, some are written.
        values: Heights.
        title: What is shown.
        across: What the labels are.
        up: What the heights are.
        share: Whether heights are shares of 1, written as per cent.
    """
    with mpl.rc_context(STYLE):
        figure, axes = canvas(2.4)
        places = np.arange(len(values))
        axes.bar(places, values, width=0.82 if len(values) <= 40 else 1.0, color=ACCENT)
        step = -(-len(labels) // _MOST_LABELS)
        turned = max(map(len, labels), default=0) > _WIDE and len(labels) > 6
        axes.set_xticks(
            places[::step],
            list(labels)[::step],
            rotation=40 if turned else 0,
            ha="right" if turned else "center",
        )
        axes.tick_params(axis="x", length=0)
        axes.grid(axis="x", visible=False)
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %" if share else f"{value:,.10g}")
        axes.set_xlim(-0.6, max(len(values), 1) - 0.4)
        axes.set_ylim(0, max([*values, 1e-9]) * 1.05)
        shown = [f"{100 * value:.1f} %" if share else f"{value:,.6g}" for value in values]
        told = "; ".join(f"{label} {value}" for label, value in zip(labels, shown, strict=True))
        return inline(figure, title, told[:2000])
