"""Attributes as nodes of a graph: a category, a brand or a region is a node that its items or users share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import sparse

from graphrec.data.features.attributes import SEPARATOR
from graphrec.data.interactions import Columns, IdMap
from graphrec.data.tables.files import closest
from graphrec.errors import InputError

Side = Literal["user", "item"]
SIDES: tuple[Side, Side] = ("user", "item")
_NO_VALUE = ("", "unknown")
"""What stands where a table says nothing; to share that makes nobody alike."""


@dataclass(frozen=True)
class AttributeTables:
    """The tables of attributes beside a log, and whose rows are asked for.

    Args:
        user: One row per ``user_id``; None if there is no table.
        item: One row per ``item_id``; None if there is no table.
        users: Codes of the users.
        items: Codes of the items.
    """

    user: pd.DataFrame | None
    item: pd.DataFrame | None
    users: IdMap
    items: IdMap

    def columns(self, side: Side) -> list[str]:
        """List the columns of one side, but for its key."""
        table = getattr(self, side)
        own = (f"{side}_id", "line", Columns.PART)
        return [] if table is None else [str(name) for name in table.columns if name not in own]

    def sha256(self) -> str:
        """Compute a fingerprint of what the tables say of whom the codes know, in any order of the rows."""
        digest = hashlib.sha256()
        for table, key, ids in (
            (self.user, Columns.USER, self.users),
            (self.item, Columns.ITEM, self.items),
        ):
            if table is not None:
                known = table[table[key].isin(ids.ids)].sort_values(key).drop(columns="line", errors="ignore")
                digest.update(",".join(map(str, known.columns)).encode())
                digest.update(pd.util.hash_pandas_object(known, index=False).to_numpy().tobytes())
        return digest.hexdigest()

    def values(self, side: Side, column: str) -> tuple[np.ndarray, np.ndarray]:
        """List the values of a column, each with the code of whose it is; ``Action|Comedy`` are two.

        A missing value, an empty one and ``unknown`` are none.

        Returns:
            Codes and texts, both ``[n]``.
        """
        table, ids = getattr(self, side), self.users if side == "user" else self.items
        codes = ids.codes(table[f"{side}_id"])
        known = (codes >= 0) & table[column].notna().to_numpy()
        rows = table[column].convert_dtypes()[known].astype("str").set_axis(codes[known], axis=0)
        parts = rows.str.split(SEPARATOR, regex=False).explode().str.strip()
        parts = parts[~parts.isin(_NO_VALUE)]
        return parts.index.to_numpy(dtype=np.int64), parts.to_numpy(dtype=object)


@dataclass(frozen=True)
class AttributeNodes:
    """The values of one column of one side, each of which is a node.

    Args:
        side: Whose attribute it is.
        column: Its name.
        values: Sorted. Shape ``[V]``.
    """

    side: Side
    column: str
    values: np.ndarray

    @property
    def name(self) -> str:
        """What the kind of node is called: ``item_category``."""
        return f"{self.side}_{self.column}"

    def members(self, tables: AttributeTables) -> sparse.csr_array:
        """Mark who has which value, 0 or 1; values that are no node are passed over. Shape ``[n, V]``."""
        shape = (len(tables.users if self.side == "user" else tables.items), len(self.values))
        if self.column not in tables.columns(self.side):
            return sparse.csr_array(shape, dtype=np.float32)
        codes, texts = tables.values(self.side, self.column)
        places = pd.Index(self.values).get_indexer(pd.Index(texts))
        codes, places = codes[places >= 0], places[places >= 0]
        member = sparse.csr_array((np.ones(len(codes), dtype=np.float32), (codes, places)), shape=shape)
        member.data[:] = 1.0
        return member


def attribute_nodes(tables: AttributeTables | None, names: Sequence[str] | None) -> list[AttributeNodes]:
    """Make nodes of the attributes that are named, or of all that several users or items share.

    A column that is not named is left out where it holds numbers, and where few rows share a value. So are
    titles and names of single items.

    Args:
        tables: Attributes of users and items.
        names: Columns; all that are shared if missing.

    Raises:
        InputError: If there is no table, no such column, or nothing that is shared.
    """
    if tables is None or (tables.user is None and tables.item is None):
        what, hint = "the data has no table of attributes", "give one, as `--items FILE`"
        raise InputError(what, column="nodes", hint=hint)
    columns = [(side, name) for side in SIDES for name in tables.columns(side)]
    for name in names or ():
        if name not in (known := [column for _, column in columns]):
            hint = closest(name, known, "the tables have")
            raise InputError(f"there is no attribute {name!r}", column="nodes", hint=hint)
    found = [
        AttributeNodes(side, name, np.unique(tables.values(side, name)[1].astype(str)))
        for side, name in columns
        if name in (names or ()) or (names is None and _is_shared(tables, side, name))
    ]
    found = [nodes for nodes in found if len(nodes.values)]
    if not found:
        what = "no attribute has a value that two users or two items share"
        raise InputError(what, column="nodes", hint="name columns of the tables of attributes")
    return found


def _is_shared(tables: AttributeTables, side: Side, name: str) -> bool:
    """Tell whether a column is of names that several rows share."""
    column: pd.Series[Any] = getattr(tables, side)[name].convert_dtypes()
    is_id = name.endswith("_id") and pd.api.types.is_integer_dtype(column)
    is_name = pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column)
    if not (is_id or is_name) or pd.api.types.is_datetime64_any_dtype(column):
        return False
    texts = tables.values(side, name)[1]
    return 2 * len(set(texts)) <= len(texts)
