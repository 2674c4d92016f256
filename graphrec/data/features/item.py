"""Features of items: price and sales, attributes, ratings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphrec.arrays import AnyFloatArray
from graphrec.data.engine import facts
from graphrec.data.engine.rows import ITEM, USER, WEEK
from graphrec.data.features.encoding import Attributes, Block
from graphrec.data.features.habits import events
from graphrec.data.features.log import LogFacts, log_of, ratio, saved_share, there
from graphrec.data.features.prices import price_history, promotion, ratings
from graphrec.data.interactions import Columns

if TYPE_CHECKING:
    import ibis.expr.types as ir

BASE, ATTRIBUTES, REVIEWS, DOCUMENT = "base", "attributes", "reviews", "document"
PRICE_HISTORY, PROMOTION, RATINGS, EVENTS = "price_history", "promotion", "ratings", "events"
ITEM_GROUPS = (BASE, ATTRIBUTES, REVIEWS, DOCUMENT, PRICE_HISTORY, PROMOTION, RATINGS, EVENTS)
_NEEDS = {
    PRICE_HISTORY: "weeks or times, and price or shelf_price",
    PROMOTION: "weeks or times, regular_price, and price or shelf_price",
    RATINGS: "ratings",
    EVENTS: "events",
}


def item_block(group: str, log: LogFacts, items: Attributes) -> Block:
    """Build the features of one group of `ITEM_GROUPS`. Shape ``[I, F]``.

    Raises:
        InputError: If a group that is in no default needs columns that the log lacks.
    """
    made: dict[str, Callable[[], Block]] = {
        BASE: lambda: Block.of(BASE, base(log), log.items),
        ATTRIBUTES: lambda: items.block(ATTRIBUTES),
        REVIEWS: lambda: Block.of(REVIEWS, reviews(log), log.items),
        DOCUMENT: lambda: Block.of(DOCUMENT, {"average_rating": average_rating(log)}, log.items),
        PRICE_HISTORY: lambda: Block.of(PRICE_HISTORY, price_history(log), log.items),
        PROMOTION: lambda: Block.of(PROMOTION, promotion(log), log.items),
        RATINGS: lambda: Block.of(RATINGS, ratings(log), log.items),
        EVENTS: lambda: Block.of(EVENTS, events(log, ITEM), log.items),
    }
    return there(made[group](), "item_groups", group, _NEEDS)


def base(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Measure how widely, to whom, at what price and depth, and when the item is sold.

    The first three need nothing but users and items; the rest appear with the columns that they need.
    """
    company = facts.company(log.edges, ITEM, USER, "rows", log.by_user)

    def columns(item: ir.Table) -> dict[str, Any]:
        found = {
            "log_buyers": log_of(item.others.fill_null(0.0)),
            "log_interactions": log_of(item.rows.fill_null(0.0)),
            "mean_log_buyer_interactions": item.company,
            "log_mean_quantity": log_of(ratio(item.units, item.rows)),
        }
        if "mean_price" in item.columns:
            found["log_price"] = log_of(item.mean_price)
        if "regular_shelf_before" in item.columns:
            found["mean_discount_depth"] = saved_share(item.regular_shelf_before, item.regular_shelf_after)
        if (end := log.span.last) is not None:
            found |= {"weeks_since_first": end - item.first_week, "weeks_since_last": end - item.last_week}
        return found

    return log.columns(ITEM, [log.by_item, facts.breadth(log.edges, ITEM), company], columns)


def reviews(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Compute mean rating and number of ratings; no columns for a log without ratings."""
    if not log.has(Columns.RATING):
        return {}
    return log.columns(
        ITEM,
        [log.by_item],
        lambda item: {"mean_rating": item.mean_rating, "log_ratings": log_of(item.ratings.fill_null(0.0))},
    )


def average_rating(log: LogFacts) -> AnyFloatArray:
    """Compute the mean rating of the item, or an implied one where the log has no ratings.

    The implied rating is the mean number of distinct weeks (interactions, where the log has no weeks) in
    which a buyer bought the item: what people come back for, they like.
    """
    if log.has(Columns.RATING):
        return log.columns(ITEM, [log.by_item], lambda item: {"rating": item.mean_rating})["rating"]
    weeks = log.coded(facts.weeks_of_pairs(log.rows)) if log.has(WEEK) else None

    def columns(item: ir.Table) -> dict[str, Any]:
        count = item.rows.fill_null(0.0) if weeks is None else item.pair_weeks.fill_null(0.0)
        return {"rating": ratio(count, item.others)}

    return log.columns(ITEM, [log.by_item, facts.breadth(log.edges, ITEM), weeks], columns)["rating"]
