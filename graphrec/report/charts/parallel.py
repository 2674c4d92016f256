"""Parallel coordinates: a line per run through its settings to what it came to."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from markupsafe import Markup

from graphrec.arrays import FloatArray
from graphrec.report.charts.drawing import ACCENT, INK, MUTED, SOFT, STYLE, canvas, inline, short


def parallel(settings: pd.DataFrame, values: pd.Series, title: str, falls: bool = False) -> Markup:
    """Draw an axis per setting and the measure as the last; the best run is in the accent colour.

    Args:
        settings: A row per run, a column per setting, numbers or words.
        values: What each run came to, under the name of the measure.
        title: What is shown.
        falls: Whether the smallest value is the best.
    """
    table = settings.assign(**{str(values.name): values.to_numpy()})
    heights = np.column_stack([_heights(table[name])[0] for name in table])
    best = int(values.to_numpy().argmin() if falls else values.to_numpy().argmax())
    with mpl.rc_context({**STYLE, "axes.grid": False, "axes.spines.left": False}):
        figure, axes = canvas(3.0)
        for row in sorted(range(len(table)), key=lambda row: row == best):
            colour, width = (ACCENT, 2.2) if row == best else (MUTED, 1.1)
            axes.plot(range(table.shape[1]), heights[row], color=colour, linewidth=width)
        for place, name in enumerate(table):
            axes.axvline(place, color=SOFT, linewidth=0.8)
            _ticks(axes, place, table[name])
        names = [short(str(name), 14) for name in table]
        axes.set_xticks(range(table.shape[1]), names, color=INK, fontsize=8)
        axes.set_yticks([])
        axes.set_xlim(-0.2, table.shape[1] - 0.55)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(length=0)
        chosen = ", ".join(f"{name} {_text(table[name].iloc[best])}" for name in table)
        return inline(figure, title, f"{len(table)} runs; the best has {chosen}")


def _heights(values: pd.Series) -> tuple[FloatArray, list[tuple[float, str]]]:
    """Place values between 0 and 1, and say what to write where: ends of a range, or each word."""
    if values.map(lambda one: isinstance(one, int | float) and not isinstance(one, bool)).all():
        numbers = values.to_numpy(dtype=np.float64)
        low, high = numbers.min(), numbers.max()
        is_wide = low > 0 and high / low >= 30
        scaled = np.log(numbers) if is_wide else numbers
        span = np.ptp(scaled) or 1.0
        places = (scaled - scaled.min()) / span
        known = dict(sorted(zip(places.tolist(), numbers.tolist(), strict=True)))
        if len(known) > 5:
            known = {place: number for place, number in known.items() if place in (0.0, 1.0)}
        return places, [(place, _text(number)) for place, number in known.items()]
    words = sorted({_text(one) for one in values})
    place = {word: index / max(len(words) - 1, 1) for index, word in enumerate(words)}
    return np.array([place[_text(one)] for one in values]), [(place[word], word) for word in words]


def _ticks(axes: mpl.axes.Axes, place: int, values: pd.Series) -> None:
    """Write what stands where on the axis of a setting."""
    for height, text in _heights(values)[1]:
        axes.annotate(
            short(text, 16), (place, height), (3, 2), textcoords="offset points", fontsize=7, color=INK
        )


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
