"""A frame in the place of a file: it goes through the one reader, by the same steps."""

from __future__ import annotations

import datetime as dt
import numbers
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from graphrec.errors import InputError
from graphrec.files import write_atomically


@runtime_checkable
class ArrowFrame(Protocol):
    """A table that gives its columns as Arrow: of Polars, PyArrow, DuckDB and others.

    This is Arrow's own interface, so that none of these libraries has to be there.
    """

    @property
    def columns(self) -> Any:
        """Its columns, which a single one does not have."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give the rows as a stream."""


Frame = pd.DataFrame | ArrowFrame
LAZY = "; one that is not computed yet has no rows: frame.collect()"
"""What to say where a frame of Polars is a plan."""


class FrameFile(str):
    """A table in memory that is given where a path is asked for.

    As text it is what messages call it. Its content is a Parquet file, so that what is read now and what is
    read again from the run's folder are the same bytes.
    """

    content: bytes
    first_row = 0
    noun = "frame"

    @classmethod
    def of(cls, frame: Frame, role: str) -> FrameFile:
        """Take a frame.

        Args:
            frame: The table. An index of pandas with a name is a column, as in a Parquet file.
            role: What it was given as, for messages: ``log``, ``users``.

        Raises:
            InputError: If a column has no name of its own, or holds what no table can.
        """
        name = f"DataFrame of {role} (rows from 0)"
        return cls.holding(name, _from_pandas(frame, name) if isinstance(frame, pd.DataFrame) else frame)

    @classmethod
    def holding(cls, name: str, frame: ArrowFrame) -> FrameFile:
        """Take columns as they are.

        Args:
            name: What messages call the table.
            frame: Its columns.

        Raises:
            InputError: If they cannot be kept in a Parquet file.
        """
        file = cls(name)
        file.content = _parquet(frame, name)
        return file

    def __deepcopy__(self, memo: dict[int, Any]) -> FrameFile:
        """Copy nothing: the content never changes."""
        return self

    def write(self, path: Path) -> Path:
        """Write the table as a Parquet file."""
        return write_atomically(path, lambda temporary: temporary.write_bytes(self.content))


def _from_pandas(frame: pd.DataFrame, name: str) -> ArrowFrame:
    _check_names(frame, name)
    plain = frame.copy(deep=False)
    plain.attrs = {}
    for column in plain.columns:
        plain[column] = _storable(plain[column], name)
    try:
        table: ArrowFrame = pa.Table.from_pandas(plain)
    except (pa.ArrowException, TypeError, ValueError) as error:  # an index of mixed kinds
        what = f"this frame cannot be kept as a table ({str(error).splitlines()[0]})"
        raise InputError(what, file=name, hint="give its index back: frame.reset_index(drop=True)") from error
    return table


def _parquet(frame: ArrowFrame, name: str) -> bytes:
    sink = pa.BufferOutputStream()
    try:
        pq.write_table(_storable_table(pa.table(frame)), sink)
    except (pa.ArrowException, TypeError, ValueError) as error:
        what = f"this table cannot be kept ({str(error).splitlines()[0]})"
        hint = "cast the column to text, numbers or times, or leave it out"
        raise InputError(what, file=name, column=_unkept(frame), hint=hint) from error
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _storable_table(table: pa.Table) -> pa.Table:
    """Write categories as Parquet takes them; Polars keeps their names in a type that it does not take."""
    for place, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type) and pa.types.is_string_view(column.type.value_type):
            chunks = [
                pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.large_string()))
                for chunk in column.chunks
            ]
            kind = pa.dictionary(column.type.index_type, pa.large_string())
            table = table.set_column(place, table.field(place).name, pa.chunked_array(chunks, kind))
    return table


def _unkept(frame: ArrowFrame) -> str | None:
    """Find the first column of a type that no Parquet file holds."""
    try:
        table = _storable_table(pa.table(frame))
    except (pa.ArrowException, TypeError, ValueError):
        return None
    for place, name in enumerate(table.column_names):
        try:
            pq.write_table(table.select([place]), pa.BufferOutputStream())
        except pa.ArrowException:
            return str(name)
    return None


def _check_names(frame: pd.DataFrame, name: str) -> None:
    """Refuse names that are no text, and two of one name."""
    names: list[Any] = list(frame.columns)
    for column in names:
        if not isinstance(column, str):
            hint = "rename it; frame.columns = frame.columns.astype(str) does so for all"
            raise InputError(f"{column!r} is no text, as names of columns are", file=name, hint=hint)
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        hint = "rename one of them"
        raise InputError("two columns have this name", file=name, column=twice[0], hint=hint)


def _storable(values: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Take a column of one kind as it is, one of several kinds as the text that a CSV file would have."""
    try:
        pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        known = values[values.notna()]
        other = [value for value in known if not isinstance(value, str | numbers.Number | dt.date)]
        if other:
            what = f"this column holds a {type(other[0]).__name__} beside other kinds of values"
            hint = "give numbers, text or times, or leave the column out of the frame"
            raise InputError(what, file=name, column=str(values.name), hint=hint) from None
        return known.map(str).astype("str").reindex(values.index)
    return values
