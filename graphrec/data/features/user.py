"""Features of users: what they like, how they buy, who they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphrec.arrays import AnyFloatArray
from graphrec.data.engine import facts
from graphrec.data.engine.rows import ITEM, TRIP, USER, WEEK
from graphrec.data.features.encoding import Attributes, Block
from graphrec.data.features.habits import events, habits, times
from graphrec.data.features.log import LogFacts, log_of, ratio, saved_share, there
from graphrec.data.features.tastes import taste

if TYPE_CHECKING:
    import ibis.expr.types as ir

INTEREST, BEHAVIOUR, DEMOGRAPHICS, DOCUMENT = "interest", "behaviour", "demographics", "document"
CLOSENESS, TREND, HABITS, TIMES, EVENTS = "interest_recency", "interest_trend", "habits", "times", "events"
USER_GROUPS = (INTEREST, BEHAVIOUR, DEMOGRAPHICS, DOCUMENT, CLOSENESS, TREND, HABITS, TIMES, EVENTS)
_NEEDS = {
    CLOSENESS: "weeks or times and a table of items",
    TREND: "weeks or times and a table of items",
    HABITS: "baskets, weeks, times or prices",
    TIMES: "times",
    EVENTS: "events",
}


def user_block(group: str, log: LogFacts, users: Attributes, items: Attributes) -> Block:
    """Build the features of one group of `USER_GROUPS`. Shape ``[U, F]``.

    Raises:
        InputError: If a group that is in no default needs columns that the log lacks.
    """
    made: dict[str, Callable[[], Block]] = {
        INTEREST: lambda: interest(log, items),
        BEHAVIOUR: lambda: Block.of(BEHAVIOUR, behaviour(log), log.users),
        DEMOGRAPHICS: lambda: users.block(DEMOGRAPHICS),
        DOCUMENT: lambda: Block.of(DOCUMENT, {"purchase_frequency": purchase_frequency(log)}, log.users),
        CLOSENESS: lambda: taste(log, items, "closeness", CLOSENESS),
        TREND: lambda: taste(log, items, "trend", TREND),
        HABITS: lambda: Block.of(HABITS, habits(log), log.users),
        TIMES: lambda: Block.of(TIMES, times(log), log.users),
        EVENTS: lambda: Block.of(EVENTS, events(log, USER), log.users),
    }
    return there(made[group](), "user_groups", group, _NEEDS)


def interest(log: LogFacts, items: Attributes) -> Block:
    """Compute the share of the user's interactions on each level of each item attribute, in 0..1."""
    return taste(log, items, "share", INTEREST)


def behaviour(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Measure how much, often, dear, discounted, faithfully and lately the user buys.

    The first four need nothing but users and items; the rest appear with the columns that they need.
    """
    buyers = facts.breadth(log.edges, ITEM)
    company = facts.company(log.edges, USER, ITEM, "others", buyers)

    def columns(user: ir.Table) -> dict[str, Any]:
        count, distinct = user.rows.fill_null(0.0), user.others.fill_null(0.0)
        found = {
            "log_interactions": log_of(count),
            "log_items": log_of(distinct),
            "repeat_share": 1.0 - ratio(distinct, count),
            "mean_log_item_buyers": user.company,
        }
        return found | _rhythm(log, user) | _money(log, user)

    return log.columns(USER, [log.by_user, log.trips, facts.breadth(log.edges, USER), company], columns)


def purchase_frequency(log: LogFacts) -> AnyFloatArray:
    """Count interactions per week in which the user bought at all; all of them if the log has no weeks."""
    weeks = log.coded(facts.weeks_of_users(log.rows)) if log.has(WEEK) else None

    def columns(user: ir.Table) -> dict[str, Any]:
        count = user.rows.fill_null(0.0)
        return {"frequency": count if weeks is None else ratio(count, user.weeks)}

    return log.columns(USER, [log.by_user, weeks], columns)["frequency"]


def _rhythm(log: LogFacts, user: ir.Table) -> dict[str, Any]:
    """Count trips per week since the first purchase, and weeks from the last one to the end of training."""
    end = log.span.last
    if end is None:
        return {}
    return {
        "trips_per_week": ratio(user.trips.fill_null(0.0), end - user.first_week + 1.0),
        "weeks_since_last": end - user.last_week,
    }


def _money(log: LogFacts, user: ir.Table) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "spent" in user.columns:
        found["log_mean_price"] = log_of(user.mean_price)
        if log.has(TRIP):
            found["log_mean_basket_value"] = log_of(ratio(user.spent, user.trips))
    if "regular_shelf_before" in user.columns:
        found["discount_share"] = saved_share(user.regular_shelf_before, user.regular_shelf_after)
    return found
