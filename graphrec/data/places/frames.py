"""A pandas frame in the place of a file: it goes through the one reader, by the same steps."""

from __future__ import annotations

import datetime as dt
import numbers
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from graphrec.errors import InputError
from graphrec.files import write_atomically


class FrameFile(str):
    """A table in memory that is given where a path is asked for.

    As text it is what messages call it. Its content is a Parquet file, so that what is read now and what is
    read again from the run's folder are the same bytes.
    """

    content: bytes

    @classmethod
    def of(cls, frame: pd.DataFrame, role: str) -> FrameFile:
        """Take a frame.

        Args:
            frame: The table. An index with a name is a column, as in a Parquet file of pandas.
            role: What it was given as, for messages: ``log``, ``users``.

        Raises:
            InputError: If a column has no name of its own, or holds what no table can.
        """
        name = f"DataFrame of {role} (rows from 0)"
        file = cls(name)
        file.content = _parquet(frame, name)
        return file

    def __deepcopy__(self, memo: dict[int, Any]) -> FrameFile:
        """Copy nothing: the content never changes."""
        return self

    def write(self, path: Path) -> Path:
        """Write the table as a Parquet file."""
        return write_atomically(path, lambda temporary: temporary.write_bytes(self.content))


def _parquet(frame: pd.DataFrame, name: str) -> bytes:
    _check_names(frame, name)
    plain = frame.copy(deep=False)
    plain.attrs = {}
    for column in plain.columns:
        plain[column] = _storable(plain[column], name)
    sink = pa.BufferOutputStream()
    try:
        pq.write_table(pa.Table.from_pandas(plain), sink)
    except (pa.ArrowException, TypeError, ValueError) as error:  # an index of mixed kinds
        what = f"this frame cannot be kept as a table ({str(error).splitlines()[0]})"
        raise InputError(what, file=name, hint="give its index back: frame.reset_index(drop=True)") from error
    content: bytes = sink.getvalue().to_pybytes()
    return content


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
