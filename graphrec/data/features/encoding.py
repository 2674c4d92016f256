"""Encoding: tables of attributes and facts of the log become named numeric columns without gaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from graphrec.arrays import AnyFloatArray, Float32Array
from graphrec.data.interactions import Columns, IdMap
from graphrec.errors import InputError

OTHER, UNKNOWN = "other", "unknown"
SEPARATOR = "|"
"""A text value may name several levels, as MovieLens' genres do: ``Action|Comedy``."""


@dataclass(frozen=True)
class Block:
    """Named columns of one group of features.

    Args:
        names: ``group:column``, one per column.
        values: float32, finite. Shape ``[n, F]``.
    """

    names: list[str]
    values: Float32Array

    @classmethod
    def of(cls, group: str, columns: Mapping[str, AnyFloatArray], n: int) -> Block:
        """Stack columns of length ``n``; a value that is not known becomes the mean of its column."""
        values = np.zeros((n, len(columns)), dtype=np.float32)
        for position, column in enumerate(columns.values()):
            values[:, position] = _filled(column)
        return cls([f"{group}:{name}" for name in columns], values)

    @classmethod
    def joined(cls, blocks: Iterable[Block], n: int) -> Block:
        """Put groups side by side."""
        blocks = [cls.of("", {}, n), *blocks]
        names = [name for block in blocks for name in block.names]
        return cls(names, np.concatenate([block.values for block in blocks], axis=1))


@dataclass(frozen=True)
class Attributes:
    """An attribute table in the order of the codes.

    Args:
        levels: Names of the levels of categorical columns, such as ``department=GROCERY``.
        member: Which row has which level, 0 or 1. Sparse, shape ``[n, len(levels)]``.
        numbers: Standardised numeric columns and, where one has gaps, ``column=unknown``. Shape ``[n]`` each.
        names_not_levels: Columns left out because their values name single rows (titles, for example).
    """

    levels: list[str]
    member: sparse.csr_matrix
    numbers: dict[str, AnyFloatArray] = field(default_factory=dict)
    names_not_levels: list[str] = field(default_factory=list)

    def block(self, group: str) -> Block:
        """Encode all attributes as dense features: one-hot levels, then numbers."""
        n = self.member.shape[0]
        one_hot = Block(
            [f"{group}:{level}" for level in self.levels], self.member.astype(np.float32).toarray()
        )
        return Block.joined([one_hot, Block.of(group, self.numbers, n)], n)


def encode_attributes(
    table: pd.DataFrame | None, key: str, ids: IdMap, weights: AnyFloatArray, max_categories: int
) -> Attributes:
    """Encode a table of attributes: categories one-hot, numbers and dates (days) standardised.

    Text, booleans and whole numbers in a column named ``*_id`` are categories. Per column the
    `max_categories` levels with the greatest total weight stay, the rest are 'other'; a missing row or
    value is 'unknown'. Rows of ids that the training part does not know play no part.

    Args:
        table: Attributes with a column `key` of external ids; none gives no columns.
        key: ``user_id`` or ``item_id``.
        ids: Codes that the rows are to follow.
        weights: What each code counts for in the choice of levels. Shape ``[n]``.
        max_categories: Levels kept per column.

    Raises:
        InputError: If the table has no column `key`, names an id twice, or shares no id with the log.
    """
    aligned = _align(table, key, ids) if table is not None else pd.DataFrame(index=range(len(ids)))
    levels: list[str] = []
    members = [sparse.csr_matrix((len(ids), 0))]
    numbers: dict[str, AnyFloatArray] = {}
    left_out: list[str] = []
    for name, column in aligned.items():
        if _is_number(column):
            numbers |= _standardised(str(name), column)
        elif (encoded := _one_hot(column, weights, max_categories)) is None:
            left_out.append(str(name))
        else:
            levels += [f"{name}={level}" for level in encoded[0]]
            members.append(encoded[1])
    return Attributes(levels, sparse.hstack(members, format="csr"), numbers, left_out)


