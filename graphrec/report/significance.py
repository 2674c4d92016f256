"""Which differences between runs are more than chance: from the values of each user that a test wrote."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from graphrec.evaluation.measures import HISTORY
from graphrec.evaluation.significance import paired_bootstrap
from graphrec.report.runs import RunRecord
from graphrec.report.table import ITEM_SETS, labels

COLUMNS = ["run_a", "run_b", "items", "metric", "difference", "low", "high", "p", "users", "dataset"]
_TOLERANCE = 1e-5
"""Rounding of the mean between a table of users (32 bits) and the number in the summary."""


@dataclass(frozen=True)
class Significance:
    """Paired differences between runs.

    Args:
        table: One row per pair of runs, item set and metric: `run_a` less `run_b` with its 95 % interval and
            two-sided p. Columns `COLUMNS`; runs are called as in the comparison.
        left_out: Why some runs or pairs are not in the table, a sentence each.
    """

    table: pd.DataFrame
    left_out: list[str]

    def of(self, dataset: str, items: str, metric: str) -> dict[tuple[str, str], dict[str, float]]:
        """Look up difference, low, high and p of each ordered pair of runs, for either order."""
        table = self.table
        rows = table[(table["dataset"] == dataset) & (table["items"] == items) & (table["metric"] == metric)]
        found = {}
        for row in rows.to_dict("records"):
            forth = {key: row[key] for key in ("difference", "low", "high", "p")}
            back = {"difference": -row["difference"], "low": -row["high"], "high": -row["low"], "p": row["p"]}
            found[row["run_a"], row["run_b"]], found[row["run_b"], row["run_a"]] = forth, back
        return found


@dataclass
class _Experiment:
    """Seeds of one experiment as one: the values of each user, averaged over the seeds."""

    label: str
    dataset: str
    split: str
    values: dict[str, pd.DataFrame] = field(default_factory=dict)


def significance(runs: Sequence[RunRecord]) -> Significance:
    """Compare every pair of runs that were tested on the same split, on the users both have.

    Seeds of one experiment are averaged user by user first, so that chance in training is not counted as
    many users' opinion.

    Args:
        runs: What `read_runs` returned.
    """
    experiments, left_out = _experiments(runs)
    rows: list[dict[str, Any]] = []
    for dataset in dict.fromkeys(one.dataset for one in experiments):
        splits: dict[str, list[_Experiment]] = {}
        for one in experiments:
            if one.dataset == dataset:
                splits.setdefault(one.split, []).append(one)
        for same, items in itertools.product(splits.values(), ITEM_SETS):
            rows += _rows([one for one in same if items in one.values], items)
        if len(splits) > 1:
            groups = [f"{sha[:8]} ({', '.join(e.label for e in same)})" for sha, same in splits.items()]
            left_out.append(f"{dataset}: no pair across different splits, {' and '.join(groups)}")
    return Significance(pd.DataFrame(rows, columns=COLUMNS), left_out)


def _experiments(runs: Sequence[RunRecord]) -> tuple[list[_Experiment], list[str]]:
    """Gather runs with the values of their users, seeds averaged, and why some are missing."""
    named: dict[tuple[str, str], list[RunRecord]] = {}
    for run, label in zip(runs, labels(runs), strict=True):
        named.setdefault((run.dataset, label), []).append(run)
    experiments, left_out = [], []
    for (dataset, label), seeds in named.items():
        shas = {run.split_sha256 for run in seeds}
        tables = [table for run in seeds if (table := _users(run)) is not None]
        if len(shas) > 1:
            left_out.append(f"{label}: its seeds were tested on different splits")
        elif len(tables) < len(seeds):
            left_out.append(f"{label}: no test_users.parquet that belongs to its test; test it again")
        else:
            experiments.append(_Experiment(label, dataset, shas.pop(), _averaged(tables)))
    return experiments, left_out


def _users(run: RunRecord) -> pd.DataFrame | None:
    """Read the values of each user behind the run's summary: of its refit, if that was tested last."""
    for folder in (run.path / "refit", run.path):
        file = folder / "test_users.parquet"
        if file.is_file() and _belongs(table := pd.read_parquet(file), run):
            return table
    return None


def _belongs(table: pd.DataFrame, run: RunRecord) -> bool:
    """Tell whether the means over users are the numbers of the summary."""
    if not {"user_id", "items"} <= set(table.columns):
        return False
    means = table.drop(columns="user_id").groupby("items").mean()
    told = [
        (float(str(means.loc[items, metric])), run.summary[f"test_{metric}_{items}"])
        for items in means.index
        for metric in means.columns
        if f"test_{metric}_{items}" in run.summary
    ]
    told = [pair for pair in told if not math.isnan(pair[1])]
    return bool(told) and all(abs(mean - value) <= _TOLERANCE * max(1.0, abs(value)) for mean, value in told)


def _averaged(tables: list[pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Average metrics by user over seeds, of the users that all seeds have: item set to frame."""
    result = {}
    for items in set.intersection(*(set(table["items"]) for table in tables)):
        parts = [of_items(table, items) for table in tables]
        users = pd.concat(parts).astype({"user_id": "str"}).groupby("user_id")
        result[items] = users.mean()[users.size() == len(tables)].dropna(axis="columns")
    return result


def of_items(table: pd.DataFrame, items: str) -> pd.DataFrame:
    """Take the measures of the users of one item set, with ``user_id`` and without what is no measure."""
    rows = table[table["items"] == items]
    return rows.drop(columns=["items", *(name for name in rows if name == HISTORY)])


def _rows(experiments: list[_Experiment], items: str) -> Iterator[dict[str, Any]]:
    """Make one row per pair and metric, of experiments that share their split."""
    classes: list[list[_Experiment]] = []
    for one in experiments:
        same = (c for c in classes if _alike(c[0].values[items], one.values[items]))
        if (found := next(same, None)) is not None:
            found.append(one)
        else:
            classes.append([one])
    # runs of one split nearly always have the same users and measures: one bootstrap serves all their pairs
    for place, first in enumerate(classes):
        yield from _compared(first, list(itertools.combinations(range(len(first)), 2)), items)
        for second in classes[place + 1 :]:
            across = itertools.product(range(len(first)), range(len(first), len(first) + len(second)))
            yield from _compared([*first, *second], list(across), items)


def _alike(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    return a.columns.equals(b.columns) and a.index.equals(b.index)


def _compared(
    experiments: list[_Experiment], pairs: list[tuple[int, int]], items: str
) -> Iterator[dict[str, Any]]:
    """Make the rows of the given pairs, on the users and metrics that all the experiments have."""
    frames = [one.values[items] for one in experiments]
    users, metrics = frames[0].index, frames[0].columns
    for frame in frames[1:]:
        users, metrics = users.intersection(frame.index), metrics.intersection(frame.columns, sort=False)
    if not pairs or users.empty or metrics.empty:
        return
    values = np.stack([frame.loc[users, metrics].to_numpy(dtype=np.float64) for frame in frames])
    found = paired_bootstrap(values, pairs)
    for place, (a, b) in enumerate(pairs):
        for column, metric in enumerate(metrics):
            yield {
                **{"run_a": experiments[a].label, "run_b": experiments[b].label, "items": items},
                **{"metric": metric, "users": len(users), "dataset": experiments[a].dataset},
                "difference": float(found.difference[place, column]),
                **{side: float(getattr(found, side)[place, column]) for side in ("low", "high", "p")},
            }
