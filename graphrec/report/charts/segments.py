"""Quality by segment: a point with its interval for each run, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup

from graphrec.report.charts.drawing import SERIES, STYLE, canvas, inline, short


def by_segment(rows: pd.DataFrame, title: str, runs: Sequence[str], across: str, up: str) -> Markup:
    """Draw a point per run and segment with its 95 % interval.

    Args:
        rows: Columns run, segment, users, value, low and high; segments in their order.
        title: What is shown.
        runs: All runs of the page in order, so that each keeps its colour from chart to chart.
        across: What the segments are of.
        up: What is measured.
    """
    segments = list(dict.fromkeys(rows["segment"]))
    shown = [run for run in runs if run in set(rows["run"])]
    with mpl.rc_context(STYLE):
        figure, axes = canvas(2.5 + 0.17 * ((len(shown) + 2) // 3))
        for number, run in enumerate(shown):
            part = rows[rows["run"] == run]
            shift = 0.5 * ((number + 0.5) / len(shown) - 0.5)
            places = [segments.index(one) + shift for one in part["segment"]]
            value, low, high = part["value"], part["low"], part["high"]
            axes.errorbar(
                places, value, yerr=[(value - low).clip(lower=0), (high - value).clip(lower=0)],
                fmt="o", markersize=4, elinewidth=1.1,
                color=SERIES[runs.index(run) % len(SERIES)], label=short(run),
            )  # fmt: skip
        counts = rows.drop_duplicates("segment").set_index("segment")["users"]
        axes.set_xticks(range(len(segments)), [f"{short(one, 14)}\n{counts[one]:,}" for one in segments])
        axes.grid(axis="x", visible=False)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(f"{across}, and users")
        axes.set_ylabel(up)
        figure.legend(loc="outside lower center", ncols=3, fontsize=8, handlelength=1.2)
        told = "; ".join(f"{row.run}, {row.segment}: {row.value:.4f}" for row in rows.itertuples())
        return inline(figure, title, told)
