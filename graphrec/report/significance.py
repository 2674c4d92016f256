"""Which differences between runs are more than chance: from the values of each user that tests wrote."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.evaluation.correction import Correction, corrected
from graphrec.evaluation.significance import crossed_differences
from graphrec.report.runs import ITEM_SETS, RunRecord
from graphrec.report.users import Experiment, TestedUsers, tested_users

CONFIRMED, CHANCE, UNKNOWN = "confirmed", "may be chance", "seeds unknown"
"""What is said of a difference, in every place: UNKNOWN where users confirm it and one run has one seed."""
LEVEL = 0.05
"""A difference with a larger corrected p may be chance."""
COLUMNS = [
    *("run_a", "run_b", "items", "metric", "difference", "low", "high", "p", "p_corrected", "verdict"),
    *("p_users", "seeds_a", "seeds_b", "users", "pairs", "correction", "dataset"),
]
_OF_PAIR = ("difference", "low", "high", "p", "p_corrected", "p_users", "verdict")
FAMILY = ["dataset", "items", "metric"]
"""What p is corrected for: all pairs of runs that were compared by one measure on one item set."""


@dataclass(frozen=True)
class Significance:
    """Paired differences between runs.

    Args:
        table: One row per pair of runs, item set and metric: `run_a` less `run_b` with the 95 % interval and
            the two-sided p of this pair alone, p corrected for all ``pairs``, and the verdict. ``p_users``
            is of users alone. Columns `COLUMNS`; runs are called as in the comparison.
        left_out: Why some runs or pairs are not in the table, a sentence each.
        one_seed: Trained runs with one seed, as `dataset` and `run`: what their seed does is unknown.
        correction: What p was corrected by.
    """

    table: pd.DataFrame
    left_out: list[str]
    one_seed: frozenset[tuple[str, str]] = frozenset()
    correction: Correction = "holm"

    def of(self, dataset: str, items: str, metric: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Look up what separates each ordered pair of runs, for either order."""
        table = self.table
        rows = table[(table["dataset"] == dataset) & (table["items"] == items) & (table["metric"] == metric)]
        found = {}
        for row in rows.to_dict("records"):
            forth = {key: row[key] for key in _OF_PAIR}
            back = {**forth, "difference": -row["difference"], "low": -row["high"], "high": -row["low"]}
            found[row["run_a"], row["run_b"]], found[row["run_b"], row["run_a"]] = forth, back
        return found


def significance(
    runs: Sequence[RunRecord], users: TestedUsers | None = None, correction: Correction = "holm"
) -> Significance:
    """Compare every pair of experiments that were tested on the same split, on the users both have.

    Users and seeds both count: see `crossed_differences`.

    Args:
        runs: What `read_runs` returned.
        users: What `tested_users` returned for them, where it was read already.
        correction: How p is corrected for the number of pairs.
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
    one_seed = frozenset((one.dataset, one.label) for one in experiments if not one.tells_seeds)
    return Significance(_judged(pd.DataFrame(rows), one_seed, correction), left_out, one_seed, correction)


def _judged(
    table: pd.DataFrame, one_seed: frozenset[tuple[str, str]], correction: Correction
) -> pd.DataFrame:
    """Correct p within each family and give the verdict."""
    if table.empty:
        return pd.DataFrame(columns=COLUMNS)
    families = table.groupby(FAMILY, sort=False)["p"]
    p = families.transform(lambda own: corrected(own.to_numpy(dtype=np.float64), correction))
    table = table.assign(p_corrected=p, pairs=families.transform("size"), correction=correction)
    told = [
        {(dataset, a), (dataset, b)}.isdisjoint(one_seed)
        for dataset, a, b in table[["dataset", "run_a", "run_b"]].to_numpy()
    ]
    verdicts = [verdict(*pair) for pair in zip(table["p_corrected"], told, strict=True)]
    return table.assign(verdict=verdicts)[COLUMNS]


def verdict(p_corrected: float, seeds_told: bool) -> str:
    """Say whether a difference is more than chance.

    Args:
        p_corrected: Its p, corrected for the number of pairs.
        seeds_told: Whether it is known of both runs what their seed does.
    """
    if not p_corrected < LEVEL:
        return CHANCE
    return CONFIRMED if seeds_told else UNKNOWN


def _rows(experiments: list[Experiment], items: str) -> Iterator[dict[str, Any]]:
    """Make one row per pair and metric, of experiments that share their split."""
    classes: list[list[Experiment]] = []
    for one in experiments:
        same = (c for c in classes if _alike(c[0].measures(items), one.measures(items)))
        if (found := next(same, None)) is not None:
            found.append(one)
        else:
            classes.append([one])
    # runs of one split nearly always have the same users and measures: they are laid out once for all pairs
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
    values = [
        np.stack([seed.loc[users, metrics].to_numpy(dtype=np.float64) for seed in one.by_seed[items]])
        for one in experiments
    ]
    found = crossed_differences(values, pairs)
    for place, (a, b) in enumerate(pairs):
        for column, metric in enumerate(metrics):
            yield {
                **{"run_a": experiments[a].label, "run_b": experiments[b].label, "items": items},
                **{"metric": metric, "users": len(users), "dataset": experiments[a].dataset},
                **{"seeds_a": len(values[a]), "seeds_b": len(values[b])},
                "difference": float(found.difference[place, column]),
                **{key: float(getattr(found, key)[place, column]) for key in ("low", "high", "p", "p_users")},
            }
