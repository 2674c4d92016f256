"""The values of each user that tests wrote, each seed's and their mean: ``test_users.parquet``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from graphrec.evaluation.groups.user_facts import is_measure
from graphrec.report.runs import RunRecord
from graphrec.report.table import labels

_TOLERANCE = 1e-5
"""Rounding of the mean between a table of users (32 bits) and the number in the summary."""


@dataclass
class Experiment:
    """Seeds of one experiment as one: the values of each user, averaged over the seeds.

    Args:
        label: What the comparison calls it.
        dataset: Name of the dataset.
        split: Fingerprint of the split.
        values: A row per user by item set: the measures, and what else the test said of the user.
        by_seed: By item set, the measures of each seed apart, in the rows and columns of `measures`.
        draws: Whether a fit draws something that another seed would draw otherwise; closed forms do not.
    """

    label: str
    dataset: str
    split: str
    values: dict[str, pd.DataFrame] = field(default_factory=dict)
    by_seed: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    draws: bool = True

    @property
    def seeds(self) -> int:
        """Number of the seeds."""
        return max((len(tables) for tables in self.by_seed.values()), default=0)

    @property
    def tells_seeds(self) -> bool:
        """Whether it is known what a seed does: from two of them, or because nothing is drawn."""
        return self.seeds > 1 or not self.draws

    def measures(self, items: str) -> pd.DataFrame:
        """Take the measures of one item set, a row per user."""
        frame = self.values[items]
        return frame[[name for name in frame if is_measure(name, frame)]]

    def attributes(self, items: str) -> pd.DataFrame:
        """Take what is said of the users of one item set, a row per user."""
        frame = self.values[items]
        return frame[[name for name in frame if not is_measure(name, frame)]]


TestedUsers = tuple[list[Experiment], list[str]]
"""Experiments with the values of their users, and why others are missing."""


def tested_users(runs: Sequence[RunRecord]) -> TestedUsers:
    """Gather runs with the values of their users, seeds averaged, and why some are missing.

    Args:
        runs: What `read_runs` returned.
    """
    if any(run.part == "val" for run in runs):
        return [], ["validation keeps no values of each user, so there is neither interval nor paired test"]
    named: dict[tuple[str, str], list[RunRecord]] = {}
    for run, label in zip(runs, labels(runs), strict=True):
        named.setdefault((run.dataset, label), []).append(run)
    experiments, left_out = [], []
    for (dataset, label), seeds in named.items():
        shas = {run.split_sha256 for run in seeds}
        tables = [table for run in seeds if (table := _users(run)) is not None]
        if not any(run.ranks for run in seeds):
            left_out.append(f"{label}: it was judged by probabilities of pairs")
        elif len(shas) > 1:
            left_out.append(f"{label}: its seeds were tested on different splits")
        elif len(tables) < len(seeds):
            left_out.append(f"{label}: no test_users.parquet that belongs to its test; test it again")
        else:
            values, by_seed = _averaged(tables)
            draws = not all(is_closed_form(run.config) for run in seeds)
            experiments.append(Experiment(label, dataset, shas.pop(), values, by_seed, draws))
    return experiments, left_out


def is_closed_form(config: Mapping[str, Any]) -> bool:
    """Tell whether a run was computed rather than trained: its seed then changes nothing.

    Args:
        config: Of the run.
    """
    model = config.get("model") or {}
    return str(model.get("class_path", "")).endswith("ClosedFormTask")


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
    measures = [name for name in table if is_measure(name, table)]
    means = table.groupby("items")[measures].mean()
    told = [
        (float(str(means.loc[items, metric])), run.summary[f"test_{metric}_{items}"])
        for items in means.index
        for metric in means.columns
        if f"test_{metric}_{items}" in run.summary
    ]
    told = [pair for pair in told if not math.isnan(pair[1])]
    return bool(told) and all(abs(mean - value) <= _TOLERANCE * max(1.0, abs(value)) for mean, value in told)


def _averaged(
    tables: list[pd.DataFrame],
) -> tuple[dict[str, pd.DataFrame], dict[str, list[pd.DataFrame]]]:
    """Take the users that all seeds have, by item set: their metrics averaged over the seeds, and of each."""
    result, apart = {}, {}
    for items in set.intersection(*(set(table["items"]) for table in tables)):
        parts = [table[table["items"] == items].drop(columns="items") for table in tables]
        whole = pd.concat(parts).astype({"user_id": "str"})
        users = whole.groupby("user_id")
        means = users[[name for name in whole if is_measure(name, whole)]].mean()
        said = users[[name for name in whole if name != "user_id" and name not in means]].first()
        kept = means[users.size() == len(tables)].dropna(axis="columns", how="any")
        measures = list(kept)
        result[items] = kept.join(said)
        apart[items] = [
            part.astype({"user_id": "str"}).set_index("user_id").loc[kept.index, measures] for part in parts
        ]
    return result, apart
