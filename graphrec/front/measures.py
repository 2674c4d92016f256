"""Measures of runs as frames: a row per metric, seeds averaged; and runs side by side."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from graphrec.data.module import RecommenderData
from graphrec.evaluation.correction import Correction, corrected
from graphrec.evaluation.measures import MEASURES, told
from graphrec.evaluation.ranking import UserMetrics
from graphrec.evaluation.significance import crossed_differences
from graphrec.models.base import ItemSet
from graphrec.report.runs import METRIC
from graphrec.report.significance import verdict
from graphrec.report.table import over_seeds

Part = Literal["validation", "test"]
KEYS = ["metric", "items", "measure", "k"]
COLUMNS = ["metric", "value", "low", "high", "spread", "seeds", "measure", "k", "items"]
BEHIND = ["behind", "behind_low", "behind_high", "p", "p_corrected", "verdict"]
"""What separates a run from the best one."""


@dataclass(frozen=True)
class Measures:
    """What one seed came to on a part.

    Args:
        rows: Columns `KEYS`, ``value``, ``low`` and ``high``.
        users: Index ``items`` and ``user_id``, a column for each ``measure_k``: the values of each user.
        split_sha256: Fingerprint of the split.
        falling: Names of the measures that are better the smaller.
    """

    rows: pd.DataFrame
    users: pd.DataFrame
    split_sha256: str
    falling: frozenset[str] = frozenset()

    @classmethod
    def of_validation(cls, found: Mapping[ItemSet, UserMetrics], data: RecommenderData) -> Measures:
        """Take what a model ranked on the validation part of its data."""
        user_ids = data.split.users.ids
        rows, users = [], []
        for items, metrics in found.items():
            for name, measured in metrics.measured().items() if len(metrics.users) else ():
                measure, _, k = name.rpartition("_")
                values = (measured.value, measured.low, measured.high)
                rows.append((f"{name}_{items}", items, measure, int(k), *values))
            columns = {name: value.numpy() for name, value in metrics.values.items()}
            users.append(pd.DataFrame(columns).assign(user_id=user_ids[metrics.users.numpy()], items=items))
        frame = pd.DataFrame(rows, columns=[*KEYS, "value", "low", "high"])
        of_users = pd.concat(users).set_index(["items", "user_id"])
        return cls(frame, of_users, data.split.sha256(), _falling(told(data.measures)))

    @classmethod
    def of_test(cls, folder: Path) -> Measures:
        """Read what ``graphrec test`` wrote into a run's folder."""
        said = json.loads((folder / "test_metrics.json").read_text(encoding="utf-8"))
        rows = []
        for match in filter(None, map(METRIC.fullmatch, said)):
            values = [said[f"{match[0]}{end}"] for end in ("", "_low", "_high") if f"{match[0]}{end}" in said]
            if len(values) == 3:  # else nobody has anything to find on this item set
                key = (match[0].removeprefix("test_"), match["items"], match["measure"], int(match["k"]))
                rows.append((*key, *values))
        users = pd.read_parquet(folder / "test_users.parquet").set_index(["items", "user_id"])
        frame = pd.DataFrame(rows, columns=[*KEYS, "value", "low", "high"])
        return cls(frame, users, str(said["split_sha256"]), _falling(said))


def _falling(said: Mapping[str, Any]) -> frozenset[str]:
    """Tell which measures are better the smaller: of ours, and by what a run keeps of a user's own."""
    own = said.get("measures", {})
    ours = frozenset(one.name for one in MEASURES if one.higher_is_better is False)
    return ours | {name for name, one in own.items() if one["higher_is_better"] is False}


@dataclass(frozen=True)
class Compared:
    """A run among others.

    Args:
        name: What it is called among them.
        measures: Those of each seed.
        draws: Whether a fit draws something that another seed would draw otherwise.
    """

    name: str
    measures: Mapping[int, Measures]
    draws: bool

    @property
    def table(self) -> pd.DataFrame:
        """The seeds averaged; columns `COLUMNS`."""
        return averaged(self.measures)

    @property
    def users(self) -> list[pd.DataFrame]:
        """The values of each user, of each seed."""
        return [found.users for found in self.measures.values()]

    @property
    def falling(self) -> frozenset[str]:
        """Names of the measures that are better the smaller."""
        return frozenset(name for found in self.measures.values() for name in found.falling)

    @property
    def tells_seeds(self) -> bool:
        """Whether it is known what a seed does."""
        return len(self.measures) > 1 or not self.draws


def averaged(measures: Mapping[int, Measures]) -> pd.DataFrame:
    """Average the seeds, a row per metric.

    Args:
        measures: Those of each seed.

    Returns:
        Columns `COLUMNS`.
    """
    rows = pd.concat([found.rows.assign(seed=seed) for seed, found in measures.items()])
    return over_seeds(rows, KEYS)[COLUMNS]


def differences(runs: Sequence[Compared], correction: Correction = "holm") -> pd.DataFrame:
    """Put runs below each other, best first in each metric, with what separates each from the best.

    Args:
        runs: What is compared.
        correction: How p is corrected for the number of pairs of runs.

    Returns:
        ``run``, `COLUMNS` and `BEHIND`; the latter are missing for the best and for coverage.
    """
    whole = pd.concat([run.table.assign(run=run.name) for run in runs], ignore_index=True)
    missing: dict[str, Any] = dict.fromkeys(BEHIND, np.nan) | {"verdict": None}
    whole = whole.assign(**missing).astype({"verdict": "str"})
    named = {run.name: run for run in runs}
    falling = {name for run in runs for name in run.falling}
    parts = []
    for _, part in whole.groupby("metric", sort=False):
        falls = part["measure"].iloc[0] in falling
        ranked = part.sort_values("value", ascending=falls, kind="stable").reset_index(drop=True)
        name = f"{ranked['measure'].iloc[0]}_{ranked['k'].iloc[0]}"
        own = [named[run] for run in ranked["run"]]
        if len(own) > 1 and all(name in one.users[0] for one in own):
            _fill_in(ranked, own, name, correction)
        parts.append(ranked)
    return pd.concat(parts, ignore_index=True)[["run", *COLUMNS, *BEHIND]]


def _fill_in(ranked: pd.DataFrame, runs: Sequence[Compared], name: str, correction: Correction) -> None:
    """Write what separates each run from the first; p is corrected for all pairs."""
    items = ranked["items"].iloc[0]
    users = runs[0].users[0].loc[items].index
    values = [
        np.stack([one.loc[items, name].reindex(users).to_numpy(dtype=np.float64) for one in run.users])
        for run in runs
    ]
    pairs = list(itertools.combinations(range(len(runs)), 2))
    found = crossed_differences([value[:, :, None] for value in values], pairs)
    first = [place for place, (best, _) in enumerate(pairs) if best == 0]
    columns = {"behind": found.difference, "behind_low": found.low, "behind_high": found.high, "p": found.p}
    columns["p_corrected"] = corrected(found.p[:, 0], correction)[:, None]
    for column, value in columns.items():
        ranked.loc[1:, column] = value[first, 0]
    told = [run.tells_seeds and runs[0].tells_seeds for run in runs[1:]]
    ranked.loc[1:, "verdict"] = [
        verdict(*one) for one in zip(ranked["p_corrected"].iloc[1:], told, strict=True)
    ]
