"""A condition on the items, in SQL.

DuckDB evaluates it: it is embedded and maintained, and takes a condition as one expression, never as a
statement. It may read no file and no network here.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from graphrec.data.interactions import Columns
from graphrec.data.tables.files import closest
from graphrec.errors import InputError

_TRUTH = "BOOLEAN"


@dataclass(frozen=True)
class Kept:
    """What a condition keeps of a table.

    Args:
        ids: Items for which it is true.
        unknown: Items for which a missing value leaves it open; they are not kept.
    """

    ids: pd.Series[str]
    unknown: int


def kept_by(condition: str, items: pd.DataFrame) -> Kept:
    """Find the items of a table for which a condition is true.

    Args:
        condition: As after WHERE: ``category = 'beer' and stock > 0``.
        items: One row per ``item_id``, and the columns that the condition may name.

    Raises:
        InputError: If the condition cannot be read or evaluated; it names the columns.
    """
    import duckdb
    import pyarrow as pa

    with duckdb.connect(":memory:") as engine:
        engine.execute("SET enable_external_access = false; SET lock_configuration = true")
        table = engine.from_arrow(pa.Table.from_pandas(items, preserve_index=False))
        try:
            found = table.select(Columns.ITEM, duckdb.SQLExpression(condition).alias("kept"))
            kind = str(found.types[1])
            if kind == _TRUTH:
                answers = found.fetchall()
        except duckdb.Error as error:
            raise _refusal(str(error), items) from error
    if kind != _TRUTH:
        raise _refusal(f"it gives a {kind} and not true or false", items)
    kept = pd.Series([item for item, answer in answers if answer], dtype="str")
    return Kept(kept, sum(answer is None for _, answer in answers))


def _refusal(reason: str, items: pd.DataFrame) -> InputError:
    """Say why a condition cannot be used, and which columns it may name."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    first = lines[0] if lines else "it is empty"
    for kind in ("Parser", "Binder", "Catalog", "Conversion", "Permission", "Invalid Input"):
        first = first.removeprefix(f"{kind} Error: ")
    missing = first.partition('column "')[2].partition('"')[0]
    columns = [str(name) for name in items.columns]
    hint = closest(missing, columns, "the table of items has")
    what = f"this condition cannot be used ({first[:160]})"
    return InputError(what, column="--where", hint=f"{hint}; write text in single quotes: category = 'beer'")