def _align(table: pd.DataFrame, key: str, ids: IdMap) -> pd.DataFrame:
    """Put rows of an attribute table in the order of the codes; a row that the table lacks is all missing."""
    file = table.attrs.get("file")
    if key not in table:
        raise InputError("the table of attributes needs this column", file=file, column=key)
    codes = ids.codes(table[key])
    known = codes >= 0
    twice = known & pd.Series(codes).duplicated().to_numpy()
    if twice.any():
        raise InputError(
            f"{table[key][twice].tolist()[0]!r} has more than one row of attributes",
            file=file,
            row=int(table["line"].to_numpy()[twice][0]) if "line" in table else None,
            column=key,
            hint="keep one row for each id",
        )
    if len(table) and len(ids) and not known.any():
        raise InputError(
            f"no id of this table of attributes is in the log: {table[key].tolist()[0]!r} here,"
            f" {ids.ids.tolist()[0]!r} there",
            file=file,
            column=key,
            hint="write the ids the same way in both",
        )
    # nullable types, so that whole numbers stay whole beside missing rows: 'manufacturer_id=2', not '=2.0'
    attributes = table.drop(columns=[key, "line", Columns.PART], errors="ignore").convert_dtypes()
    return attributes[known].set_axis(codes[known], axis=0).reindex(range(len(ids)))


def _is_number(column: pd.Series[Any]) -> bool:
    if pd.api.types.is_datetime64_any_dtype(column):
        return True
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return False
    return not (pd.api.types.is_integer_dtype(column) and str(column.name).endswith("_id"))


def _standardised(name: str, column: pd.Series[Any]) -> dict[str, AnyFloatArray]:
    """Bring known values to mean 0 and deviation 1, unknown to 0, and add a column that says where."""
    if pd.api.types.is_datetime64_any_dtype(column):
        column = (column - column.min()) / pd.Timedelta(days=1)
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    unknown = ~np.isfinite(values)
    known = values[~unknown]
    scale = float(known.std()) if known.size and np.ptp(known) > 0 else 1.0
    centred = np.where(unknown, 0.0, values - (known.mean() if known.size else 0.0))
    columns: dict[str, AnyFloatArray] = {name: centred / scale}
    if unknown.any():
        columns[f"{name}={UNKNOWN}"] = unknown.astype(np.float64)
    return columns


def _one_hot(
    column: pd.Series[Any], weights: AnyFloatArray, max_categories: int
) -> tuple[list[str], sparse.csr_matrix] | None:
    """List levels, the heaviest first, and their members; nothing for a column of names."""
    text = column.astype("object").where(column.notna(), "").map(str)
    long = text.str.split(SEPARATOR).explode().str.strip()
    rows, known = long.index.to_numpy(dtype=np.int64), long.to_numpy() != ""
    codes, found = pd.factorize(long[known].to_numpy(dtype=object))
    if len(found) > max(max_categories, known.sum() / 2):
        return None
    totals = np.bincount(codes, weights=weights[rows[known]], minlength=len(found))
    ordered = sorted(range(len(found)), key=lambda code: (-totals[code], found[code]))
    kept = [found[code] for code in ordered if found[code] not in (OTHER, UNKNOWN)][:max_categories]
    labels = [*kept, OTHER, UNKNOWN]
    position = pd.Index(labels).get_indexer(pd.Index(long.where(known, UNKNOWN)))
    position = np.where(position < 0, len(kept), position)
    ones = np.ones(len(rows))
    member = sparse.csr_matrix((ones, (rows, position)), shape=(len(column), len(labels)))
    member.data[:] = 1.0  # several levels of one row may have become the one 'other'
    present = np.flatnonzero(member.getnnz(axis=0))
    return [labels[index] for index in present], member[:, present]


def _filled(column: AnyFloatArray) -> AnyFloatArray:
    known = np.isfinite(column)
    if known.all():
        return column
    return np.where(known, column, column[known].mean() if known.any() else 0.0)
