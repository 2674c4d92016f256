"""Where expressions run: on the DuckDB that lies inside the process, or on Spark.

Ibis says both in one language. It is maintained, and gave equal frames on both, which the tests repeat.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import pyarrow as pa

from graphrec.arrays import AnyArray
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

    @abstractmethod
    def parquet(self, files: Sequence[str], root: str) -> ir.Table:
        """Open Parquet files of one schema without reading their rows.

        Args:
            files: Their paths.
            root: Folder below which folders named ``month=1`` are columns.
        """

    @abstractmethod
    def kept(self, table: ir.Table) -> ir.Table:
        """Compute a table once, for the expressions that read it several times."""

    def named(self, table: ir.Table) -> ir.Table:
        """Give an expression that many others read a name, so that each of them is short."""
        name = f"named_{uuid4().hex}"
        self.backend.create_view(name, table)
        return self.backend.table(name)

    def fetched(self, table: ir.Table) -> pa.Table:
        """Run an expression and bring what it gives into memory."""
        with self._told():
            found: pa.Table = self.backend.to_pyarrow(table)
        return found

    def arrays(self, table: ir.Table, types: Mapping[str, type]) -> dict[str, AnyArray]:
        """Run an expression and bring its columns into memory, a piece at a time.

        Args:
            table: Made of kept tables alone, without a missing value in a column of whole numbers.
            types: Column → type of the array.

        Returns:
            Shape ``[rows]`` each.
        """
        count = self.fetched(table.aggregate(rows=table.count())).column("rows")[0].as_py()
        found: dict[str, AnyArray] = {name: np.empty(count, dtype=kind) for name, kind in types.items()}
        start = 0
        with self._told():
            for batch in self._batches(table.select(*types)):
                for name, values in found.items():
                    piece = batch.column(name).to_numpy(zero_copy_only=False)
                    values[start : start + batch.num_rows] = piece
                start += batch.num_rows
        return found

    def _batches(self, table: ir.Table) -> Iterable[pa.RecordBatch]:
        """Run an expression and yield its rows a piece at a time."""
        batches: Iterable[pa.RecordBatch] = self.backend.to_pyarrow_batches(table)
        return batches

    def _told(self) -> AbstractContextManager[None]:
        """Turn what an engine refuses into a mistake that a person can mend."""
        return nullcontext()


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
            raise InputError(_first_line(error), column="memory, threads", hint=hint) from error
        # rows of a result may come in any order: they are put in place by their codes
        self.backend.raw_sql("SET preserve_insertion_order = false")
        self.backend.raw_sql("SET TimeZone = 'UTC'")

    def parquet(self, files: Sequence[str], root: str) -> ir.Table:
        """See base class."""
        with self._told():
            return self.backend.read_parquet(list(files), hive_partitioning=True)

    def kept(self, table: ir.Table) -> ir.Table:
        """See base class."""
        with self._told():
            return self.backend.create_table(f"kept_{uuid4().hex}", table, temp=True)

    def _batches(self, table: ir.Table) -> Iterable[pa.RecordBatch]:
        """See base class; Ibis 12 asks DuckDB 2 for a method that it no longer has."""
        relation = self.backend.con.sql(self.backend.compile(table))
        batches: Iterable[pa.RecordBatch] = pa.RecordBatchReader.from_stream(relation)
        return batches

    @contextmanager
    def _told(self) -> Iterator[None]:
        import duckdb

        try:
            yield
        except duckdb.OutOfMemoryException as error:
            hint = "give DuckDB more memory, or a folder with more room for what does not fit"
            raise InputError(f"out of memory: {_first_line(error)}", hint=hint) from error
        except duckdb.Error as error:
            hint = "if this is of a file, write it again"
            raise InputError(f"DuckDB: {_first_line(error)}", hint=hint) from error


class Spark(Engine):
    """A Spark session, for logs that lie in a cluster.

    Args:
        session: Whose time zone must be UTC; one on this machine's cores if missing.

    Raises:
        InputError: If PySpark is not installed, or the session has another time zone.
    """

    def __init__(self, session: Any = None) -> None:
        import ibis

        sessions = spark_sessions()
        if session is None:
            session = sessions.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
        zone = session.conf.get("spark.sql.session.timeZone")
        if zone not in ("UTC", "Etc/UTC"):
            hint = 'session.conf.set("spark.sql.session.timeZone", "UTC")'
            raise InputError(f"the Spark session's time zone is {zone}, not UTC", hint=hint)
        super().__init__(ibis.pyspark.connect(session))

    def parquet(self, files: Sequence[str], root: str) -> ir.Table:
        """See base class."""
        name = f"log_{uuid4().hex}"
        reader = self.backend._session.read.option("basePath", root)
        reader.parquet(*files).createOrReplaceTempView(name)
        return self.backend.table(name)

    def kept(self, table: ir.Table) -> ir.Table:
        """See base class."""
        return self.named(table).cache()


def spark_sessions() -> Any:
    """Import the class of Spark's sessions.

    Raises:
        InputError: If PySpark is not installed.
    """
    try:
        with without_pandas_warning():
            from pyspark.sql import SparkSession
    except ImportError as error:
        hint = "pip install 'graphrec[spark]', which needs a Java runtime (17 or newer)"
        raise InputError("PySpark is not installed", hint=hint) from error
    return SparkSession


@contextmanager
def without_pandas_warning() -> Iterator[None]:
    """Leave out that PySpark 4 knows no pandas 3 yet, where rows pass in Arrow and no frame is made."""
    with warnings.catch_warnings():
        what = "PySpark does not yet fully support pandas"
        warnings.filterwarnings("ignore", message=what, category=FutureWarning)
        yield


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
