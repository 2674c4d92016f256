"""What every kind of database does for us, and rows of Python as columns of Arrow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

ROWS = 50_000
"""Rows that are Python objects at the same time."""


class Connection(Protocol):
    """An open database that nothing can be written to."""

    def tables(self) -> list[str]:
        """List its tables and views."""

    def columns(self, query: str) -> list[str]:
        """Name the columns of a query, without its rows."""

    def rows(self, query: str) -> pa.Table:
        """Read the rows of a query."""


class Opener(Protocol):
    """What opens a database."""

    def __call__(self, where: str, options: dict[str, str]) -> AbstractContextManager[Connection]:
        """Open it for reading.

        Args:
            where: The file, or where the server is.
            options: What stood behind it.
        """


@dataclass(frozen=True)
class Driver:
    """One kind of database.

    Args:
        open: Opens one.
        errors: What its library raises.
    """

    open: Opener
    errors: tuple[type[Exception], ...]


class NoRowsError(Exception):
    """A statement that is no query."""


def as_arrow(names: Sequence[str], chunks: Iterable[Sequence[Sequence[Any]]]) -> pa.Table:
    """Make columns of rows; one that holds several kinds of values becomes text, as a CSV file has it.

    Args:
        names: Of the columns.
        chunks: Rows, some at a time.
    """
    columns: list[list[pa.Array]] = [[] for _ in names]
    for rows in chunks:
        for place, values in enumerate(zip(*rows, strict=True)):
            columns[place].append(_array(values))
    return pa.Table.from_arrays([_joined(parts) for parts in columns], names=list(names))


def _array(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return _as_text(values)


def _joined(parts: list[pa.Array]) -> pa.ChunkedArray:
    """Put the parts of a column one below the other, in a type that holds all of them exactly."""
    kinds = {part.type for part in parts if not pa.types.is_null(part.type)}
    if len(kinds) > 1 and not all(map(pa.types.is_floating, kinds)):
        parts = [_as_text(part.to_pylist()) for part in parts]
        kinds = {pa.string()}
    kind = next(iter(kinds), pa.null())
    return pa.chunked_array([part.cast(kind) for part in parts], kind)


def _as_text(values: Sequence[Any]) -> pa.Array:
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None or value != value:  # a number that is none
        return None
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
