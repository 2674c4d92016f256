"""Tables on the terminal."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table


def print_frame(frame: pd.DataFrame, title: str = "") -> None:
    """Print a small frame; numbers to the right."""
    table = Table(title=title or None, title_justify="left")
    for column in frame.columns:
        number = pd.api.types.is_numeric_dtype(frame[column])
        table.add_column(str(column).replace("_", " "), justify="right" if number else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{cell:,.4f}" if isinstance(cell, float) else str(cell) for cell in row))
    Console().print(table)
