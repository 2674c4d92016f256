"""Who could have bought what in which week: pairs of user and item, week by week.

A row is a week in which the user shopped and could have bought an item that is in the user's repertoire. With
the depth on the shelf it shows how the chance of buying moves with the discount.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, IntArray
from graphrec.data.interactions import Columns, IdMap
from graphrec.data.week_numbers import MOST_WEEKS
from graphrec.errors import InputError, check_at_least, check_between


@dataclass(frozen=True)
class VisitOptions:
    """Which pairs and weeks make the rows.

    Args:
        history_end: Last week of the first part of the log, which decides on the pairs.
        last_week: Last week that rows are made for; they start after `history_end`.
        min_bought_weeks: Weeks up to `history_end` in which the user must have bought the item.
        min_sold_weeks: Weeks up to `last_week` in which somebody must have bought the item. An item that is
            rarely sold has no known depth, and would be on the rows when it sells.

    Raises:
        InputError: If a number is too small or the weeks are out of order.
    """

    history_end: int = 26
    last_week: int = 52
    min_bought_weeks: int = 2
    min_sold_weeks: int = 50

    def __post_init__(self) -> None:
        """Check ranges."""
        check_at_least(1, history_end=self.history_end, min_bought_weeks=self.min_bought_weeks)
        check_between(self.history_end + 1, MOST_WEEKS, last_week=self.last_week)


@dataclass(frozen=True)
class Visits:
    """The log as tables over weeks 1 to ``W``, column 0 being week 1.

    Args:
        users: Codes of all users, ``U`` of them.
        items: Codes of the items of the pairs, ``I`` of them.
        user: User of each pair. Shape ``[P]``.
        item: Item of each pair. Shape ``[P]``.
        bought: Whether the user bought the item in the week. Shape ``[P, W]``.
        visited: Whether the user bought anything in the week. Shape ``[U, W]``.
        history_end: Number of weeks that come before the rows.
    """

    users: IdMap
    items: IdMap
    user: IntArray
    item: IntArray
    bought: BoolArray
    visited: BoolArray
    history_end: int

    @property
    def weeks(self) -> int:
        """Number of weeks ``W``."""
        return int(self.bought.shape[1])

    @cached_property
    def rows(self) -> tuple[IntArray, IntArray]:
        """Pair and column of each row, in the order of weeks within pairs. Shapes ``[n]``."""
        there = self.visited[self.user]
        there[:, : self.history_end] = False
        pair, column = np.nonzero(there)
        return pair, column


def find_visits(log: pd.DataFrame, options: VisitOptions, items: IdMap | None = None) -> Visits:
    """Build tables of visits and purchases of the pairs that `options` asks for.

    Args:
        log: Rows with ``user_id``, ``item_id`` and ``week``, counted from 1.
        options: Which pairs and weeks.
        items: If given, only pairs of these items.

    Raises:
        InputError: If a column is missing or no pair is left.
    """
    weekly = _weekly(log, options.last_week)
    return visits_of(weekly, _pairs(weekly, options, items), options.last_week, options.history_end)


def visits_of(log: pd.DataFrame, pairs: pd.DataFrame, last_week: int, history_end: int) -> Visits:
    """Build tables of visits and purchases of given pairs.

    Args:
        log: Rows with ``user_id``, ``item_id`` and ``week``, counted from 1.
        pairs: Distinct ``user_id`` and ``item_id``, all users being in the log up to `last_week`.
        last_week: Number of weeks ``W``; what comes later is not looked at.
        history_end: Weeks that come before the rows.

    Raises:
        InputError: If a column is missing.
    """
    weekly = _weekly(log, last_week)
    users, items = IdMap.from_values(weekly[Columns.USER]), IdMap.from_values(pairs[Columns.ITEM])
    visited = np.zeros((len(users), last_week), dtype=np.bool_)
    visited[users.codes(weekly[Columns.USER]), weekly[Columns.WEEK].to_numpy() - 1] = True
    key = np.sort(users.codes(pairs[Columns.USER]) * len(items) + items.codes(pairs[Columns.ITEM]))
    bought = _purchases(weekly, key, users, items, last_week)
    return Visits(users, items, key // len(items), key % len(items), bought, visited, history_end)


def _weekly(log: pd.DataFrame, last_week: int) -> pd.DataFrame:
    """Find who bought what in which week, each once."""
    columns = [Columns.USER, Columns.ITEM, Columns.WEEK]
    for column in columns:
        if column not in log:
            raise InputError("the response needs this column", column=column, hint="map it in `columns`")
    inside = log[Columns.WEEK].between(1, last_week)
    if len(log) and not inside.any():
        first, last = int(log[Columns.WEEK].min()), int(log[Columns.WEEK].max())
        what = f"the log has weeks {first} to {last}, and weeks 1 to {last_week} are looked at"
        raise InputError(what, column=Columns.WEEK, hint="number the weeks from 1, or change last_week")
    return log.loc[inside, columns].drop_duplicates()


def _pairs(weekly: pd.DataFrame, options: VisitOptions, items: IdMap | None) -> pd.DataFrame:
    """Find the pairs that were bought often enough in the first part, sorted."""
    sold = weekly.groupby(Columns.ITEM)[Columns.WEEK].nunique()
    often = sold.index[sold >= options.min_sold_weeks]
    if items is not None:
        often = often[items.codes(often) >= 0]
    first = weekly[(weekly[Columns.WEEK] <= options.history_end) & weekly[Columns.ITEM].isin(often)]
    weeks = first.groupby([Columns.USER, Columns.ITEM]).size()
    pairs = weeks[weeks >= options.min_bought_weeks].reset_index()
    if pairs.empty:
        hint = "lower min_bought_weeks or min_sold_weeks"
        raise InputError(
            "no pair of user and item was bought often enough", column="min_bought_weeks", hint=hint
        )
    return pairs


def _purchases(weekly: pd.DataFrame, key: IntArray, users: IdMap, items: IdMap, weeks: int) -> BoolArray:
    """Tell whether each pair, given by its sorted key, bought in each week. Shape ``[P, W]``."""
    code = items.codes(weekly[Columns.ITEM])
    rows = weekly[code >= 0]
    wanted = users.codes(rows[Columns.USER]) * len(items) + code[code >= 0]
    place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    known = key[place] == wanted
    bought = np.zeros((len(key), weeks), dtype=np.bool_)
    bought[place[known], rows[Columns.WEEK].to_numpy()[known] - 1] = True
    return bought
