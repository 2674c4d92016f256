"""Where expressions run: on the DuckDB that lies inside the process, or on Spark.

Ibis says both in one language. It is maintained, and gave equal frames on both, which the tests repeat.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa

from graphrec.errors import InputError

if TYPE_CHECKING:
    import ibis.expr.types as ir


class Engine(ABC):
    """A place where expressions run.

    Args:
        backend: Of Ibis.
    """

    def __init__(self, backend: Any) -> None:
        self.backend = backend

    def table(self, rows: pa.Table) -> ir.Table:
        """Take rows that are in memory."""
        import ibis

        return ibis.memtable(rows)

    def parquet(self, files: list[str]) -> ir.Table:
        """Open Parquet files of one schema without reading their rows."""
        return self.backend.read_parquet(files)

    @abstractmethod
    def kept(self, table: ir.Table) -> ir.Table:
        """Compute a table once, for the expressions that read it several times."""

    def fetched(self, table: ir.Table) -> pa.Table:
        """Run an expression and bring what it gives into memory."""
        found: pa.Table = self.backend.to_pyarrow(table)
        return found


class DuckDB(Engine):
    """DuckDB inside the process. What does not fit into its memory goes to a folder, which is deleted.

    Args:
        memory: The most that DuckDB holds, such as ``4GB``; four fifths of the machine's if missing.
        threads: Threads; all cores if missing. Sums of several threads differ in their last digit.
        folder: Where a folder for what does not fit is made; the system's temporary folder if missing.

    Raises:
        InputError: If the memory is none.
    """

    def __init__(
        self, memory: str | None = None, threads: int | None = None, folder: str | Path | None = None
    ) -> None:
        import duckdb
        import ibis

        self.spilled = Path(folder or tempfile.gettempdir()) / f"graphrec-engine-{uuid4().hex}"
        weakref.finalize(self, shutil.rmtree, self.spilled, ignore_errors=True)
        options = {"memory_limit": memory, "threads": threads}
        given = {name: value for name, value in options.items() if value is not None}
        try:
            super().__init__(ibis.duckdb.connect(temp_directory=str(self.spilled), **given))
        except duckdb.Error as error:
            hint = "give memory as 4GB and threads as a whole number above 0"
            raise InputError(str(error).splitlines()[0], column="memory, threads", hint=hint) from error
        # rows of a result may come in any order: they are put in place by their codes
        self.backend.raw_sql("SET preserve_insertion_order = false")

    def kept(self, table: ir.Table) -> ir.Table:
        """See base class."""
        return self.backend.create_table(f"kept_{uuid4().hex}", table, temp=True)


class Spark(Engine):
    """A Spark session, for logs that lie in a cluster.

    Args:
        session: Whose time zone must be UTC; one on this machine's cores if missing.

    Raises:
        InputError: If PySpark is not installed, or the session has another time zone.
    """

    def __init__(self, session: Any = None) -> None:
        import ibis

        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            hint = "pip install 'graphrec[spark]', which needs a Java runtime (17 or newer)"
            raise InputError("PySpark is not installed", hint=hint) from error
        if session is None:
            session = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
        zone = session.conf.get("spark.sql.session.timeZone")
        if zone not in ("UTC", "Etc/UTC"):
            hint = 'session.conf.set("spark.sql.session.timeZone", "UTC")'
            raise InputError(f"the Spark session's time zone is {zone}, not UTC", hint=hint)
        super().__init__(ibis.pyspark.connect(session))

    def parquet(self, files: list[str]) -> ir.Table:
        """See base class."""
        name = f"log_{uuid4().hex}"
        self.backend._session.read.parquet(*files).createOrReplaceTempView(name)
        return self.backend.table(name)

    def kept(self, table: ir.Table) -> ir.Table:
        """See base class."""
        name = f"kept_{uuid4().hex}"
        self.backend.create_view(name, table)
        return self.backend.table(name).cache()
