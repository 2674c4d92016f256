"""Features of users: what they like, how they buy, who they are."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from graphrec.arrays import AnyFloatArray
from graphrec.data.features.encoding import Attributes, Block
from graphrec.data.features.log import LogFacts, distinct_by, first_and_last, log_of, mean_by, ratio, sum_by

INTEREST, BEHAVIOUR, DEMOGRAPHICS, DOCUMENT = "interest", "behaviour", "demographics", "document"
USER_GROUPS = (INTEREST, BEHAVIOUR, DEMOGRAPHICS, DOCUMENT)


def user_block(group: str, log: LogFacts, users: Attributes, items: Attributes) -> Block:
    """Build the features of one group of `USER_GROUPS`. Shape ``[U, F]``."""
    if group == INTEREST:
        return interest(log, items)
    if group == BEHAVIOUR:
        return Block.of(BEHAVIOUR, behaviour(log), log.users)
    if group == DEMOGRAPHICS:
        return users.block(DEMOGRAPHICS)
    return Block.of(DOCUMENT, {"purchase_frequency": purchase_frequency(log)}, log.users)


def interest(log: LogFacts, items: Attributes) -> Block:
    """Compute the share of the user's interactions on each level of each item attribute, in 0..1."""
    counts = log.counts()
    rows = np.asarray(counts.sum(axis=1)).ravel()
    share = sparse.diags(1.0 / np.maximum(rows, 1.0)) @ counts @ items.member
    return Block([f"{INTEREST}:{level}" for level in items.levels], share.toarray().astype(np.float32))


def behaviour(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Measure how much, often, dear, discounted, faithfully and lately the user buys.

    The first four need nothing but users and items; the rest appear with the columns that they need.
    """
    count, distinct = sum_by(log.user, log.users), distinct_by(log.user, log.users, log.item)
    buyers = distinct_by(log.item, log.items, log.user)
    columns = {
        "log_interactions": log_of(count),
        "log_items": log_of(distinct),
        "repeat_share": 1.0 - ratio(distinct, count),
        "mean_log_item_buyers": mean_by(log.user, log.users, log_of(buyers)[log.item]),
    }
    return columns | _rhythm(log) | _money(log)


def purchase_frequency(log: LogFacts) -> AnyFloatArray:
    """Count interactions per week in which the user bought at all; all of them if the log has no weeks."""
    count = sum_by(log.user, log.users)
    if log.week is None:
        return count
    return ratio(count, distinct_by(log.user, log.users, log.week))


def _rhythm(log: LogFacts) -> dict[str, AnyFloatArray]:
    """Count trips per week since the first purchase, and weeks from the last one to the end of training."""
    if log.week is None or log.trip is None or not np.isfinite(log.week).any():
        return {}
    first, last = first_and_last(log.user, log.users, log.week)
    end = float(np.nanmax(log.week))
    trips = distinct_by(log.user, log.users, log.trip)
    return {"trips_per_week": ratio(trips, end - first + 1.0), "weeks_since_last": end - last}


def _money(log: LogFacts) -> dict[str, AnyFloatArray]:
    columns: dict[str, AnyFloatArray] = {}
    if log.price is not None:
        columns["log_mean_price"] = log_of(mean_by(log.user, log.users, log.price))
        if log.trip is not None:
            spent = sum_by(log.user, log.users, log.price * log.quantity)
            trips = distinct_by(log.user, log.users, log.trip)
            columns["log_mean_basket_value"] = log_of(ratio(spent, trips))
    saved = log.saved_share(log.user, log.users)
    return columns if saved is None else columns | {"discount_share": saved}
