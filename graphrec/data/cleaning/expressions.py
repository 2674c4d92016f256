"""Rules of cleaning as Ibis expressions, run on the DuckDB that lies inside the process.

Ibis and not SQL of our own: it is maintained, and one expression runs on DuckDB and on Spark alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from graphrec.data.interactions import Columns

if TYPE_CHECKING:
    import ibis
    import ibis.expr.types as ir

ROW = "row_of_log"
"""Column of an expression's table: the place of a row in the log, from 0."""
KEEP = "row_stays"
"""Column that an expression adds: whether the row stays."""

Expression = Callable[["ir.Table"], "ir.Table"]
"""Adds columns to the table of rows, and keeps every row and `ROW`."""


def judged(log: pd.DataFrame, columns: Sequence[str], expression: Expression) -> pd.DataFrame:
    """Run an expression over a log and return what it says of each row.

    Only the columns that it reads go in, and only those that it adds come back. So the log keeps its types,
    its order and the column ``line``.

    Args:
        log: The log.
        columns: Those that the expression reads; others of the log it does not see.
        expression: What to compute.

    Returns:
        The columns that it added, one row per row of the log, in order.
    """
    import ibis

    frame = log[list(dict.fromkeys(columns))]
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    rows = rows.append_column(ROW, pa.array(np.arange(len(log))))
    table = expression(ibis.memtable(rows))
    added = [name for name in table.columns if name not in frame.columns and name != ROW]
    if not added:
        return pd.DataFrame(index=log.index)
    found = _duckdb().to_pyarrow(table.order_by(ROW).select(*added))
    answer: pd.DataFrame = found.to_pandas()
    return answer


def known(table: ir.Table, column: str, value: ir.Value) -> ir.Value:
    """Compare where a column has a value; false where it has none."""
    import ibis

    return ibis.cases((table[column].isnull(), False), else_=value)


def reference(table: ir.Table, column: str) -> ir.Value:
    """Take the values that a median may look at: of the training part where the log names its parts."""
    import ibis

    if Columns.PART not in table.columns:
        return table[column]
    return ibis.cases((table[Columns.PART] == "train", table[column]), else_=None)


@lru_cache(maxsize=1)
def _duckdb() -> ibis.BaseBackend:
    import ibis

    backend: Any = ibis.duckdb.connect()
    return backend
