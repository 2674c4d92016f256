"""Parquet files: their columns, the index that pandas keeps in them, and ids as text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from graphrec.arrays import IntArray
from graphrec.data.tables.ids import id_text
from graphrec.errors import InputError

_TEXT = {pa.binary(): pa.string(), pa.large_binary(): pa.large_string()}
NAMELESS = re.compile(r"__index_level_\d+__|Unnamed: \d+|\s*")
"""Names of columns that nobody named: pandas' own index, in Parquet and in CSV."""


@dataclass(frozen=True)
class ParquetSheet:
    """One Parquet file.

    Args:
        path: The file.
        header: Names of its columns, those of the folders it lies in and a named index.
        rows: How many it has.
        folders: Column → value for folders such as ``month=1``.
        index: Name, first value and step of an index of whole numbers that pandas keeps beside the rows.
        content: The file's content where it is in memory.
        first_row: What its first row is called.
    """

    path: Path
    header: tuple[str, ...]
    rows: int
    folders: Mapping[str, str | None] = field(default_factory=dict)
    index: tuple[str, int, int] | None = None
    content: bytes | None = field(default=None, repr=False)
    first_row: int = 2

    @classmethod
    def of(
        cls,
        path: Path,
        folders: Mapping[str, str | None],
        content: bytes | None = None,
        first_row: int = 2,
    ) -> ParquetSheet:
        """Look at a file, or at the content of one.

        Raises:
            InputError: If it is no Parquet file.
        """
        try:
            metadata = pq.read_metadata(_opened(path, content))
            schema = metadata.schema.to_arrow_schema()
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                "this is not a readable Parquet file", file=path, hint="write the file again"
            ) from error
        index = _named_range(schema)
        beside = [*(name for name in folders if name not in schema.names), *([index[0]] if index else [])]
        names = (*map(str.strip, schema.names), *beside)
        return cls(path, names, metadata.num_rows, folders, index, content, first_row)

    @property
    def lines(self) -> IntArray:
        """Parquet has no lines, so its rows count on from a header in line 1."""
        return np.arange(self.rows, dtype=np.int64) + self.first_row

    @property
    def named_in_row(self) -> bool:
        """No row of it is a header."""
        return False

    @property
    def has_rows(self) -> bool:
        """An empty one is told of once its columns are known."""
        return True

    @property
    def problems(self) -> list[InputError]:
        """Every row has all columns."""
        return []

    def load(self, names: Sequence[str], ids: Sequence[str]) -> pd.DataFrame:
        """Read columns; those that are ids as text.

        Raises:
            InputError: If the file is damaged, a name stands in it twice or an id is no single value.
        """
        beside = {*self.folders, *([self.index[0]] if self.index else [])}
        stored = [name for name in names if name not in beside or self.header.count(name) > 1]
        for name in stored:
            if self.header.count(name) > 1:
                what = "two columns have this name"
                raise InputError(what, file=self.path, column=name, hint="rename one of them")
        try:
            with pq.ParquetFile(_opened(self.path, self.content)) as file:
                raw = [name for name in file.schema_arrow.names if name.strip() in stored]
                table = file.read(columns=raw)
                table = table.rename_columns([name.strip() for name in table.column_names])
        except (pa.ArrowException, OSError) as error:
            hint = "write the file again"
            raise InputError("this Parquet file is damaged", file=self.path, hint=hint) from error
        columns: dict[str, Any] = {}
        for name in names:
            if name not in stored:
                columns[name] = self._beside(name)
            elif name in ids:
                columns[name] = self._text(id_text(table.column(name), self.path, name), name)
            else:
                columns[name] = self._text(_decoded(table.column(name)), name)
        return pd.DataFrame(columns, index=range(self.rows), columns=list(names))

    def _text(self, column: pa.ChunkedArray, name: str) -> pd.Series[Any]:
        try:
            column.validate(full=True)
        except pa.ArrowException as error:
            hint = "write it as text in UTF-8"
            raise InputError(
                "a value is not text in UTF-8", file=self.path, column=name, hint=hint
            ) from error
        values: pd.Series[Any] = column.to_pandas()
        return values

    def _beside(self, name: str) -> pd.Series[Any]:
        if name in self.folders:
            return pd.Series(self.folders[name], index=range(self.rows), dtype="str")
        assert self.index is not None
        _, start, step = self.index
        return pd.Series(start + step * np.arange(self.rows)).astype("str")


def _opened(path: Path, content: bytes | None) -> Any:
    """Choose what pyarrow reads from."""
    return path if content is None else pa.BufferReader(content)


def _named_range(schema: pa.Schema) -> tuple[str, int, int] | None:
    """Find the index that pandas did not write as a column, if somebody gave it a name."""
    try:
        said = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
        ranges = [index for index in said.get("index_columns", []) if isinstance(index, dict)]
        found = next((index for index in ranges if index.get("name")), None)
        if found is None or str(found["name"]) in schema.names:
            return None
        return str(found["name"]), int(found["start"]), int(found["step"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # nothing that pandas wrote


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Decode categories to what they stand for, and bytes to text."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return pa.chunked_array(
            [chunk.view(_TEXT[column.type]) for chunk in column.chunks], _TEXT[column.type]
        )
    return column
