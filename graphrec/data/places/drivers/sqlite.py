"""SQLite, by Python's own library: it is always there, and its authorizer lets through queries alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa

from graphrec.data.places.drivers.reading import ROWS, Driver, NoRowsError, as_arrow

_ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)


class _Sqlite:
    """See `Connection`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def tables(self) -> list[str]:
        """See `Connection`."""
        found = "select name from sqlite_master where type in ('table', 'view') order by name"
        return [name for (name,) in self._connection.execute(found) if not name.startswith("sqlite_")]

    def columns(self, query: str) -> list[str]:
        """See `Connection`."""
        return _names(self._connection.execute(query))

    def rows(self, query: str) -> pa.Table:
        """See `Connection`."""
        cursor = self._connection.execute(query)
        return as_arrow(_names(cursor), iter(lambda: cursor.fetchmany(ROWS), []))


def _names(cursor: sqlite3.Cursor) -> list[str]:
    if cursor.description is None:
        raise NoRowsError
    return [str(column[0]) for column in cursor.description]


def _permitted(action: int, *_: object) -> int:
    """Let a statement read, and nothing else: no write, no other file, no setting."""
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


@contextmanager
def _opened(where: str, options: dict[str, str]) -> Iterator[_Sqlite]:
    file = quote(str(Path(where).absolute()))
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        connection.set_authorizer(_permitted)
        yield _Sqlite(connection)


DRIVER = Driver(_opened, (sqlite3.Error, sqlite3.Warning))
