"""What the studies of offers share: command line, market, intervals over seeds, figures and pictures."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy.stats import t

mpl.use("agg")
from matplotlib.figure import Figure

from graphrec.data.datasets.complete_journey import complete_journey
from graphrec.data.datasets.synthetic import synthetic
from graphrec.data.interactions import Columns
from graphrec.files import write_atomically, write_text
from graphrec.offpolicy.market_facts import MarketFacts, market_facts

FULL_WEEKS = 52
"""The last week of the year is cut short."""
COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#8d6cab", "#c98b2b", "#5f6b76", "#111111", "#8fb8de")
PICTURE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
}


def arguments(doc: str | None, seeds: int) -> argparse.ArgumentParser:
    """The command line of every study; a script may add to it."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for metrics.json and the picture")
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--seeds", type=int, default=seeds, help="number of seeds")
    parser.add_argument("--pairs", type=int, help="pairs of the market; fewer are faster")
    parser.add_argument("--synthetic", action="store_true", help="start from a made-up log, for a quick try")
    return parser


def load_facts(made_up: bool) -> MarketFacts:
    """Facts of the Complete Journey, or of a made-up log. One thread: the studies' tensors are small."""
    torch.set_num_threads(1)
    if made_up:
        raw = synthetic(num_users=200, num_items=80, num_blocks=2, density=3.0, response=2.5)
        return market_facts(raw.log, raw.items, category="department", min_sold=0.5)
    raw = complete_journey()
    return market_facts(raw.log[raw.log[Columns.WEEK] <= FULL_WEEKS], raw.items)


def market_size(facts: MarketFacts, pairs: int | None, usual: int) -> int:
    """Pairs to draw: as asked for, or the usual number, and no more than there are."""
    return min(pairs or usual, len(facts))


def interval(values: Sequence[float] | np.ndarray) -> tuple[float, float, float]:
    """Mean over seeds with a 95 % interval of Student's t; of one value, the value."""
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return mean, mean, mean
    half = float(t.ppf(0.975, len(array) - 1) * array.std(ddof=1) / len(array) ** 0.5)
    return mean, mean - half, mean + half


def with_interval(name: str, values: Sequence[float] | np.ndarray) -> dict[str, float]:
    """A figure as `name`, `name_low`, `name_high`."""
    return dict(zip((name, f"{name}_low", f"{name}_high"), interval(values), strict=True))


def write(out: Path, metrics: Mapping[str, float], figure: Figure, name: str) -> None:
    """Write ``metrics.json`` and the picture."""
    numbers = {key: float(value) for key, value in metrics.items()}
    path = write_text(out / "metrics.json", json.dumps(numbers, indent=1) + "\n")
    picture = write_atomically(
        out / f"{name}.png", lambda temporary: figure.savefig(temporary, dpi=130, format="png")
    )
    Console().print(f"written: {path}, {picture}")


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, figures to the right."""
    table = Table(title=title)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
