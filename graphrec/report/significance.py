"""Which differences between runs are more than chance: from the values of each user that a test wrote."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.evaluation.significance import paired_bootstrap
from graphrec.report.runs import ITEM_SETS, RunRecord
from graphrec.report.users import Experiment, TestedUsers, tested_users

COLUMNS = ["run_a", "run_b", "items", "metric", "difference", "low", "high", "p", "users", "dataset"]


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


def significance(runs: Sequence[RunRecord], users: TestedUsers | None = None) -> Significance:
    """Compare every pair of runs that were tested on the same split, on the users both have.

    Seeds of one experiment are averaged user by user first, so that chance in training is not counted as
    many users' opinion.

    Args:
        runs: What `read_runs` returned.
        users: What `tested_users` returned for them, where it was read already.
    """
    experiments, reasons = tested_users(runs) if users is None else users
    left_out = list(reasons)
    rows: list[dict[str, Any]] = []
    for dataset in dict.fromkeys(one.dataset for one in experiments):
        splits: dict[str, list[Experiment]] = {}
        for one in experiments:
            if one.dataset == dataset:
                splits.setdefault(one.split, []).append(one)
        for same, items in itertools.product(splits.values(), ITEM_SETS):
            rows += _rows([one for one in same if items in one.values], items)
        if len(splits) > 1:
            groups = [f"{sha[:8]} ({', '.join(e.label for e in same)})" for sha, same in splits.items()]
            left_out.append(f"{dataset}: no pair across different splits, {' and '.join(groups)}")
    return Significance(pd.DataFrame(rows, columns=COLUMNS), left_out)


def _rows(experiments: list[Experiment], items: str) -> Iterator[dict[str, Any]]:
    """Make one row per pair and metric, of experiments that share their split."""
    classes: list[list[Experiment]] = []
    for one in experiments:
        same = (c for c in classes if _alike(c[0].measures(items), one.measures(items)))
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
    experiments: list[Experiment], pairs: list[tuple[int, int]], items: str
) -> Iterator[dict[str, Any]]:
    """Make the rows of the given pairs, on the users and metrics that all the experiments have."""
    frames = [one.measures(items) for one in experiments]
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
