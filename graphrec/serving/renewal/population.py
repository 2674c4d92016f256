"""Who and what is in a new log, beside the log before: newcomers, and how shares have moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.interactions import Columns

SOME, MUCH = 0.1, 0.25
"""Population stability index from which on people speak of some drift, and of much."""
_TENTHS = 10


@dataclass(frozen=True)
class Moved:
    """How the shares of a few groups have moved.

    Args:
        groups: A row per group: ``group``, ``before`` and ``now`` (shares), ``index`` (its part of the sum).
        index: Population stability index, ``Σ (now − before) ln(now / before)``.
        by_chance: What it is on average if nothing has moved.
    """

    groups: pd.DataFrame
    index: float
    by_chance: float

    @property
    def said(self) -> str:
        """Say how much that is in a word or two."""
        if self.index < SOME or self.index < 3 * self.by_chance:
            return "little"
        return "some drift" if self.index < MUCH else "much drift"


@dataclass(frozen=True)
class Population:
    """A new log beside the one before.

    Args:
        counts: A row per side: ``of``, ``before`` and ``now`` (how many), ``new`` ones and ``share_of_rows``.
        items: Rows by tenth of the purchases of before, the items bought most first, and new items.
        activity: Users of a week by how many rows they have in it.
    """

    counts: pd.DataFrame
    items: Moved
    activity: Moved


def population_of(before: pd.DataFrame, now: pd.DataFrame) -> Population:
    """Compare two logs of the same columns.

    Args:
        before: What the model that serves was given: ``user_id``, ``item_id``, ``week``.
        now: What has come since.
    """
    sides = {"users": Columns.USER, "items": Columns.ITEM}
    counts = pd.DataFrame([_counted(name, before[key], now[key]) for name, key in sides.items()])
    items = _grouped(before[Columns.ITEM], now[Columns.ITEM])
    names = [*(f"tenth {place}" for place in range(1, _TENTHS + 1)), "new items"]
    return Population(counts, _moved(items[0], items[1], names), _activity(before, now))


def _counted(name: str, before: pd.Series[str], now: pd.Series[str]) -> dict[str, object]:
    there, come = before.unique(), now.value_counts()
    is_new = ~come.index.isin(there)
    sizes = {"before": len(there), "now": len(come), "new": int(is_new.sum())}
    return {"of": name, **sizes, "share_of_rows": float(come[is_new].sum() / len(now))}


def _grouped(before: pd.Series[str], now: pd.Series[str]) -> tuple[IntArray, IntArray]:
    """Give rows the tenth of their item; `_TENTHS` for new items. ``[n]`` and ``[m]``.

    Every other row of before says what the tenths are, and the rest how much each sells. One sample for both
    would take what sold much by chance for what sells much.
    """
    tenth, ruled = _tenths(before.iloc[::2]), before.iloc[1::2]
    of_now = now.map(tenth).to_numpy(dtype=np.float64)
    rare = np.isnan(of_now) & now.isin(before.unique()).to_numpy()
    of_now = np.where(rare, _TENTHS - 1, np.nan_to_num(of_now, nan=_TENTHS))
    of_before = ruled.map(tenth).fillna(_TENTHS - 1).to_numpy(dtype=np.int64)
    return of_before, of_now.astype(np.int64)


def _tenths(items: pd.Series[str]) -> pd.Series[Any]:
    """Cut items, the most bought first, such that each part has about a tenth of the rows."""
    sold = items.value_counts(sort=True)
    reached = (sold.cumsum() - sold / 2) / sold.sum()
    return (reached * _TENTHS).astype("int64").clip(upper=_TENTHS - 1)


def _activity(before: pd.DataFrame, now: pd.DataFrame) -> Moved:
    """Group users of a week by their rows in it, at bounds that cut those of before into about ten."""
    keys = [Columns.USER, Columns.WEEK]
    sizes = [log.groupby(keys, observed=True).size().to_numpy() for log in (before, now)]
    bounds = np.unique(np.quantile(sizes[0], np.linspace(0, 1, _TENTHS + 1)[1:-1], method="lower"))
    names = [f"up to {bound:g} rows" for bound in bounds] + [f"more than {bounds[-1]:g} rows"]
    groups = [np.asarray(np.searchsorted(bounds, size), dtype=np.int64) for size in sizes]
    return _moved(groups[0], groups[1], names)


def _moved(before: IntArray, now: IntArray, names: list[str]) -> Moved:
    """Compute the index of group numbers; half a row is added to each group, so that none is empty."""
    shares: list[FloatArray] = []
    for groups in (before, now):
        counts = np.bincount(groups, minlength=len(names)) + 0.5
        shares.append(counts / counts.sum())
    parts = (shares[1] - shares[0]) * np.log(shares[1] / shares[0])
    frame = pd.DataFrame({"group": names, "before": shares[0], "now": shares[1], "index": parts})
    by_chance = (len(names) - 1) * (1 / max(len(before), 1) + 1 / max(len(now), 1))
    return Moved(frame, float(parts.sum()), by_chance)
