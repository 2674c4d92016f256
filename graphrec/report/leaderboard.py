"""The wide table: a row per experiment, a column per measure and item set, and what each costs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from graphrec.report.runs import RunRecord
from graphrec.report.table import PAIRS, at_main, heading, headlines, labels

COSTS = {
    "fit_seconds": ("Fit, seconds", 1.0, 1),
    "peak_gpu_bytes": ("Peak of the GPU, GB", 1e9, 2),
    "peak_process_bytes": ("Peak memory, GB", 1e9, 2),
    "parameters": ("Trained weights", 1.0, 0),
}
"""What a fit says of its cost in its summary: heading, unit and decimal places."""


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Args:
        key: Such as ``ndcg_20_all`` or ``fit_seconds``.
        title: What is measured.
        items: The item set; empty for costs.
        better: Whether larger is better; None where no winner is to be named.
        digits: Decimal places that a page shows.
    """

    key: str
    title: str
    items: str
    better: bool | None
    digits: int = 4


@dataclass(frozen=True)
class Leaderboard:
    """All experiments of one dataset, the best first.

    Args:
        dataset: Name of the dataset.
        columns: The main measure first.
        table: Columns ``run``, ``model``, ``seeds`` and, for each key of a column, the mean over the seeds;
            missing where it is not known.
        spreads: The same keys: the standard deviation over the seeds.
    """

    dataset: str
    columns: list[Column]
    table: pd.DataFrame
    spreads: pd.DataFrame


def leaderboards(comparison: pd.DataFrame, runs: Sequence[RunRecord]) -> list[Leaderboard]:
    """Make the wide table of each dataset at the main cut-off.

    Args:
        comparison: What `graphrec.report.table.comparison` returned.
        runs: The runs it was made from.
    """
    return [
        _of_dataset(str(dataset), at_main(part), costs(runs))
        for dataset, part in comparison.groupby("dataset", sort=False)
    ]


def costs(runs: Sequence[RunRecord]) -> pd.DataFrame:
    """Lay out what the fits cost: a row per dataset and experiment, averaged over the seeds that say it."""
    rows = [
        {"dataset": run.dataset, "run": label}
        | {key: run.summary[key] / unit for key, (_, unit, _) in COSTS.items() if key in run.summary}
        for run, label in zip(runs, labels(runs), strict=True)
    ]
    return pd.DataFrame(rows, columns=["dataset", "run", *COSTS]).groupby(["dataset", "run"]).mean()


def _of_dataset(dataset: str, rows: pd.DataFrame, cost: pd.DataFrame) -> Leaderboard:
    """Make one table; rows are at the main cut-off."""
    first = headlines(rows) or rows["measure"].unique().tolist()
    ordered = rows.assign(_main=rows["measure"].map(_places(first)).fillna(len(first)))
    kinds = ordered.sort_values("_main", kind="stable").drop_duplicates("metric")
    columns = [_column(row) for row in kinds.to_dict("records")]
    keys = [column.key for column in columns]
    wide = rows.pivot_table("value", "run", "metric", aggfunc="first", dropna=False).reindex(columns=keys)
    spreads = rows.pivot_table("spread", "run", "metric", aggfunc="first", dropna=False).reindex(columns=keys)
    known = cost.loc[cost.index.get_level_values("dataset") == dataset].droplevel("dataset")
    measured = [key for key in COSTS if known[key].notna().any()]
    wide = wide.join(known[measured]).sort_values(keys[0], ascending=columns[0].better is False)
    said = rows.drop_duplicates("run").set_index("run")[["model", "seeds"]]
    columns += [
        Column(key, COSTS[key][0], "", None if key == "parameters" else False, COSTS[key][2])
        for key in measured
    ]
    table = said.join(wide, how="right").reset_index()
    return Leaderboard(dataset, columns, table, spreads.reindex(wide.index).reset_index())


def _column(row: Mapping[Hashable, Any]) -> Column:
    """Make the column of a metric."""
    better = None if pd.isna(row["higher_is_better"]) else bool(row["higher_is_better"])
    items = "" if row["items"] == PAIRS else row["items"]
    return Column(row["metric"], heading(row["title"], row["k"]), items, better)


def _places(names: Sequence[str]) -> Mapping[str, int]:
    return {name: place for place, name in enumerate(names)}


def wide_csv(boards: Sequence[Leaderboard]) -> str:
    """Write the tables as CSV, one below the other: means over the seeds and their spreads."""
    parts = []
    for board in boards:
        spreads = board.spreads.set_index("run").add_suffix("_sd").dropna(axis="columns", how="all")
        wide = board.table.join(spreads, on="run")
        parts.append(wide.assign(dataset=board.dataset))
    whole = pd.concat(parts, ignore_index=True)
    return str(whole[["dataset", *whole.columns.drop("dataset")]].to_csv(index=False))
