"""Rows of a user and an item put together: how many, what they weigh, when the first and the last was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from graphrec.data.engine.rows import ITEM, SECONDS, USER, WEEK
from graphrec.data.interactions import Columns

if TYPE_CHECKING:
    import ibis.expr.types as ir

COUNT, FIRST, LAST = "count", "first", "last"
EARLY, LATE, LAST_WEEK = "early", "late", "last_week"
PerEdge = Literal["sum", "max", "last"]


def edges(rows: ir.Table, per_edge: PerEdge = "sum", middle: float | None = None) -> ir.Table:
    """Put the rows of each user and item together.

    Args:
        rows: As `prepared`.
        per_edge: What the weights of the rows become, where the rows have `Columns.WEIGHT`.
        middle: Week up to which a row counts as early; nothing for a log without weeks.

    Returns:
        `USER`, `ITEM`, `COUNT`; `FIRST` and `LAST` in seconds, in weeks where there are no times;
        `Columns.WEIGHT`; `LAST_WEEK`, `EARLY` and `LATE` (rows up to and after the middle week).
    """
    found: dict[str, Any] = {COUNT: rows.count().cast("int32")}
    time = next((name for name in (SECONDS, WEEK) if name in rows.columns), None)
    if time is not None:
        found |= {FIRST: rows[time].min(), LAST: rows[time].max()}
    if Columns.WEIGHT in rows.columns:
        found[Columns.WEIGHT] = weight_of_edge(rows, per_edge, [time] if time else []).cast("float32")
    if middle is not None:
        late = rows[WEEK] > middle
        found[LAST_WEEK] = rows[WEEK].max().cast("float32")
        found[EARLY] = late.ifelse(0, 1).sum().fill_null(0).cast("int32")
        found[LATE] = late.ifelse(1, 0).sum().fill_null(0).cast("int32")
    return rows.group_by(USER, ITEM).aggregate(**found)


def weight_of_edge(rows: ir.Table, per_edge: PerEdge, order: list[str]) -> ir.Value:
    """Sum the weights of the rows, or take the largest or the last.

    Args:
        rows: With `Columns.WEIGHT`.
        per_edge: Which of the three.
        order: Columns that put rows in their order; the largest weight of several last rows counts.
    """
    import ibis

    weight = rows[Columns.WEIGHT]
    if per_edge == "sum":
        return weight.sum()
    if per_edge == "max":
        return weight.max()
    placed = {f"place_{index}": rows[name] for index, name in enumerate(order)}
    return ibis.struct(placed | {Columns.WEIGHT: weight}).max()[Columns.WEIGHT]
