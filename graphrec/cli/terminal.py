"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from graphrec.evaluation.measures import BY_NAME, own_measures

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData

SHOWN = ("ndcg", "recall", "hit_ratio")


def print_frame(frame: pd.DataFrame, title: str = "") -> None:
    """Print a small frame; numbers to the right."""
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE)
    for column in frame.columns:
        number = pd.api.types.is_numeric_dtype(frame[column])
        table.add_column(str(column).replace("_", " "), justify="right" if number else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{cell:,.4f}" if isinstance(cell, float) else str(cell) for cell in row))
    console().print(table)


def print_measures(part: str, metrics: Mapping[str, Any], data: RecommenderData) -> None:
    """Print a row per item set and a column per measure at the largest K, with intervals where there are.

    Args:
        part: ``val`` or ``test``, what the names in `metrics` start with.
        metrics: Name to value, as Lightning collected them.
        data: Tells the item sets, the K and the user's own measures.
    """
    shown = [*(BY_NAME[name] for name in SHOWN), *own_measures(data.measures)]
    k = max(data.cutoffs)
    table = Table(title=f"{part}, at {k}", title_justify="left", box=box.SIMPLE)
    table.add_column("items")
    for measure in shown:
        table.add_column(measure.title, justify="right")
    for items in data.item_sets:
        names = [f"{part}_{measure.name}_{k}_{items}" for measure in shown]
        table.add_row(items, *(_with_interval(name, metrics) for name in names if name in metrics))
    console().print(table)


def _with_interval(name: str, metrics: Mapping[str, Any]) -> str:
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    between = "" if low is None or high is None else f" [{float(low):.3f}, {float(high):.3f}]"
    return f"{float(metrics[name]):.4f}{between}"


def console() -> Console:
    """Find the terminal; a log file has no width of its own, and 80 columns would cut words."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=140)
