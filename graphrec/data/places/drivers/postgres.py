"""PostgreSQL, by psycopg 3: it is maintained, and takes passwords from where PostgreSQL's own tools do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pyarrow as pa

from graphrec.data.places.drivers.reading import ROWS, Driver, as_arrow

_SETTINGS = {
    "default_transaction_read_only": "on",
    "synchronize_seqscans": "off",  # else a large table begins anywhere
    "max_parallel_workers_per_gather": "0",
    "datestyle": "ISO",
}
_SECONDS = "10"


class _Postgres:
    """See `Connection`."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def tables(self) -> list[str]:
        """See `Connection`."""
        found = """
            select table_schema, table_name from information_schema.tables
            where table_schema not in ('pg_catalog', 'information_schema') order by 1, 2"""
        self._connection.rollback()  # of a query that was refused
        rows = self._connection.execute(found).fetchall()
        return [name if schema == "public" else f"{schema}.{name}" for schema, name in rows]

    def columns(self, query: str) -> list[str]:
        """See `Connection`."""
        with self._cursor(query) as cursor:
            return _names(cursor)

    def rows(self, query: str) -> pa.Table:
        """See `Connection`."""
        with self._cursor(query) as cursor:
            return as_arrow(_names(cursor), iter(lambda: cursor.fetchmany(ROWS), []))

    @contextmanager
    def _cursor(self, query: str) -> Iterator[Any]:
        """Run a query at the server; a cursor there takes one query and nothing that writes."""
        with self._connection.cursor(name="graphrec") as cursor:
            cursor.execute(query.encode())
            yield cursor


def _names(cursor: Any) -> list[str]:
    return [str(column.name) for column in cursor.description or ()]


@contextmanager
def _opened(where: str, options: dict[str, str]) -> Iterator[_Postgres]:
    given = {"connect_timeout": _SECONDS, "application_name": "graphrec", **options}
    settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    given["options"] = f"{given.get('options', '')} {settings}".strip()
    with psycopg.connect(where, **given) as connection:  # type: ignore[arg-type]
        connection.read_only = True
        try:
            yield _Postgres(connection)
        finally:
            connection.rollback()


DRIVER = Driver(_opened, (psycopg.Error,))
