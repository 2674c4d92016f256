"""What is said of users beside their measures, so that results can be told by groups of them."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from graphrec.data.interactions import Columns, IdMap, Interactions

HISTORY = "train_interactions"
"""How many rows of the training part a user has."""
TASTE = "train_buyers"
"""How many buyers an item has that the user bought in training, on average."""
RECENCY = {Columns.TIMESTAMP: "days_since_last", Columns.WEEK: "weeks_since_last"}
"""Time from the user's last row of the training part to its end, where the log has times."""
BEHAVIOUR = (HISTORY, TASTE, *RECENCY.values())
"""What follows from the log; everything else is an attribute of the person."""
MOST_WORDS = 12
"""The most distinct words of an attribute that make groups."""
_MEASURE = re.compile(r"[A-Za-z]\w*_\d+")


def is_measure(name: object, frame: pd.DataFrame) -> bool:
    """Tell a measure such as ``ndcg_20`` from what is said of a user."""
    return _MEASURE.fullmatch(str(name)) is not None and pd.api.types.is_numeric_dtype(frame[name])


def user_facts(train: Interactions, attributes: pd.DataFrame | None = None) -> pd.DataFrame:
    """Lay out what is known of each user of the training part, a row per code.

    Args:
        train: The training part.
        attributes: A row per ``user_id``, if there are any: numbers, and words of which there are few.

    Returns:
        `HISTORY`, `TASTE`, one of `RECENCY` where the log has times, and the attributes; the last alone if
        the training part is empty. Taste and recency are missing where a user has no row.
    """
    known = _attributes(attributes, train.users)
    if not len(train):
        return known
    size, user = len(train.users), train.frame[Columns.USER_CODE]
    facts = {HISTORY: np.bincount(user, minlength=size), TASTE: _taste(train)}
    time = next((column for column in RECENCY if column in train.frame), None)
    if time is not None:
        last = train.frame.groupby(user)[time].max().reindex(range(size))
        gone: pd.Series[Any] = train.frame[time].max() - last
        facts[RECENCY[time]] = (gone.dt.days if time == Columns.TIMESTAMP else gone).to_numpy(np.float64)
    return pd.DataFrame(facts).join(known)


def _taste(train: Interactions) -> np.ndarray[Any, Any]:
    pairs = train.pairs()
    buyers = np.bincount(pairs[:, 1], minlength=len(train.items)).astype(np.float64)
    size = len(train.users)
    bought = np.bincount(pairs[:, 0], minlength=size)
    total = np.bincount(pairs[:, 0], buyers[pairs[:, 1]], minlength=size)
    return np.where(bought > 0, total / np.maximum(bought, 1), np.nan)


def _attributes(attributes: pd.DataFrame | None, users: IdMap) -> pd.DataFrame:
    """Bring attributes into the order of the codes; a name that looks like a measure's gets a word before."""
    if attributes is None:
        return pd.DataFrame(index=range(len(users)))
    frame = attributes.set_index(attributes[Columns.USER].astype("str")).drop(columns=Columns.USER)
    frame = frame.reindex(pd.Index(users.ids).astype("str")).reset_index(drop=True)
    kept = frame[[name for name in frame if _tells_groups(frame[name])]]
    return kept.rename(columns={name: _name(name, kept) for name in kept})


def _tells_groups(values: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(values) or values.nunique() <= MOST_WORDS


def _name(name: Hashable, frame: pd.DataFrame) -> str:
    taken = str(name) in (*BEHAVIOUR, "items") or is_measure(name, frame)
    return f"user {name}" if taken else str(name)
