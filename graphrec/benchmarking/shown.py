"""What page and Markdown of a benchmark show."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from graphrec.benchmarking.standing import Standing
from graphrec.report.runs import RunRecord
from graphrec.report.significance import Significance


@dataclass(frozen=True)
class Shown:
    """What the page shows.

    Args:
        comparison: What `graphrec.report.table.comparison` returned, a run being a model.
        runs: The runs it was made from.
        tests: What `significance` returned for them.
        ranked: The average ranks.
        cells: Every cell, as of `graphrec.benchmarking.cells.table`.
        k: The cut-off.
        settings: How settings were chosen.
        command: The command line.
    """

    comparison: pd.DataFrame
    runs: list[RunRecord]
    tests: Significance
    ranked: Standing
    cells: pd.DataFrame
    k: int
    settings: str
    command: str
