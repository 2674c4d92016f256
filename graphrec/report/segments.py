"""Who is served how well: the main measure by groups of users, such as those who bought much before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.evaluation.intervals import mean_interval
from graphrec.evaluation.measures import HISTORY
from graphrec.report.runs import ITEM_SETS
from graphrec.report.users import Experiment, TestedUsers

COLUMNS = ["dataset", "by", "items", "metric", "segment", "run", "users", "value", "low", "high"]
GROUPS, MOST = 4, 12
"""Groups of equal size that numbers are cut into, and the most distinct words that make segments."""
WORDS = {HISTORY: "Rows of the training part"}
"""What a column is called on the page; others keep their name."""


@dataclass(frozen=True)
class Segments:
    """The main measure by segment.

    Args:
        table: Columns `COLUMNS`; a row per dataset, attribute, item set, segment and experiment.
        left_out: Why some experiments are not in it, a sentence each.
    """

    table: pd.DataFrame
    left_out: list[str]


def segments(users: TestedUsers, k: int) -> Segments:
    """Measure NDCG by each attribute that the tests keep of their users, with a 95 % interval.

    Numbers are cut into four groups of about the same size. The users of all experiments of one split are cut
    alike.

    Args:
        users: What `tested_users` returned.
        k: The cut-off.
    """
    experiments, left_out = users[0], list(users[1])
    ranking = [one for one in experiments if any(f"ndcg_{k}" in frame for frame in one.values.values())]
    older = [one for one in ranking if not any(HISTORY in frame for frame in one.values.values())]
    left_out += [f"{one.label}: its test says nothing of its users' history; test it again" for one in older]
    rows: list[dict[str, Any]] = []
    for dataset, split in dict.fromkeys((one.dataset, one.split) for one in ranking):
        alike = [one for one in ranking if (one.dataset, one.split) == (dataset, split)]
        for items in ITEM_SETS:
            rows += _rows([one for one in alike if items in one.values], items, f"ndcg_{k}")
    return Segments(pd.DataFrame(rows, columns=COLUMNS), left_out)


def _rows(experiments: Sequence[Experiment], items: str, metric: str) -> Iterator[dict[str, Any]]:
    """Make the rows of one item set."""
    attributes = list(dict.fromkeys(str(name) for one in experiments for name in one.attributes(items)))
    for by in attributes:
        having = [one for one in experiments if by in one.values[items] and metric in one.values[items]]
        if not having or (groups := _groups(having, items, by)) is None:
            continue
        for one in having:
            frame = one.values[items]
            for segment in groups.cat.categories:
                values = frame.loc[frame.index.intersection(groups.index[groups == segment]), metric]
                if values.empty:
                    continue
                low, high = mean_interval(values.to_numpy(dtype=np.float64)[:, None])
                yield {
                    **{"dataset": one.dataset, "by": by, "items": items, "metric": metric},
                    **{"segment": segment, "run": one.label, "users": len(values)},
                    **{"value": float(values.mean()), "low": float(low[0]), "high": float(high[0])},
                }


def _groups(experiments: Sequence[Experiment], items: str, by: str) -> pd.Series | None:
    """Put each user of some experiments into a segment; None if that tells nobody apart."""
    told = pd.concat([one.values[items][by] for one in experiments])
    told = told[~told.index.duplicated()]
    if not pd.api.types.is_numeric_dtype(told):
        groups = told.astype("str").astype("category")
        return groups if 1 < len(groups.cat.categories) <= MOST else None
    inner = np.arange(1, GROUPS) / GROUPS
    tops = np.unique(np.quantile(told, inner, method="lower"))  # equal values stay together
    places = np.searchsorted(tops, told, side="left")
    found = sorted(set(places.tolist()))
    if len(found) < 2:
        return None
    names = {place: _span(told[places == place]) for place in found}
    return pd.Series(
        pd.Categorical([names[place] for place in places], categories=list(names.values())), index=told.index
    )


def _span(values: pd.Series) -> str:
    """Write the range of some numbers."""
    low, high = f"{values.min():.10g}", f"{values.max():.10g}"
    return low if low == high else f"{low}–{high}"
