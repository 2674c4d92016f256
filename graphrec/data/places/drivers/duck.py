"""DuckDB, which is here anyway; other files and networks are closed to its queries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import duckdb
import pyarrow as pa

from graphrec.data.places.drivers.reading import Driver, NoRowsError

_SEALED = {"enable_external_access": "false", "lock_configuration": "true"}


class _Duck:
    """See `Connection`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def tables(self) -> list[str]:
        """See `Connection`."""
        found = "select table_schema, table_name from information_schema.tables order by all"
        rows = self._connection.execute(found).fetchall()
        return [name if schema == "main" else f"{schema}.{name}" for schema, name in rows]

    def columns(self, query: str) -> list[str]:
        """See `Connection`."""
        return list(self._asked(query).columns)

    def rows(self, query: str) -> pa.Table:
        """See `Connection`."""
        return self._asked(query).to_arrow_table()

    def _asked(self, query: str) -> duckdb.DuckDBPyRelation:
        statements = duckdb.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise NoRowsError
        return self._connection.sql(query)


@contextmanager
def _opened(where: str, options: dict[str, str]) -> Iterator[_Duck]:
    with closing(duckdb.connect(where, read_only=True, config=dict(_SEALED))) as connection:
        yield _Duck(connection)


DRIVER = Driver(_opened, (duckdb.Error,))
