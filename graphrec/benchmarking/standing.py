"""Where the models stand over the data sets: average ranks by each measure on the main item set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.benchmarking.ranks import AverageRanks, average_ranks
from graphrec.report.runs import ITEM_SETS, RunRecord

MAIN = "ndcg"
"""The measure whose ranks are drawn."""


@dataclass(frozen=True)
class Standing:
    """Average ranks by measure.

    Args:
        of: By measure, `MAIN` first.
        titles: What each measure is called.
        items: By data set, the item set that it is judged on: the first of its data.
        k: The cut-off.
        left_out: Why models are not ranked, a sentence each.
    """

    of: Mapping[str, AverageRanks]
    titles: Mapping[str, str]
    items: Mapping[str, str]
    k: int
    left_out: Sequence[str]

    @property
    def table(self) -> pd.DataFrame:
        """A row per model: average rank by each measure, and the rank on each data set by the main one."""
        main = self.of[MAIN]
        columns = {f"average_rank_{name}": one.average for name, one in self.of.items()}
        on_each = {f"rank_on_{data}": main.ranks.loc[data] for data in main.ranks.index}
        return pd.DataFrame({**columns, **on_each}).reindex(main.models).rename_axis("model").reset_index()

    def rank_of(self, data: str, model: str, measure: str, k: int, items: str) -> float:
        """Look up a rank; missing where nothing is ranked by this measure."""
        if k != self.k or measure not in self.of or self.items.get(data) != items:
            return float("nan")
        ranks = self.of[measure].ranks
        return float(ranks.loc[data, model]) if model in ranks and data in ranks.index else float("nan")  # type: ignore[arg-type]


def standing(comparison: pd.DataFrame, runs: Sequence[RunRecord], k: int) -> Standing:
    """Rank the models that have a result on every data set, by each measure that names a winner.

    Args:
        comparison: What `graphrec.report.table.comparison` returned, a run being a model.
        runs: The runs it was made from.
        k: The cut-off.
    """
    items = {run.dataset: _judged_on(run, k) for run in runs}
    own = pd.Series([items[data] for data in comparison["dataset"]], index=comparison.index)
    rows = comparison[(comparison["k"] == k) & (comparison["items"] == own)]
    rows = rows[rows["higher_is_better"].notna()]
    found, titles, left_out = {}, {}, list[str]()
    for measure in sorted(rows["measure"].unique(), key=lambda name: name != MAIN):
        part = rows[rows["measure"] == measure]
        values = part.pivot_table("value", "dataset", "run", sort=False)
        whole = values.columns[values.notna().all()]
        if measure == MAIN:
            left_out = [_why(values, str(name)) for name in values.columns.difference(whole)]
        titles[str(measure)] = str(part["title"].iloc[0])
        falls = not bool(part["higher_is_better"].iloc[0])
        if len(whole):
            found[str(measure)] = average_ranks(values[whole], falls)
    if MAIN not in found:
        left_out.append("no model has a result on every data set")
        found = {MAIN: average_ranks(pd.DataFrame(dtype=np.float64))}
    return Standing(found, titles, items, k, left_out)


def _why(values: pd.DataFrame, model: str) -> str:
    missing = [str(data) for data in values.index[values[model].isna()]]
    return f"{model} is not ranked: it has no result on {', '.join(missing)}"


def _judged_on(run: RunRecord, k: int) -> str:
    """Find the item set whose numbers have no suffix: the first of the data."""
    plain = run.summary.get(f"test_{MAIN}_{k}")
    return next(one for one in reversed(ITEM_SETS) if run.summary.get(f"test_{MAIN}_{k}_{one}") == plain)
