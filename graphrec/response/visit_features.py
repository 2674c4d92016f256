"""What a shop knows of a user, an item and their past when a week begins, for `graphrec.response.visits`.

Every feature is computed from earlier weeks alone; only facts of the shelf (price, promotion, the depth of
other items) are those of the week itself, because the shop sets them beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.data.interactions import Columns, IdMap
from graphrec.response.shelf import Shelf
from graphrec.response.visits import Visits
from graphrec.response.weekly import before, faded, last_value, log_rate, weeks_since

Feature = tuple[str, FloatArray]

TYPICAL = 0.1
"""Rough share of visits with a purchase; what a pair without history is drawn to."""
DEAL = 0.05
"""Discount on the usual price from which a shelf price counts as a deal, see `Shelf.saving`."""
NEVER = 30.0
"""Weeks that stand for "not yet"."""


def pair_features(visits: Visits) -> Iterator[Feature]:
    """Measure how often and how lately the user bought this item. Tables ``[P, W]``."""
    bought, there = visits.bought, visits.visited[visits.user]
    rate = before(bought) / np.maximum(before(there), 1)
    yield "pair_weeks", np.log1p(before(bought))
    yield "pair_rate", log_rate(before(bought), before(there), TYPICAL)
    for half_life in (2, 5, 12):
        recent, chances = faded(bought, half_life), faded(there, half_life)
        yield f"pair_rate_{half_life}", log_rate(recent, chances, TYPICAL, 1.0)
    since = weeks_since(bought, NEVER)
    yield "pair_recency", np.log(since)
    missed = _visits_since(bought, there)
    yield "pair_missed", np.log1p(missed)
    # above 1 a purchase is overdue: the visits since the last one against the usual gap between two
    yield "pair_due", np.log((missed + 1.0) * np.maximum(rate, 0.01))
    yield "pair_due_weeks", np.log(since * (before(bought) + 0.5) / (np.arange(visits.weeks) + 1.0))
    yield "pair_last_visit", last_value(bought, there, 0.0)
    yield "pair_two_visits", _at_last_visits(bought, there)
    yield "pair_gap", np.log(_last_gap(bought))


def deal_features(visits: Visits, shelf: Shelf) -> Iterator[Feature]:
    """Measure what the user did with this item on deals and without. Tables ``[P, W]``."""
    saving, there = shelf.saving[visits.item], visits.visited[visits.user]
    deal = saving >= DEAL
    for name, kind in (("deal", deal), ("full", ~deal)):
        yield f"pair_rate_{name}", log_rate(before(visits.bought & kind), before(there & kind), TYPICAL)
    yield "pair_deal_share", (before(visits.bought & deal) + 0.5) / (before(visits.bought) + 1.0)
    yield "pair_last_depth", last_value(saving, visits.bought, 0.0)
    # a deal that the user met lately and may have stocked up on
    yield "pair_deals_met", faded(there & deal, 3)


def user_features(visits: Visits, log: pd.DataFrame) -> Iterator[Feature]:
    """Measure how the user shops. Tables ``[U, W]``."""
    there = visits.visited
    yield "user_visits", before(there) / np.maximum(np.arange(visits.weeks), 1)
    yield "user_visits_4", before(there, 4)
    yield "user_absence", np.log(weeks_since(there, 12.0))
    lines, value, saved, trips = _user_weeks(visits, log)
    yield "user_lines", log_rate(before(lines), before(there), 15.0)
    yield "user_lines_3", log_rate(faded(lines, 3), faded(there, 3), 15.0)
    yield "user_trips", log_rate(before(trips), before(there), 1.5)
    yield "user_affinity", (before(saved) + 10.0) / (before(value) + 60.0)
    yield "user_affinity_4", (faded(saved, 4) + 3.0) / (faded(value, 4) + 18.0)
    pairs = visits.count_by(visits.user, len(visits.users))[:, None]
    bought = visits.sum_by(visits.bought, visits.user, len(visits.users))
    yield "user_repertoire", np.log1p(np.broadcast_to(pairs, there.shape).astype(np.float64))
    yield "user_rate", log_rate(before(bought), before(there) * pairs, TYPICAL, 20.0)
    yield "user_rate_3", log_rate(faded(bought, 3), faded(there, 3) * pairs, TYPICAL, 20.0)


def item_features(visits: Visits, shelf: Shelf) -> Iterator[Feature]:
    """Measure how the item sells to its buyers. Tables ``[I, W]``."""
    bought = visits.sum_by(visits.bought, visits.item, len(visits.items))
    there = visits.sum_by(visits.visited[visits.user], visits.item, len(visits.items))
    deal = shelf.saving >= DEAL
    yield "item_rate", log_rate(before(bought), before(there), TYPICAL, 20.0)
    for half_life in (1, 4):
        recent, chances = faded(bought, half_life), faded(there, half_life)
        yield f"item_rate_{half_life}", log_rate(recent, chances, TYPICAL, 20.0)
    full = log_rate(faded(bought * ~deal, 4), faded(there * ~deal, 4), TYPICAL, 20.0)
    yield "item_rate_full", full
    base = (before(bought * ~deal) + 2.0) / (before(there * ~deal) + 20.0)
    yield "item_lift", log_rate(before(bought * deal), before(there * deal), base, 20.0) - np.log(base)
    buyers = visits.count_by(visits.item, len(visits.items))[:, None]
    yield "item_buyers", np.log1p(np.broadcast_to(buyers, bought.shape).astype(np.float64))


def shelf_features(shelf: Shelf) -> Iterator[Feature]:
    """Measure price and promotion of the week, and past discounts. Tables ``[I, W]``."""
    deal, past = shelf.depth >= DEAL, np.maximum(np.arange(shelf.depth.shape[1]), 1)
    yield "shelf_price", np.log(shelf.price)
    usual = before(shelf.price) / past
    yield "shelf_price_change", np.log(shelf.price / np.where(usual > 0, usual, shelf.price))
    yield "shelf_usual_depth", shelf.usual_depth
    yield "shelf_last_depth", np.pad(shelf.depth[:, :-1], ((0, 0), (1, 0)))
    yield "shelf_depth_4", before(shelf.depth, 4) / 4
    yield "shelf_depth", before(shelf.depth) / past
    yield "shelf_deals", before(deal) / past
    yield "shelf_deal_recency", np.log(weeks_since(deal, NEVER))
    yield "shelf_display", shelf.display
    yield "shelf_mailer", shelf.mailer


def group_features(
    visits: Visits, log: pd.DataFrame, group_of: pd.Series[str], name: str
) -> Iterator[Feature]:
    """Measure how the user bought items of the same group. Tables ``[P, W]``.

    Args:
        visits: The pairs.
        log: All rows, also of items that are in no pair.
        group_of: Group by ``item_id``.
        name: What the group is called, for example ``product_type``.
    """
    groups = IdMap.from_values(group_of.reindex(visits.items.ids))
    of_item = groups.codes(group_of.reindex(visits.items.ids))
    own = _group_purchases(visits, log, group_of, groups, of_item[visits.item])
    there = visits.visited[visits.user]
    yield f"{name}_rate", log_rate(before(own), before(there), 2 * TYPICAL)
    yield f"{name}_rate_3", log_rate(faded(own, 3), faded(there, 3), 2 * TYPICAL, 1.0)
    since = weeks_since(own, NEVER)
    yield f"{name}_recency", np.log(since)
    yield f"{name}_due", np.log(since * (before(own) + 0.5) / (np.arange(visits.weeks) + 1.0))


def rival_depth(items: IdMap, shelf: Shelf, group_of: pd.Series[str]) -> FloatArray:
    """Average the saving on the group's other items in the week; they take this one's place. ``[I, W]``."""
    groups = IdMap.from_values(group_of.reindex(items.ids))
    of_item = groups.codes(group_of.reindex(items.ids))
    others = np.maximum(np.bincount(of_item, minlength=len(groups)) - 1, 1)[:, None]
    total = _sum_by(shelf.saving, of_item, len(groups))
    return np.asarray((total[of_item] - shelf.saving) / others[of_item])


def first_affinity(visits: Visits, log: pd.DataFrame) -> FloatArray:
    """Find the share of regular value that each user saved on the shelf before the rows begin. ``[U]``."""
    _, value, saved, _ = _user_weeks(visits, log)
    first = slice(visits.history_end)
    return np.asarray(saved[:, first].sum(1) / np.maximum(value[:, first].sum(1), 1e-9))


def _visits_since(bought: BoolArray, there: BoolArray) -> FloatArray:
    """Count visits after the last purchase and before this week; all visits where there was none."""
    count = before(there)
    return count - last_value(count + there, bought, 0.0)


def _at_last_visits(bought: BoolArray, there: BoolArray) -> FloatArray:
    """Tell whether it was bought at the visit before the last."""
    return last_value(last_value(bought, there, 0.0), there, 0.0)


def _last_gap(bought: BoolArray) -> FloatArray:
    """Count the weeks between the last two purchases."""
    return last_value(weeks_since(bought, NEVER), bought, NEVER)


def _sum_by(values: npt.NDArray[np.generic], group: IntArray, size: int) -> FloatArray:
    """Add up the rows of each group. ``[n, W]`` to ``[size, W]``."""
    total = np.zeros((size, values.shape[1]))
    np.add.at(total, group, values.astype(np.float64))
    return total


def _user_weeks(visits: Visits, log: pd.DataFrame) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Add up lines, regular value, shelf savings, and trips of each user and week. ``[U, W]`` each."""
    rows = log[log[Columns.WEEK].between(1, visits.weeks)]
    quantity = rows.get(Columns.QUANTITY, 1)
    value = (rows[Columns.REGULAR_PRICE] * quantity).to_numpy()
    saved = ((rows[Columns.REGULAR_PRICE] - rows[Columns.SHELF_PRICE]).clip(lower=0) * quantity).to_numpy()
    place = visits.users.codes(rows[Columns.USER]) * visits.weeks + rows[Columns.WEEK].to_numpy() - 1
    trip = Columns.BASKET if Columns.BASKET in rows else Columns.WEEK
    first = ~pd.DataFrame({"place": place, "trip": rows[trip].to_numpy()}).duplicated().to_numpy()
    shape, size = visits.visited.shape, visits.visited.size

    def total(weight: npt.NDArray[np.generic]) -> FloatArray:
        sums = np.bincount(place, weights=np.nan_to_num(weight.astype(np.float64)), minlength=size)
        return np.asarray(sums.reshape(shape), dtype=np.float64)

    return total(np.ones(len(rows))), total(value), total(saved), total(first)


def _group_purchases(
    visits: Visits, log: pd.DataFrame, group_of: pd.Series[str], groups: IdMap, group: IntArray
) -> BoolArray:
    """Tell whether the user of each pair bought anything of the pair's group. ``[P, W]``."""
    rows = log[log[Columns.WEEK].between(1, visits.weeks)]
    code = groups.codes(rows[Columns.ITEM].map(group_of))
    rows, code = rows[code >= 0], code[code >= 0]
    # a line for each user and group that is asked for; all of them would not fit in memory
    wanted, line = np.unique(visits.user * len(groups) + group, return_inverse=True)
    key = visits.users.codes(rows[Columns.USER]) * len(groups) + code
    place = np.minimum(np.searchsorted(wanted, key), len(wanted) - 1)
    known = wanted[place] == key
    bought = np.zeros((len(wanted), visits.weeks), dtype=np.bool_)
    bought[place[known], rows[Columns.WEEK].to_numpy()[known] - 1] = True
    return bought[line]
