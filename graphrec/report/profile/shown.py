"""What the page on a log is made of: sections with charts, each beside a table of its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from markupsafe import Markup

_BARS = "share"


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Args:
        text: What it shows.
        number: Whether it stands to the right.
        part: Length of a bar behind the number, 0 to 1; None for none.
    """

    text: str
    number: bool = False
    part: float | None = None


@dataclass(frozen=True)
class ShownNumbers:
    """A table.

    Args:
        title: What it lists.
        columns: Heads, and whether numbers stand below.
        rows: Its cells.
    """

    title: str
    columns: list[tuple[str, bool]]
    rows: list[list[Cell]]


@dataclass(frozen=True)
class Panel:
    """A chart, a table, or both side by side.

    Args:
        title: What both show.
        chart: An SVG element; None for none.
        table: The numbers.
        hint: How to read them.
    """

    title: str
    chart: Markup | None = None
    table: ShownNumbers | None = None
    hint: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Args:
        anchor: Its id.
        title: Its heading.
        panels: What stands in it.
        hint: What it is about.
        facts: Names and values above the panels.
        none: Why there is nothing to show; empty where there is something.
    """

    anchor: str
    title: str
    panels: list[Panel] = field(default_factory=list)
    hint: str = ""
    facts: Sequence[tuple[str, str]] = ()
    none: str = ""


def numbers(
    frame: pd.DataFrame,
    title: str,
    heads: Mapping[str, str] | None = None,
    *,
    right: Sequence[str] = (),
    bars: bool = False,
) -> ShownNumbers:
    """Write a frame as a table.

    Args:
        frame: Its rows; see `is_share` for the columns that are shares of 1.
        title: What it lists.
        heads: Column → its head; the name with blanks if missing.
        right: Columns of text that are numbers in words.
        bars: Draw a bar behind each ``share``, for a table without a chart.
    """
    kinds = {name: pd.api.types.is_numeric_dtype(frame[name]) for name in frame}
    columns = [
        ((heads or {}).get(str(name), _head(str(name))), kinds[name] or name in right) for name in frame
    ]
    rows = [
        [
            _cell(str(name), value, kinds[name], name in right, bars)
            for name, value in zip(frame, row, strict=True)
        ]
        for row in frame.itertuples(index=False, name=None)
    ]
    return ShownNumbers(title, columns, rows)


def _head(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _cell(name: str, value: Any, is_number: bool, right: bool, bars: bool) -> Cell:
    if not is_number:
        return Cell(str(value), number=right)
    if pd.isna(value):
        return Cell("–", number=True)
    if is_share(name):
        bar = min(max(float(value), 0.0), 1.0) if bars and name == _BARS else None
        return Cell(f"{100 * value:.1f} %", number=True, part=bar)
    return Cell(f"{value:,.1f}" if isinstance(value, float) else f"{value:,}", number=True)


def is_share(name: str) -> bool:
    """Tell whether the numbers of a column are shares of 1."""
    return name in (_BARS, "known", "with_one") or name.endswith("_depth") or name.startswith("top ")
