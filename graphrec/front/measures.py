"""Measures of runs as frames: a row per metric, seeds averaged; and runs side by side."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from graphrec.data.module import RecommenderData
from graphrec.evaluation.measures import told
from graphrec.evaluation.ranking import UserMetrics
from graphrec.evaluation.significance import paired_bootstrap
from graphrec.models.base import ItemSet
from graphrec.report.runs import METRIC
from graphrec.report.table import over_seeds

Part = Literal["validation", "test"]
KEYS = ["metric", "items", "measure", "k"]
COLUMNS = ["metric", "value", "low", "high", "spread", "seeds", "measure", "k", "items"]


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
    """Tell which of a user's own measures are better the smaller, by what a run keeps of them."""
    own = said.get("measures", {})
    return frozenset(name for name, one in own.items() if one["higher_is_better"] is False)


def averaged(measures: Mapping[int, Measures]) -> pd.DataFrame:
    """Average the seeds, a row per metric.

    Args:
        measures: Those of each seed.

    Returns:
        Columns `COLUMNS`.
    """
    rows = pd.concat([found.rows.assign(seed=seed) for seed, found in measures.items()])
    return over_seeds(rows, KEYS)[COLUMNS]


def differences(
    tables: Sequence[pd.DataFrame], users: Sequence[pd.DataFrame], falling: Collection[str] = ()
) -> pd.DataFrame:
    """Put runs below each other, best first in each metric, with what separates each from the best.

    Args:
        tables: `averaged` of each run, with a column ``run``.
        users: Values of each user, averaged over the seeds, of each run; see `Measures`.
        falling: Names of the measures that are better the smaller.

    Returns:
        ``run``, `COLUMNS`, and ``behind``, ``behind_low``, ``behind_high`` and ``p``: the best run's value
        less this one's on the same users (paired bootstrap, 95 %). Missing for the best and for coverage.
    """
    whole = pd.concat(tables, ignore_index=True)
    whole = whole.assign(behind=np.nan, behind_low=np.nan, behind_high=np.nan, p=np.nan)
    values = dict(zip((table["run"].iloc[0] for table in tables), users, strict=True))
    parts = []
    for _, part in whole.groupby("metric", sort=False):
        falls = part["measure"].iloc[0] in falling
        ranked = part.sort_values("value", ascending=falls, kind="stable").reset_index(drop=True)
        name = f"{ranked['measure'].iloc[0]}_{ranked['k'].iloc[0]}"
        runs = [values[run] for run in ranked["run"]]
        if len(runs) > 1 and all(name in one for one in runs):
            _fill_in(ranked, [one.loc[ranked["items"].iloc[0], name] for one in runs])
        parts.append(ranked)
    return pd.concat(parts, ignore_index=True)[["run", *COLUMNS, "behind", "behind_low", "behind_high", "p"]]


def _fill_in(ranked: pd.DataFrame, users: Sequence[pd.Series[Any]]) -> None:
    """Write what separates each run from the first."""
    aligned = np.stack([one.reindex(users[0].index).to_numpy(dtype=np.float64) for one in users])
    found = paired_bootstrap(aligned[:, :, None], [(0, place) for place in range(1, len(users))])
    columns = {"behind": found.difference, "behind_low": found.low, "behind_high": found.high, "p": found.p}
    for column, value in columns.items():
        ranked.loc[1:, column] = value[:, 0]
