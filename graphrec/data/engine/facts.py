"""Facts of users, of items and of their weeks: sums over rows that features are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphrec.data.engine.edges import COUNT, EARLY, LAST_WEEK, LATE
from graphrec.data.engine.rows import A_DAY, ITEM, OWN_SHELF, SECONDS, TRIP, USER, WEEK
from graphrec.data.interactions import Columns

if TYPE_CHECKING:
    import ibis.expr.types as ir

SLIP = 1e-9
"""Part of a price by which two that are equal may differ after a division."""
LEAST_PROMOTION = 0.005
"""Part by which a week's mean price is below the regular one in a promotion."""
_DIGITS = 9
HOURS = {"night": (0, 6), "morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24)}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def span(rows: ir.Table) -> ir.Table:
    """Find first and last week, the mean rating and whether any row has a time of day: one row."""
    found: dict[str, Any] = {"rows": rows.count()}
    if WEEK in rows.columns:
        found |= {"first": rows[WEEK].min(), "last": rows[WEEK].max()}
    if Columns.RATING in rows.columns:
        found["rating"] = rows[Columns.RATING].mean()
    if SECONDS in rows.columns:
        found["of_day"] = _of_day(rows).max()
    return rows.aggregate(**found)


def sums(rows: ir.Table, key: str) -> ir.Table:
    """Add up the rows of each user or item; a column that the log lacks gives none.

    Args:
        rows: As `prepared`.
        key: `USER` or `ITEM`.
    """
    there = rows.columns
    units = rows[Columns.QUANTITY]
    found: dict[str, Any] = {"rows": rows.count().cast("float64"), "units": units.sum()}
    if WEEK in there:
        found |= {"first_week": rows[WEEK].min(), "last_week": rows[WEEK].max()}
    if Columns.PRICE in there:
        price = rows[Columns.PRICE]
        found |= {"mean_price": price.mean(), "spent": (price * units).sum().fill_null(0.0)}
    if Columns.RATING in there:
        rating = rows[Columns.RATING]
        found |= {"mean_rating": rating.mean(), "ratings": rating.count().cast("float64")}
    pairs = {
        "regular_shelf": (Columns.REGULAR_PRICE, Columns.SHELF_PRICE),
        "shelf_paid": (OWN_SHELF, Columns.PRICE),
    }
    for name, (before, after) in pairs.items():
        if before in there and after in there:
            found |= _reduction(rows, name, before, after)
    return rows.group_by(key).aggregate(**found)


def _reduction(rows: ir.Table, name: str, before: str, after: str) -> dict[str, ir.Value]:
    """Add up value before and after a reduction, and the rows that have one, where both prices are known."""
    import ibis

    known = rows[before].notnull() & rows[after].notnull()
    nothing = ibis.null("float64")
    value = {side: rows[side] * rows[Columns.QUANTITY] for side in (before, after)}
    lower = rows[after] < rows[before] * (1.0 - SLIP)
    return {
        f"{name}_before": known.ifelse(value[before], nothing).sum(),
        f"{name}_after": known.ifelse(value[after], nothing).sum(),
        f"{name}_rows": known.ifelse(_one_or_0(lower), nothing).mean(),
    }


def trips(rows: ir.Table) -> ir.Table:
    """Count the visits of each user; rows without a basket are one visit."""
    visits = rows.select(USER, TRIP).distinct()
    return visits.group_by(USER).aggregate(trips=visits.count().cast("float64"))


def weeks_of_users(rows: ir.Table) -> ir.Table:
    """Count the weeks in which each user bought."""
    known = rows.filter(rows[WEEK].notnull()).select(USER, WEEK).distinct()
    return known.group_by(USER).aggregate(weeks=known.count().cast("float64"))


def weeks_of_pairs(rows: ir.Table) -> ir.Table:
    """Count the weeks in which each user bought an item, summed over the users of each item."""
    known = rows.filter(rows[WEEK].notnull()).select(USER, ITEM, WEEK).distinct()
    return known.group_by(ITEM).aggregate(pair_weeks=known.count().cast("float64"))


def breadth(edges: ir.Table, key: str) -> ir.Table:
    """Count the distinct items of each user, or the distinct users of each item."""
    return edges.group_by(key).aggregate(others=edges.count().cast("float64"))


def company(edges: ir.Table, key: str, other: str, value: str, facts: ir.Table) -> ir.Table:
    """Average the logarithm of a fact of the other side over the rows of each user or item.

    Args:
        edges: As `edges`.
        key: `USER` or `ITEM`, of what is averaged for.
        other: The other one.
        value: Column of the fact.
        facts: One row per `other`.
    """
    rows = edges.select(key, other, COUNT).join(facts.select(other, value), other)
    weight = rows[COUNT].cast("float64")
    logarithm = (1.0 + rows[value]).ln()
    return rows.group_by(key).aggregate(company=(weight * logarithm).sum() / weight.sum())


def weekly_items(rows: ir.Table) -> ir.Table:
    """Find the facts of each item in each week in which it sold: rows, units, mean prices.

    Args:
        rows: As `prepared`, with `WEEK`.
    """
    known = rows.filter(rows[WEEK].notnull())
    found: dict[str, Any] = {"rows": known.count(), "units": known[Columns.QUANTITY].sum()}
    for name in (Columns.SHELF_PRICE, Columns.REGULAR_PRICE):
        if name in rows.columns:
            found[name] = known[name].mean()
    return known.group_by(ITEM, WEEK).aggregate(**found)


def shares_of_time(rows: ir.Table, key: str, of_day: bool) -> ir.Table:
    """Find the share of rows on each weekday and, where times have a time of day, in each part of it."""
    day = (rows[SECONDS] / float(A_DAY)).floor() + 3.0  # 1970-01-01 was a Thursday
    weekday = day - 7.0 * (day / 7.0).floor()
    found = {name: _share(weekday == float(index)) for index, name in enumerate(DAYS)}
    if of_day:
        hour = _of_day(rows) / 3600.0
        found |= {name: _share((hour >= start) & (hour < end)) for name, (start, end) in HOURS.items()}
    return rows.group_by(key).aggregate(**found)


def _of_day(rows: ir.Table) -> ir.Value:
    """Find the second of the day."""
    time = rows[SECONDS]
    return time - float(A_DAY) * (time / float(A_DAY)).floor()


def _share(where: ir.BooleanValue) -> ir.Value:
    return _one_or_0(where).mean()


def _one_or_0(where: ir.BooleanValue) -> ir.Value:
    """Count a row or not, in double precision; Spark takes a bare 1.0 for a decimal of few digits."""
    return where.ifelse(1, 0).cast("float64")


def events(rows: ir.Table, key: str) -> ir.Table:
    """Count the rows of each event of each user or item."""
    known = rows.filter(rows[Columns.EVENT].notnull())
    return known.group_by(key, Columns.EVENT).aggregate(rows=known.count().cast("float64"))


def tastes(edges: ir.Table, levels: ir.Table, end: float | None) -> ir.Table:
    """Find what each user has to do with each level of the items' attributes.

    Args:
        edges: As `edges`.
        levels: `ITEM` and ``level``, a row for each level that an item has.
        end: Last week of the log; nothing for one without weeks.

    Returns:
        `USER`, ``level`` and ``share`` of the user's rows. With weeks there is ``closeness``, too: 1 for a
        row in the last week, 1/2 for one a week before. And ``trend``: the share after the middle week less
        that before.
    """
    timed = [EARLY, LATE] if end is not None else []
    totals = edges.group_by(USER).aggregate(**{f"all_{name}": edges[name].sum() for name in (COUNT, *timed)})
    last = [LAST_WEEK] if end is not None else []
    pairs = edges.select(USER, ITEM, COUNT, *timed, *last).join(levels, ITEM)
    found: dict[str, Any] = {name: pairs[name].sum().cast("float64") for name in (COUNT, *timed)}
    found |= {name: pairs[name].max().cast("float64") for name in last}
    rows = pairs.group_by(USER, "level").aggregate(**found).join(totals, USER)
    shares = {"share": rows[COUNT] / rows[f"all_{COUNT}"]}
    if end is not None:
        shares["closeness"] = 1.0 / (1.0 + (end - rows[LAST_WEEK]))
        early, late = (rows[name] / rows[f"all_{name}"].nullif(0) for name in timed)
        shares["trend"] = (late - early).fill_null(0.0)
    return rows.select(USER, "level", **shares)


def price_history(weekly: ir.Table) -> ir.Table:
    """Find level, relative spread and reach, and last change of each item's weekly shelf price.

    Args:
        weekly: As `weekly_items`.
    """
    import ibis

    price = weekly[Columns.SHELF_PRICE]
    known = weekly.filter(price.notnull())
    price = known[Columns.SHELF_PRICE]
    found = known.group_by(ITEM).aggregate(
        level=price.mean(),
        deviation=price.std(how="pop"),
        low=price.min(),
        high=price.max(),
        last=price.argmax(known[WEEK]),
    )
    level = (found.level > 0).ifelse(found.level, ibis.null("float64"))
    last = (found["last"] > 0).ifelse(found["last"], ibis.null("float64"))
    parts = {
        "spread": found.deviation / level,
        "reach": (found.high - found.low) / level,
        "change": (last / level).ln(),
    }
    # sums of equal prices differ in their last digit, which is no spread
    return found.select(ITEM, "level", **{name: value.round(_DIGITS) for name, value in parts.items()})


def promotion(weekly: ir.Table) -> ir.Table:
    """Find the share of weeks in which each item was below its regular price, how far, and the last of them.

    Args:
        weekly: As `weekly_items`, with both prices.
    """
    import ibis

    both = weekly.filter(weekly[Columns.SHELF_PRICE].notnull() & weekly[Columns.REGULAR_PRICE].notnull())
    share = both[Columns.SHELF_PRICE] / both[Columns.REGULAR_PRICE].nullif(0.0)
    both = both.mutate(share=share).filter(share.notnull())
    below, nothing = both.share < 1.0 - LEAST_PROMOTION, ibis.null("float64")
    return both.group_by(ITEM).aggregate(
        promoted=_share(below),
        depth=below.ifelse(1.0 - both.share, nothing).mean(),
        last_promoted=below.ifelse(both[WEEK], nothing).max(),
    )
