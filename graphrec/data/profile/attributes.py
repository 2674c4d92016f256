"""Attributes of users and items: how far they are known, and which would tell what is to be predicted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import AnyArray, IntArray
from graphrec.data.cleaning.attributes import UNKNOWN
from graphrec.data.interactions import Columns
from graphrec.data.profile.coded import CodedLog
from graphrec.data.profile.traps import FOLLOWS, Trap, correlation, equal_share

_EQUAL = 0.95
_FEW = 10
"""Rows without a purchase that a comparison needs."""
_NAMES = re.compile(
    r"last_?(purchase|order|buy|visit)|total_?(spen[dt]|sales|orders|revenue)|num_?(orders|purchases|sold)"
    r"|(order|purchase|sales|sold|review|rating)s?_?(count|num)|avg_?rating|mean_?rating|sales_?rank|churn"
    r"|best_?seller|lifetime_?value|umsatz|letzter?_?(kauf|einkauf)|销量|评分|最后购买",
    re.IGNORECASE,
)


def describe_attributes(table: pd.DataFrame, key: str, ids: AnyArray) -> pd.DataFrame:
    """Describe the attributes of users or items.

    Args:
        table: One row per id, as read.
        key: Column of the ids.
        ids: Ids of the log.

    Returns:
        ``attribute``, ``kind`` (number or text), ``known`` (share of the log's ids that have a value),
        ``distinct`` and ``most_frequent``.
    """
    placed = _placed(table, key, ids)
    rows = []
    for name in placed.columns:
        known = placed[name].dropna()
        counts = known.value_counts()
        rows.append(
            {
                "attribute": str(name),
                "kind": "number" if pd.api.types.is_numeric_dtype(known) else "text",
                "known": len(known) / max(len(placed), 1),
                "distinct": int(known.nunique()),
                "most_frequent": str(counts.index[0]) if len(counts) else "–",
            }
        )
    return pd.DataFrame(rows, columns=["attribute", "kind", "known", "distinct", "most_frequent"])


def leaking(log: CodedLog, table: pd.DataFrame, key: str) -> list[Trap]:
    """Find attributes that are made of purchases, or exist only after one.

    Args:
        log: The log.
        table: Attributes as they were read, also of ids without a row in the log.
        key: ``user_id`` or ``item_id``.
    """
    word = "users" if key == Columns.USER else "items"
    codes, ids = (log.user, log.user_ids) if key == Columns.USER else (log.item, log.item_ids)
    placed = _placed(table, key, ids)
    facts = _facts(log, codes, len(ids))
    found: list[Trap] = []
    for name in placed.columns:
        values, of = placed[name], f"column '{name}' of the {word}"
        traps = [
            *_after_purchase(table, key, str(name), ids, of),
            *(
                _of_facts(values, facts, of)
                if pd.api.types.is_numeric_dtype(values)
                else _dates(log, codes, values, of)
            ),
        ]
        found += traps or list(_by_name(str(name), of))
    return found


def _placed(table: pd.DataFrame, key: str, ids: AnyArray) -> pd.DataFrame:
    """Bring attributes to the ids of the log; a value that stands for a missing one is missing."""
    named = table.assign(**{key: table[key].astype("str")}).drop_duplicates(key).set_index(key)
    placed = named.reindex(pd.Series(ids).astype("str")).reset_index(drop=True)
    return placed.replace({UNKNOWN: None})


def _facts(log: CodedLog, codes: IntArray, count: int) -> dict[str, AnyArray]:
    """Count what the log says of each user or item."""
    facts: dict[str, AnyArray] = {"the number of its rows": np.bincount(codes, minlength=count).astype(float)}
    others = log.items_of_user if codes is log.user else log.users_of_item
    facts["the number of its items" if codes is log.user else "the number of its buyers"] = others.astype(
        float
    )
    for column, words in (
        (Columns.QUANTITY, "the units in its rows"),
        (Columns.PRICE, "the sum of its prices"),
        (Columns.RATING, "the mean of its ratings"),
    ):
        if column in log.frame:
            by_id = log.frame[column].groupby(codes)
            values = by_id.mean() if column == Columns.RATING else by_id.sum()
            facts[words] = values.reindex(range(count)).to_numpy(dtype=float)
    return facts


def _of_facts(values: pd.Series[Any], facts: dict[str, AnyArray], of: str) -> Iterator[Trap]:
    numbers = values.to_numpy(dtype=float)
    if len(np.unique(numbers[np.isfinite(numbers)])) < 3:
        return
    for words, fact in facts.items():
        follows, equal = correlation(numbers, fact), equal_share(numbers, fact)
        if equal >= _EQUAL or abs(follows) >= FOLLOWS:
            how = f"equals {words} in {equal:.0%}" if equal >= _EQUAL else f"rank correlation {follows:.2f}"
            yield Trap(
                "leakage",
                f"{of} follows {words}",
                f"{how}, counted over the whole log, the test part included",
                "leave it out of the features, or count it from training weeks alone",
            )
            return


def _dates(log: CodedLog, codes: IntArray, values: pd.Series[Any], of: str) -> Iterator[Trap]:
    """Find dates that are those of the last purchase."""
    if Columns.TIMESTAMP not in log.frame or not values.notna().any():
        return
    text = values.astype("str").where(values.notna())
    dates = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)
    if dates.notna().sum() < 0.8 * values.notna().sum():
        return
    by_id = log.frame[Columns.TIMESTAMP].groupby(codes)
    last = by_id.max().reindex(range(len(values))).dt.normalize()
    same = float((dates.dt.normalize() == last)[dates.notna()].mean())
    inside = float((dates > log.frame[Columns.TIMESTAMP].quantile(0.85))[dates.notna()].mean())
    if same >= 0.5:
        yield Trap(
            "leakage",
            f"{of} is the day of the last purchase",
            f"in {same:.0%} of the rows",
            "leave it out of the features: it tells when the test purchase was made",
        )
    elif inside > 0.05:
        yield Trap(
            "caution",
            f"{of} has dates from the newest weeks",
            f"{inside:.0%} lie after 85 % of the purchases",
            "a model that reads them in training knows the weeks of the test",
        )


def _after_purchase(table: pd.DataFrame, key: str, name: str, ids: AnyArray, of: str) -> Iterator[Trap]:
    """Find an attribute that those in the log have, and those without a purchase lack."""
    bought = table[key].astype("str").isin(pd.Series(ids).astype("str")).to_numpy()
    known = (table[name].notna() & (table[name] != UNKNOWN)).to_numpy()
    if (~bought).sum() < _FEW or not bought.any():
        return
    with_purchase, without = float(known[bought].mean()), float(known[~bought].mean())
    if with_purchase >= 0.9 and without <= 0.1:
        yield Trap(
            "leakage",
            f"{of} exists only after a purchase",
            f"{with_purchase:.0%} of those in the log have it, {without:.0%} of those without a purchase",
            "leave it out of the features: that it is known tells the purchase",
        )


def _by_name(name: str, of: str) -> Iterator[Trap]:
    if _NAMES.search(name):
        yield Trap(
            "caution",
            f"{of} may be counted from purchases",
            "its name says so; its values do not follow this log",
            "leave it out of the features unless it was fixed before the first week of the test",
        )
