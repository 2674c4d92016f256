"""Reasons of models that read features: which columns add most to a score, in columns and in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.features.item import ATTRIBUTES
from graphrec.data.features.user import DEMOGRAPHICS, INTEREST
from graphrec.data.interactions import Columns
from graphrec.models.reasons.columns import Column, ColumnAccounts
from graphrec.serving.reason_columns import OTHERS, PEOPLE, REASON, REST, SHOWN, listed, reason_columns

OWNERS = {"user": "the customer's", "item": "the product's"}
WORDS = {
    "log_interactions": "number of purchases",
    "log_buyers": "number of buyers",
    "log_items": "number of different products",
    "log_price": "price",
    "log_mean_price": "usual price",
    "log_mean_quantity": "quantity per purchase",
    "log_mean_basket_value": "value of a basket",
    "mean_log_item_buyers": "taste for what many buy",
    "mean_log_buyer_interactions": "buyers' number of purchases",
    "weeks_since_first": "weeks since the first purchase",
    "weeks_since_last": "weeks since the last purchase",
}
"""What facts of the log are called; other names are words already."""
_ROUNDING = 1e-9
"""Share of the largest part below which a part is rounding, and no reason."""
_LITTLE = 0.1
"""Deviations from the average that nobody would call above or below it."""


@dataclass(frozen=True)
class Said:
    """What tables say of people and products, in their own words.

    Args:
        tables: Table of each side, ``user`` and ``item``, by the id as text.
    """

    tables: dict[str, pd.DataFrame]

    @classmethod
    def of(cls, users: pd.DataFrame | None, items: pd.DataFrame | None) -> Said:
        """Take the tables that there are."""
        given = (("user", Columns.USER, users), ("item", Columns.ITEM, items))
        return cls(
            {
                side: table.assign(**{key: table[key].astype("str")}).drop_duplicates(key).set_index(key)
                for side, key, table in given
                if table is not None
            }
        )

    def of_whom(self, column: Column, ids: dict[str, str]) -> str | None:
        """Find what the table says in the column of an attribute; None if it is no column of a table."""
        group, _, name = column.name.partition(":")
        table = self.tables.get(column.side)
        if group not in (ATTRIBUTES, DEMOGRAPHICS) or table is None or name not in table:
            return None
        value = table[name].get(ids[column.side])
        return "not known" if value is None or pd.isna(value) else str(value)


def with_columns(
    frame: pd.DataFrame, accounts: ColumnAccounts, rows: IntArray, codes: IntArray, said: Said
) -> pd.DataFrame:
    """Add the columns of reasons to lists.

    Args:
        frame: ``user_id``, ``item_id`` and ``score``.
        accounts: Of the model.
        rows: User of each row, by code. Shape ``[n]``.
        codes: Item of each row, by code. Shape ``[n]``.
        said: What tables say.

    Returns:
        The lists with `reason_columns`. ``because_n`` names a column, as ``item attributes:brand``;
        ``others`` is what the other columns add, and ``rest`` the score of an average pair.
    """
    parts = [
        _of_user(frame.iloc[where], accounts, int(user), codes[where], said)
        for user in pd.unique(rows)
        for where in [np.flatnonzero(rows == user)]
    ]
    return pd.concat(parts).reindex(frame.index)


def _of_user(
    frame: pd.DataFrame, accounts: ColumnAccounts, user: int, codes: IntArray, said: Said
) -> pd.DataFrame:
    account = accounts(user, torch.from_numpy(codes))
    order = np.argsort(-account.parts, axis=0, kind="stable")[:SHOWN]
    found: dict[str, list[object]] = {name: [] for name in reason_columns()}
    pairs = zip(frame[Columns.USER], frame[Columns.ITEM], frame["score"], strict=True)
    for row, (user_id, item_id, score) in enumerate(pairs):
        ids, parts = {"user": str(user_id), "item": str(item_id)}, account.parts[:, row]
        best = [place for place in order[:, row] if parts[place] > _ROUNDING * np.abs(parts).max()]
        for place in range(SHOWN):
            shown = best[place] if place < len(best) else None
            column = None if shown is None else account.columns[shown]
            found[f"because_{place + 1}"].append(None if column is None else f"{column.side} {column.name}")
            found[f"share_{place + 1}"].append(np.nan if shown is None else parts[shown])
            found[f"people_{place + 1}"].append(None)
        told = [
            _words(account.columns[place], account.above[place, row], account.highest[place, row], said, ids)
            for place in best
        ]
        found[OTHERS].append(parts.sum() - parts[best].sum())
        found[REST].append(float(score) - parts.sum())
        found[REASON].append(_sentence(told))
    made = pd.DataFrame(found, index=frame.index)
    return frame.join(made.astype(PEOPLE))


def _words(column: Column, above: FloatArray, highest: IntArray, said: Said, ids: dict[str, str]) -> str:
    """Name a column and what stands in it, as a shop manager would."""
    group, _, name = column.name.partition(":")
    words = WORDS.get(name, name.replace("_", " ")) or column.name
    if group == INTEREST or group.startswith(f"{INTEREST}_"):
        return f"{OWNERS[column.side]} interest in {words}, most in {column.levels[int(highest)]}"
    value = said.of_whom(column, ids)
    if value is None:
        far = float(above)
        value = "average" if abs(far) < _LITTLE else f"{'above' if far > 0 else 'below'} average"
    return f"{OWNERS[column.side]} {words} ({value})"


def _sentence(told: list[str]) -> str:
    if not told:
        return "not because of any column: none speaks for it"
    return f"because of {listed(told)}"
