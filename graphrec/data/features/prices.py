"""How the price of an item went over the weeks, how often it was promoted, and how it is rated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphrec.arrays import AnyFloatArray
from graphrec.data.engine import facts
from graphrec.data.engine.rows import ITEM, WEEK
from graphrec.data.features.log import LogFacts, log_of
from graphrec.data.interactions import Columns

if TYPE_CHECKING:
    import ibis.expr.types as ir


def price_history(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Measure level, spread and change of the weekly mean shelf price of each item.

    ``log_level`` is the mean over the weeks in which the item sold. ``spread`` is the deviation over those
    weeks, and ``reach`` the highest less the lowest, as parts of the level. ``change`` is the logarithm of
    the last week's price over the level.
    """
    if not log.has(WEEK, Columns.SHELF_PRICE) or log.span.last is None:
        return {}

    def columns(item: ir.Table) -> dict[str, Any]:
        found = {"log_level": log_of(item.level)}
        return found | {name: item[name] for name in ("spread", "reach", "change")}

    return log.columns(ITEM, [facts.price_history(log.weekly_items)], columns)


def promotion(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Measure in which share of its weeks an item was below its regular price, how far, and how lately.

    ``closeness`` is 1 for a promotion in the last week of training, 1/2 a week before, 0 for none.
    """
    end = log.span.last
    if end is None or not log.has(Columns.REGULAR_PRICE, Columns.SHELF_PRICE):
        return {}
    weeks = facts.promotion(log.weekly_items)

    def columns(item: ir.Table) -> dict[str, Any]:
        since = end - item.last_promoted
        return {
            "weeks_below_regular": item.promoted,
            "depth_when_below": item.depth.fill_null(0.0),
            "closeness": (1.0 / (1.0 + since)).fill_null(0.0),
        }

    return log.columns(ITEM, [weeks], columns)


def ratings(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Measure ratings without filling any in: their number, their mean, and whether there is none.

    ``mean_less_all`` is the item's mean rating less that of the whole log; it is 0 where ``none`` is 1.
    """
    mean = log.span.rating
    if mean is None:
        return {}

    def columns(item: ir.Table) -> dict[str, Any]:
        count = item.ratings.fill_null(0.0)
        return {
            "log_count": log_of(count),
            "mean_less_all": (item.mean_rating - mean).fill_null(0.0),
            "none": (count > 0).ifelse(0.0, 1.0),
        }

    return log.columns(ITEM, [log.by_item], columns)
