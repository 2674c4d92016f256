"""Differences with their intervals, a line each, and the line of no difference."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup

from graphrec.report.charts.drawing import ACCENT, MUTED, SOFT, STYLE, canvas, inline, short


def differences(table: pd.DataFrame, name: str, title: str) -> Markup:
    """Draw a row per line of the table, the first on top; who leaves 0 out is coloured.

    Args:
        table: Columns ``value``, ``low``, ``high`` and the one of names.
        name: Column of names; where it repeats, the arm is named too.
        title: What is shown.
    """
    rows = table.to_dict("records")
    twice = table[name].duplicated().any()
    labels = [short(f"{row[name]}, {row['arm']}" if twice else str(row[name])) for row in rows]
    with mpl.rc_context(STYLE):
        figure, axes = canvas(0.9 + 0.32 * len(rows))
        for place, row in enumerate(rows):
            clear = row["low"] > 0 or row["high"] < 0
            colour = ACCENT if clear else MUTED
            axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2)
            axes.plot([row["value"]], [place], "o", color=colour, markersize=5)
        axes.axvline(0, color=SOFT, linewidth=1)
        axes.set_yticks(range(len(rows)), labels)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("difference per person")
        told = "; ".join(f"{label}: {row['value']:.4g}" for label, row in zip(labels, rows, strict=True))
        return inline(figure, title, told)
