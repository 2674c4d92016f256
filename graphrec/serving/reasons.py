"""Reasons beside lists: what adds most to a score, in columns and in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from graphrec.data.choice.known import as_text
from graphrec.data.features.build import Features
from graphrec.data.interactions import Columns, IdMap, RawData
from graphrec.data.tables.files import closest
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.models.answers.folded import MostBought
from graphrec.models.base import Recommender
from graphrec.models.popularity import Popularity
from graphrec.models.reasons.columns import column_accounts
from graphrec.models.reasons.explain import accounts_of
from graphrec.notices import note
from graphrec.serving.column_reasons import Said, with_columns
from graphrec.serving.reason_columns import OTHERS, PEOPLE, REASON, REST, SHOWN, listed, reason_columns

NAMES = ("name", "title", "description", "product_name", "item_name")
"""Columns of an item table that are taken for names of products, the first that is there."""
NO_NAME = ("", "unknown")
"""What stands where a table says nothing."""


@dataclass(frozen=True)
class Naming:
    """What the items are called.

    Args:
        names: Of each item, by code. Shape ``[I]``.
        ids: Of each item, as text. Shape ``[I]``.
        asked: Whether somebody named the column that they stand in.
    """

    names: np.ndarray
    ids: np.ndarray
    asked: bool = False

    @classmethod
    def of(cls, source: RawData, items: IdMap, column: str | None = None) -> Naming:
        """Take names from a column of the data's table of items, ids where there is none.

        Args:
            source: Has the table.
            items: The catalogue.
            column: The column; the first of `NAMES` if missing.

        Raises:
            InputError: If there is no such column.
        """
        ids, table, asked = as_text(items).ids, source.items, column is not None
        there = [] if table is None else [str(name) for name in table.columns]
        if column is not None and column not in there:
            hint = closest(column, there, "the table of items has") if there else "there is no table of items"
            raise InputError(f"there is no column {column!r}", column="--name_column", hint=hint)
        lower = {name.lower(): name for name in there}
        column = column or next((lower[name] for name in NAMES if name in lower), None)
        if column is None or table is None:
            return cls(ids, ids)
        known = table[table[column].notna()].drop_duplicates(Columns.ITEM)
        found = pd.Series(ids).map(known.set_index(known[Columns.ITEM].astype("str"))[column].astype("str"))
        named = found.notna() & ~found.isin(NO_NAME)
        return cls(np.where(named, found.to_numpy(dtype=object), ids), ids, asked)


def with_reasons(
    frame: pd.DataFrame,
    model: Recommender,
    users: IdMap,
    items: IdMap,
    training: BipartiteGraph,
    names: Naming,
    features: Features | None,
    said: Said,
) -> pd.DataFrame:
    """Add the columns of reasons to lists.

    Args:
        frame: ``user_id``, ``item_id`` and ``score`` of the lists of one model.
        model: Made the scores, but for what was added to favour items.
        users: Its users.
        items: The catalogue.
        training: Who bought what in training.
        names: Of the items.
        features: Of the data that the model was fitted to.
        said: What tables say of users and items.

    Returns:
        The lists with `reason_columns`. ``share_n`` is what the purchase ``because_n`` adds to the score. So
        many ``people_n`` of training bought both. ``others`` is what the user's other purchases add, and
        ``rest`` what no purchase does. Shares, others and rest sum to the score. For a model that reads
        features alone see `with_columns`.
    """
    rows, codes = users.codes(frame[Columns.USER]), items.codes(frame[Columns.ITEM])
    asked = torch.from_numpy(np.unique(rows)).to(model.graph.edge_item.device)
    accounts = accounts_of(model, asked)
    if accounts is None:
        by_columns = column_accounts(model, features)
        if by_columns is None:
            return without_reasons(frame, model)
        if names.asked:
            note("--name_column names purchases, and this model ranks by features: it changes nothing")
        return with_columns(frame, by_columns, rows, codes, said)
    both = _buyers_of_both(training)
    parts = []
    for user in pd.unique(rows):
        where = np.flatnonzero(rows == user)
        account = accounts(int(user), torch.from_numpy(codes[where]).to(asked.device))
        bought, shares = account.bought.cpu().numpy(), account.parts.T.cpu().double().numpy()
        parts.append(_rows(frame.iloc[where], codes[where], bought, shares, both, names))
    return pd.concat(parts).reindex(frame.index)


def without_reasons(frame: pd.DataFrame, model: Recommender) -> pd.DataFrame:
    """Leave the columns of reasons empty, and say that there is no exact account."""
    if isinstance(model, MostBought | Popularity):
        return _bare(frame, "one of the items that most people buy")
    inner = getattr(model, "model", model)
    named = getattr(inner, "encoder", inner)
    note(f"{type(named).__name__} has no exact account of its scores by purchases: its reasons stay empty")
    return _bare(frame, None)


def _bare(frame: pd.DataFrame, reason: str | None) -> pd.DataFrame:
    """Add the columns without a purchase in them: the rest is all of the score."""
    empty = pd.DataFrame(np.nan, index=frame.index, columns=reason_columns())
    text = [REASON, *(f"because_{place}" for place in range(1, SHOWN + 1))]
    kinds: dict[str, Any] = {**dict.fromkeys(text, "str"), **PEOPLE}
    made = empty.astype(kinds).assign(others=0.0, rest=frame["score"].astype("float64"))
    return frame.join(made if reason is None else made.assign(reason=reason))


def _rows(
    frame: pd.DataFrame,
    codes: np.ndarray,
    bought: np.ndarray,
    shares: np.ndarray,
    both: Callable[[int, np.ndarray], np.ndarray],
    names: Naming,
) -> pd.DataFrame:
    """Write the reasons of one user's rows; shares have shape ``[rows, purchases]``."""
    order = np.argsort(-shares, axis=1, kind="stable")[:, :SHOWN]
    found: dict[str, list[object]] = {name: [] for name in reason_columns()}
    for row, (item, best) in enumerate(zip(codes, order, strict=True)):
        best = best[shares[row, best] > 0]
        people = both(int(item), bought[best])
        for place in range(SHOWN):
            there = place < len(best)
            found[f"because_{place + 1}"].append(names.ids[bought[best[place]]] if there else None)
            found[f"share_{place + 1}"].append(shares[row, best[place]] if there else np.nan)
            found[f"people_{place + 1}"].append(int(people[place]) if there else None)
        total = shares[row].sum()
        found[OTHERS].append(total - shares[row, best].sum())
        found[REST].append(float(frame["score"].iloc[row]) - total)
        found[REASON].append(_words(names.names[bought[best]], people))
    made = pd.DataFrame(found, index=frame.index)
    return frame.join(made.astype(PEOPLE))


