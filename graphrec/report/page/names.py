"""How the page calls runs: the heading says the dataset already."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from graphrec.report.runs import RunRecord
from graphrec.report.table import labels


def short_names(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Shorten the names in some columns of a table that has a column ``dataset``."""
    short = {
        column: [without(name, dataset) for name, dataset in table[[column, "dataset"]].to_numpy()]
        for column in columns
    }
    return table.assign(**short)


def without(name: str, dataset: str) -> str:
    """Leave the dataset out of a name."""
    return name.removeprefix(f"{dataset}-") or name


def short_labels(runs: Sequence[RunRecord]) -> list[str]:
    """Name each run as the page does."""
    return [without(label, run.dataset) for run, label in zip(runs, labels(runs), strict=True)]
