"""Codes of the ids of a log: their places in the order of the ids as text, as every log has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.engine.backends import Engine
from graphrec.data.interactions import IdMap
from graphrec.data.tables.ids import trimmed_text
from graphrec.errors import InputError

if TYPE_CHECKING:
    import ibis.expr.types as ir


def codes(rows: ir.Table, column: str) -> ir.Table:
    """Give each id its code.

    Args:
        rows: Without a missing id.
        column: Of the ids, text or whole numbers.

    Returns:
        ``id``, its ``text`` and its ``code``, from 0.
    """
    import ibis

    ids = rows.select(id=rows[column]).distinct()
    ids = ids.mutate(text=ids.id.cast("string"))
    return ids.mutate(code=ibis.row_number().over(ibis.window(order_by=ids.text)).cast("int64"))


def ids_of(codes: ir.Table, engine: Engine, column: str, file: str) -> IdMap:
    """Bring the ids into memory, as text in the order of their codes.

    Raises:
        InputError: If an id is written in a form that the other readers would change.
    """
    found = engine.fetched(codes.order_by("code").select("text")).column("text").cast(pa.large_string())
    texts = found.combine_chunks()
    changed = pc.fill_null(pc.not_equal(trimmed_text(texts), texts), True)
    if pc.any(changed).as_py():
        first = texts.filter(changed)[0].as_py()
        what = f"{first!r} has space around it, or is not in Unicode's composed form"
        raise InputError(what, file=file, column=column, hint="write ids as the source table would read them")
    return IdMap(texts.to_numpy(zero_copy_only=False))
