"""Who is served how well: the main measure by groups of users, such as those who bought much before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.evaluation.groups.gap import widest_gap
from graphrec.evaluation.groups.user_facts import BEHAVIOUR, HISTORY, MOST_WORDS, RECENCY, TASTE
from graphrec.evaluation.intervals import mean_interval
from graphrec.report.runs import ITEM_SETS
from graphrec.report.users import Experiment, TestedUsers

COLUMNS = ["dataset", "by", "items", "metric", "segment", "run", "users", "value", "low", "high"]
GAP_COLUMNS = [
    *("dataset", "by", "items", "metric", "run", "best", "worst", "difference", "low", "high"),
    *("best_users", "worst_users", "left_out"),
]
GROUPS = 4
"""Groups of equal size that numbers are cut into."""
NOTHING = "no row"
"""The segment of users whom training knows nothing of."""
WORDS = {
    HISTORY: "Rows of the training part",
    TASTE: "Buyers of an item they bought, on average",
    **{
        name: f"{name.partition('_')[0].capitalize()} since the last row of training"
        for name in RECENCY.values()
    },
}
"""What a column is called on the page; others keep their name."""


@dataclass(frozen=True)
class Segments:
    """The main measure by segment.

    Args:
        table: Columns `COLUMNS`; a row per dataset, attribute, item set, segment and experiment.
        left_out: Why some experiments are not in it, a sentence each.
        gaps: Columns `GAP_COLUMNS`; how far apart the best and the worst served group of people are, a row
            per dataset, attribute, item set and experiment.
    """

    table: pd.DataFrame
    left_out: list[str]
    gaps: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=GAP_COLUMNS))


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
    gaps: list[dict[str, Any]] = []
    for dataset, split in dict.fromkeys((one.dataset, one.split) for one in ranking):
        alike = [one for one in ranking if (one.dataset, one.split) == (dataset, split)]
        for items in ITEM_SETS:
            for one in _cut([one for one in alike if items in one.values], items, f"ndcg_{k}"):
                rows += _rows(one)
                gaps += _gaps(one)
    return Segments(pd.DataFrame(rows, columns=COLUMNS), left_out, pd.DataFrame(gaps, columns=GAP_COLUMNS))


@dataclass(frozen=True)
class _Cut:
    """The users of one experiment on one item set, cut by one attribute: segment to values."""

    said: dict[str, Any]
    values: dict[str, FloatArray]


def _cut(experiments: Sequence[Experiment], items: str, metric: str) -> Iterator[_Cut]:
    """Cut the users of each experiment by each attribute."""
    attributes = list(dict.fromkeys(str(name) for one in experiments for name in one.attributes(items)))
    for by in attributes:
        having = [one for one in experiments if by in one.values[items] and metric in one.values[items]]
        if not having or (groups := _groups(having, items, by)) is None:
            continue
        for one in having:
            own = one.values[items][metric]
            segment = groups.reindex(own.index)
            values = {
                str(name): own[(segment == name).to_numpy()].to_numpy(dtype=np.float64)
                for name in groups.cat.categories
            }
            said = {"dataset": one.dataset, "by": by, "items": items, "metric": metric, "run": one.label}
            yield _Cut(said, {name: array for name, array in values.items() if len(array)})


def _rows(cut: _Cut) -> Iterator[dict[str, Any]]:
    """Make a row per segment."""
    for segment, values in cut.values.items():
        low, high = mean_interval(values[:, None])
        numbers = {"value": float(values.mean()), "low": float(low[0]), "high": float(high[0])}
        yield {**cut.said, "segment": segment, "users": len(values), **numbers}


def _gaps(cut: _Cut) -> list[dict[str, Any]]:
    """Make the row of the widest gap between groups of people; what they bought makes no group."""
    gap = None if cut.said["by"] in BEHAVIOUR else widest_gap(cut.values)
    return [] if gap is None else [{**cut.said, **asdict(gap)}]


def _groups(experiments: Sequence[Experiment], items: str, by: str) -> pd.Series | None:
    """Put each user of some experiments into a segment; None if that tells nobody apart."""
    told = pd.concat([one.values[items][by] for one in experiments])
    told = told[~told.index.duplicated()]
    if not pd.api.types.is_numeric_dtype(told):
        groups = told.astype("str").astype("category")
        return groups if 1 < len(groups.cat.categories) <= MOST_WORDS else None
    told, lacking = told.dropna(), told[told.isna()]
    if told.empty:
        return None
    inner = np.arange(1, GROUPS) / GROUPS
    tops = np.unique(np.quantile(told, inner, method="lower"))  # equal values stay together
    places = np.searchsorted(tops, told, side="left")
    found = sorted(set(places.tolist()))
    if len(found) + (len(lacking) > 0) < 2:
        return None
    names = _spans({place: told[places == place] for place in found})
    words = [*(names[place] for place in places), *(NOTHING for _ in lacking)]
    categories = [*names.values(), *([NOTHING] if len(lacking) else [])]
    return pd.Series(pd.Categorical(words, categories=categories), index=told.index.append(lacking.index))


def _spans(parts: dict[int, pd.Series]) -> dict[int, str]:
    """Write the ranges of some numbers, with as few digits as tell them apart."""
    for digits in (4, 10):
        names = {place: _span(values, digits) for place, values in parts.items()}
        if len(set(names.values())) == len(names):
            return names
    return {place: f"{name}, part {place + 1}" for place, name in names.items()}


def _span(values: pd.Series, digits: int) -> str:
    """Write the range of some numbers; whole ones with all their digits."""
    shown = 10 if (values % 1 == 0).all() else digits
    low, high = f"{values.min():.{shown}g}", f"{values.max():.{shown}g}"
    return low if low == high else f"{low}–{high}"
