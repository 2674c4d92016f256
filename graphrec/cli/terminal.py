"""Tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from graphrec.training.experiment import Summary


def print_frame(frame: pd.DataFrame, title: str = "") -> None:
    """Print a small frame; numbers to the right."""
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE)
    for column in frame.columns:
        number = pd.api.types.is_numeric_dtype(frame[column])
        table.add_column(str(column).replace("_", " "), justify="right" if number else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{cell:,.4f}" if isinstance(cell, float) else str(cell) for cell in row))
    console().print(table)


def print_summary(summary: Summary) -> None:
    """Print the measures of a part as its task lays them out."""
    table = Table(title=summary.title, title_justify="left", box=box.SIMPLE)
    for place, column in enumerate(summary.columns):
        table.add_column(column, justify="left" if place < summary.labels else "right")
    for row in summary.rows:
        table.add_row(*row)
    console().print(table)
    for line in summary.notes:
        print(line)


def console() -> Console:
    """Find the terminal; a log file has no width of its own, and 80 columns would cut words.

    In a notebook, too, what is printed goes to standard output, where Python's front door sees it.
    """
    terminal = Console(force_jupyter=False)
    return terminal if terminal.is_terminal else Console(width=140, force_jupyter=False)
