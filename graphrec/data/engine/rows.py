"""Rows of a log as expressions read them: numbers without NaN, weeks, seconds, and the visit of each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphrec.data.interactions import Columns

if TYPE_CHECKING:
    import ibis.expr.types as ir

USER, ITEM, WEEK = Columns.USER_CODE, Columns.ITEM_CODE, Columns.WEEK
SECONDS = "seconds"
"""Since 1970."""
TRIP = "trip"
"""The visit to the shop: the basket, or the week where the log has none; of one user."""
OWN_SHELF = "shelf_price_of_its_own"
"""The shelf price, where the log has one beside the price paid."""
NUMBERS = (
    *(Columns.WEEK, Columns.QUANTITY, Columns.PRICE, Columns.REGULAR_PRICE),
    *(Columns.SHELF_PRICE, Columns.RATING, Columns.WEIGHT),
)
A_DAY, A_WEEK = 86_400, 7 * 86_400


def number(table: ir.Table, column: str) -> ir.Value:
    """Take a column as numbers, missing where it is NaN or infinite."""
    import ibis

    value = table[column].cast("float64")
    return (value.isnan() | value.isinf()).ifelse(ibis.null("float64"), value)


def seconds(table: ir.Table, column: str = Columns.TIMESTAMP) -> ir.Value:
    """Take times as seconds since 1970, to the millisecond; numbers are seconds already."""
    time = table[column]
    if time.type().is_numeric():
        return number(table, column)
    time = time.cast("timestamp")
    return time.epoch_seconds().cast("float64") + time.millisecond().cast("float64") / 1000.0


def last_seconds(log: ir.Table) -> ir.Table:
    """Find the time of the last row, from which weeks are counted back where a log has none."""
    return log.aggregate(last=seconds(log).max())


def counted_weeks(time: ir.Value, last: float) -> ir.Value:
    """Count weeks back from the last time, so that week 0 is the last seven days."""
    return -((last - time) / float(A_WEEK)).floor().cast("float64")


def prepared(log: ir.Table, last: float | None = None) -> ir.Table:
    """Select what facts are made of; what the log lacks is missing here, too.

    Args:
        log: With the columns `USER` and `ITEM`, ids or codes, and others of `Columns`.
        last: Second of the last row, for a log that has times and no weeks.

    Returns:
        Columns of `NUMBERS`, `SECONDS`, `TRIP`, ``event``. ``quantity`` is 1 where it is unknown, and
        ``shelf_price`` is the price paid where the log has none.
    """
    import ibis

    there = log.columns
    found: dict[str, Any] = {USER: log[USER], ITEM: log[ITEM]}
    found |= {name: number(log, name) for name in NUMBERS if name in there}
    if Columns.TIMESTAMP in there:
        found[SECONDS] = seconds(log)
        if WEEK not in there and last is not None:
            found[WEEK] = counted_weeks(found[SECONDS], last)
    if Columns.BASKET in there or WEEK in found:
        found[TRIP] = log[Columns.BASKET] if Columns.BASKET in there else found[WEEK]
    if Columns.EVENT in there:
        found[Columns.EVENT] = log[Columns.EVENT].cast("string")
    known = found.get(Columns.QUANTITY)
    found[Columns.QUANTITY] = ibis.literal(1).cast("float64") if known is None else known.fill_null(1.0)
    if Columns.SHELF_PRICE in found:
        found[OWN_SHELF] = found[Columns.SHELF_PRICE]
    elif Columns.PRICE in found:
        found[Columns.SHELF_PRICE] = found[Columns.PRICE]
    return log.select(**found)
