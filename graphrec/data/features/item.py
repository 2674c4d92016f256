"""Features of items: price and sales, attributes, ratings."""

from __future__ import annotations

import numpy as np

from graphrec.arrays import AnyFloatArray
from graphrec.data.features.encoding import Attributes, Block
from graphrec.data.features.log import LogFacts, distinct_by, first_and_last, log_of, mean_by, ratio, sum_by

BASE, ATTRIBUTES, REVIEWS, DOCUMENT = "base", "attributes", "reviews", "document"
ITEM_GROUPS = (BASE, ATTRIBUTES, REVIEWS, DOCUMENT)


def item_block(group: str, log: LogFacts, items: Attributes) -> Block:
    """Build the features of one group of `ITEM_GROUPS`. Shape ``[I, F]``."""
    if group == BASE:
        return Block.of(BASE, base(log), log.items)
    if group == ATTRIBUTES:
        return items.block(ATTRIBUTES)
    if group == REVIEWS:
        return Block.of(REVIEWS, reviews(log), log.items)
    return Block.of(DOCUMENT, {"average_rating": average_rating(log)}, log.items)


def base(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Measure how widely, to whom, at what price and depth, and when the item is sold.

    The first three need nothing but users and items; the rest appear with the columns that they need.
    """
    activity = log_of(sum_by(log.user, log.users))
    columns = {
        "log_buyers": log_of(distinct_by(log.item, log.items, log.user)),
        "log_interactions": log_of(sum_by(log.item, log.items)),
        "mean_log_buyer_interactions": mean_by(log.item, log.items, activity[log.user]),
        "log_mean_quantity": log_of(mean_by(log.item, log.items, log.quantity)),
    }
    if log.price is not None:
        columns["log_price"] = log_of(mean_by(log.item, log.items, log.price))
    saved = log.saved_share(log.item, log.items)
    if saved is not None:
        columns["mean_discount_depth"] = saved
    if log.week is not None and np.isfinite(log.week).any():
        first, last = first_and_last(log.item, log.items, log.week)
        end = float(np.nanmax(log.week))
        columns |= {"weeks_since_first": end - first, "weeks_since_last": end - last}
    return columns


def reviews(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Compute mean rating and number of ratings; no columns for a log without ratings."""
    if log.rating is None:
        return {}
    rated = np.isfinite(log.rating)
    return {
        "mean_rating": mean_by(log.item, log.items, log.rating),
        "log_ratings": log_of(sum_by(log.item[rated], log.items)),
    }


def average_rating(log: LogFacts) -> AnyFloatArray:
    """Compute the mean rating of the item, or an implied one where the log has no ratings.

    The implied rating is the mean number of distinct weeks (interactions, where the log has no weeks) in
    which a buyer bought the item: what people come back for, they like.
    """
    if log.rating is not None:
        return mean_by(log.item, log.items, log.rating)
    buyers = distinct_by(log.item, log.items, log.user)
    if log.week is None:
        return ratio(sum_by(log.item, log.items), buyers)
    return ratio(distinct_by(log.item, log.items, log.user, log.week), buyers)
