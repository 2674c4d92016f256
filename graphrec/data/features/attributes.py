"""Encoding of a table of attributes: learnt from the rows of training, applied to those and to new ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from graphrec.arrays import AnyFloatArray, IntArray
from graphrec.data.features.encoding import Attributes
from graphrec.data.interactions import Columns, IdMap
from graphrec.errors import InputError

OTHER, UNKNOWN = "other", "unknown"
SEPARATOR = "|"
"""A text value may name several levels, as MovieLens' genres do: ``Action|Comedy``."""


@dataclass(frozen=True)
class NumberColumn:
    """How a column of numbers or times is encoded: known values less their mean, over their deviation.

    Args:
        name: In the table.
        start: Time from which days are counted; nothing for numbers.
        mean: Of the known values in training.
        scale: Their deviation; 1 where they do not vary.
        gaps: Whether some were unknown in training, so that a column says where.
    """

    name: str
    start: str | None
    mean: float
    scale: float
    gaps: bool

    @classmethod
    def fit(cls, column: pd.Series[Any]) -> NumberColumn:
        """Learn from the rows of training."""
        name, start = str(column.name), None
        if pd.api.types.is_datetime64_any_dtype(column):
            start = str(column.min())
        values = _numbers(column, start)
        known = values[np.isfinite(values)]
        scale = float(known.std()) if known.size and np.ptp(known) > 0 else 1.0
        return cls(name, start, float(known.mean()) if known.size else 0.0, scale, known.size < values.size)

    def columns(self, column: pd.Series[Any]) -> dict[str, AnyFloatArray]:
        """Encode rows; an unknown value becomes 0, the mean."""
        values = _numbers(column, self.start)
        unknown = ~np.isfinite(values)
        columns: dict[str, AnyFloatArray] = {
            self.name: np.where(unknown, 0.0, values - self.mean) / self.scale
        }
        if self.gaps:
            columns[f"{self.name}={UNKNOWN}"] = unknown.astype(np.float64)
        return columns


@dataclass(frozen=True)
class LevelColumn:
    """How a column of categories is encoded: one column for each level.

    Args:
        name: In the table.
        kept: Levels that have a name of their own, the heaviest first.
        labels: Levels with a column: those of `kept`, 'other' and 'unknown' that training has.
    """

    name: str
    kept: list[str]
    labels: list[str]

    @classmethod
    def fit(cls, column: pd.Series[Any], weights: AnyFloatArray, max_categories: int) -> LevelColumn | None:
        """Choose the heaviest levels; nothing for a column of names."""
        rows, long = _long(column)
        known = long.to_numpy() != ""
        codes, found = pd.factorize(long[known].to_numpy(dtype=object))
        if len(found) > max(max_categories, known.sum() / 2):
            return None
        totals = np.bincount(codes, weights=weights[rows[known]], minlength=len(found))
        ordered = sorted(range(len(found)), key=lambda code: (-totals[code], found[code]))
        named = [found[code] for code in ordered if found[code] not in (OTHER, UNKNOWN)]
        kept = [str(level) for level in named[:max_categories]]
        member = _members(column, kept)
        labels = [*kept, OTHER, UNKNOWN]
        present = np.flatnonzero(member.getnnz(axis=0))
        return cls(str(column.name), kept, [labels[index] for index in present])

    def members(self, column: pd.Series[Any]) -> sparse.csr_matrix:
        """Tell which row has which level. Shape ``[n, len(labels)]``.

        A level that training never saw counts as 'other', or as 'unknown' where there was no other.
        """
        rest = OTHER if OTHER in self.labels else UNKNOWN
        labels = [*self.kept, rest, UNKNOWN]
        place = sparse.csr_matrix(np.equal.outer(labels, self.labels).astype(np.float64))
        member = sparse.csr_matrix(_members(column, self.kept) @ place)
        member.data[:] = 1.0
        return member