def _words(bought: np.ndarray, people: np.ndarray) -> str:
    """Say why in a sentence that a shop manager reads.

    Names that stand twice, as those of pack sizes do, are said once.
    """
    if not len(bought):
        return "not because of what was bought: by the customer's own taste, or as many buy it"
    named = listed(list(dict.fromkeys(str(name) for name in bought)))
    first = str(bought[0])
    count = int(people[0])
    if not count:
        return f"because you bought {named}"
    who = "1 person" if count == 1 else f"{count:,} people"
    return f"because you bought {named}; {who} who bought {first} also bought this"


def _buyers_of_both(training: BipartiteGraph) -> Callable[[int, np.ndarray], np.ndarray]:
    """Make what counts the people of training who bought an item and each of some others."""
    import scipy.sparse as sp

    user, item = (codes.cpu().numpy() for codes in (training.edge_user, training.edge_item))
    shape = (training.num_items, training.num_users)
    buyers = sp.csr_array((np.ones(len(user), dtype=np.int32), (item, user)), shape=shape)

    def both(one: int, others: np.ndarray) -> np.ndarray:
        if not len(others):
            return np.zeros(0, dtype=np.int64)
        counts: np.ndarray = (buyers[others] @ buyers[[one]].T).toarray()[:, 0]
        return counts

    return both