@dataclass(frozen=True)
class AttributeEncoder:
    """What was learnt of a table of attributes: how each of its columns is encoded.

    Args:
        key: ``user_id`` or ``item_id``.
        columns: Of the table, in its order.
        names_not_levels: Columns left out because their values name single rows (titles, for example).
    """

    key: str
    columns: list[NumberColumn | LevelColumn] = field(default_factory=list)
    names_not_levels: list[str] = field(default_factory=list)

    def encode(self, aligned: pd.DataFrame) -> Attributes:
        """Encode rows that `align` has put in order; a column that the table lacks is unknown."""
        levels: list[str] = []
        members = [sparse.csr_matrix((len(aligned), 0))]
        numbers: dict[str, AnyFloatArray] = {}
        missing = pd.Series([pd.NA] * len(aligned), index=aligned.index, dtype="object")
        for one in self.columns:
            column = aligned.get(one.name, missing).rename(one.name)
            match one:
                case NumberColumn():
                    numbers |= one.columns(column)
                case LevelColumn():
                    levels += [f"{one.name}={level}" for level in one.labels]
                    members.append(one.members(column))
        return Attributes(levels, sparse.hstack(members, format="csr"), numbers, self.names_not_levels)


def fit_attributes(
    aligned: pd.DataFrame, key: str, weights: AnyFloatArray, max_categories: int
) -> AttributeEncoder:
    """Learn to encode a table: categories one-hot, numbers and dates (days) standardised.

    Text, booleans and whole numbers in a column named ``*_id`` are categories. Per column the
    `max_categories` levels with the greatest total weight stay, the rest are 'other'; a missing row or
    value is 'unknown'.

    Args:
        aligned: Rows in the order of the codes, see `align`.
        key: ``user_id`` or ``item_id``.
        weights: What each code counts for in the choice of levels. Shape ``[n]``.
        max_categories: Levels kept per column.
    """
    encoder = AttributeEncoder(key)
    for name, column in aligned.items():
        column = column.rename(str(name))
        if _is_number(column):
            encoder.columns.append(NumberColumn.fit(column))
        elif (levels := LevelColumn.fit(column, weights, max_categories)) is None:
            encoder.names_not_levels.append(str(name))
        else:
            encoder.columns.append(levels)
    return encoder


def align(table: pd.DataFrame | None, key: str, ids: IdMap) -> pd.DataFrame:
    """Put rows of an attribute table in the order of the codes; a row that the table lacks is all missing.

    Rows of ids that the codes do not know play no part; without a table there is no column.

    Raises:
        InputError: If the table has no column `key`, names an id twice, or shares no id with the codes.
    """
    if table is None:
        return pd.DataFrame(index=range(len(ids)))
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


def _numbers(column: pd.Series[Any], start: str | None) -> AnyFloatArray:
    """Take numbers, or days since `start`; NaN where a value is unknown.

    Raises:
        InputError: If a value is neither missing nor a number or time.
    """
    if start is not None:
        column = (_read(column, pd.to_datetime, "time") - pd.Timestamp(start)) / pd.Timedelta(days=1)
    elif not pd.api.types.is_numeric_dtype(column):
        column = _read(column, pd.to_numeric, "number")
    values: AnyFloatArray = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _read(column: pd.Series[Any], reader: Any, noun: str) -> pd.Series[Any]:
    read: pd.Series[Any] = reader(column, errors="coerce")
    wrong = read.isna() & column.notna()
    if wrong.any():
        what = f"{column[wrong].iloc[0]!r} is no {noun}, as this column held in training"
        raise InputError(what, column=str(column.name), hint="leave the value empty where it is not known")
    return read


def _long(column: pd.Series[Any]) -> tuple[IntArray, pd.Series[Any]]:
    """List each level of each row, empty where it is missing, with the number of the row."""
    text = column.reset_index(drop=True).astype("object")
    text = text.where(text.notna(), "").map(str)
    long = text.str.split(SEPARATOR).explode().str.strip()
    return long.index.to_numpy(dtype=np.int64), long


def _members(column: pd.Series[Any], kept: list[str]) -> sparse.csr_matrix:
    """Tell which row has which level, then 'other' and 'unknown'. Shape ``[n, len(kept) + 2]``."""
    rows, long = _long(column)
    labels = [*kept, OTHER, UNKNOWN]
    position = pd.Index(labels).get_indexer(pd.Index(long.where(long != "", UNKNOWN)))
    position = np.where(position < 0, len(kept), position)
    member = sparse.csr_matrix((np.ones(len(rows)), (rows, position)), shape=(len(column), len(labels)))
    member.data[:] = 1.0  # several levels of one row may have become the one 'other'
    return member
