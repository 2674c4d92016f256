"""Who could have bought what in which week: pairs of user and item, week by week.

A row is a week in which the user shopped and could have bought an item that is in the user's repertoire. With
the depth on the shelf it shows how the chance of buying moves with the discount. Where personal offers are
given, every week is a row: an offer may bring the visit, so weeks without one say something of it.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from graphrec.arrays import AnyArray, BoolArray, FloatArray, IntArray
from graphrec.data.interactions import Columns, IdMap
from graphrec.data.week_numbers import MOST_WEEKS
from graphrec.errors import InputError, check_at_least, check_between

_NEEDED = [Columns.USER, Columns.ITEM, Columns.WEEK]
HISTORY, TRAINING, VALIDATION = 26 / 52, 40 / 52, 44 / 52
"""Where the parts of a log end, in shares of its weeks: of Complete Journey 26, 40 and 44 of 52."""
OFTEN = ((50 / 52, 2), (0.5, 2), (0.25, 2), (0.25, 1))
"""Shares of the weeks in which an item is sold, and weeks in which a user bought it; the first that fits."""
WINDOWS = "windows"
"""What a checkpoint keeps of the weeks of the parts; missing in older ones."""
FEWEST_ROWS = 50
"""Rows that each part of the weeks needs, for what fits."""


@dataclass(frozen=True)
class VisitOptions:
    """Which pairs and weeks make the rows. What is not given follows from the log, see `Windows.of`.

    Args:
        history_end: Last week of the first part of the log, which decides on the pairs.
        last_week: Last week that rows are made for; they start after `history_end`.
        min_bought_weeks: Weeks up to `history_end` in which the user must have bought the item.
        min_sold_weeks: Weeks up to `last_week` in which somebody must have bought the item. An item that is
            rarely sold has no known depth, and would be on the rows when it sells.

    Raises:
        InputError: If a number is too small or the weeks are out of order.
    """

    history_end: int | None = None
    last_week: int | None = None
    min_bought_weeks: int | None = None
    min_sold_weeks: int | None = None

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("history_end", "min_bought_weeks"):
            if getattr(self, name) is not None:
                check_at_least(1, **{name: getattr(self, name)})
        if self.last_week is not None:
            check_between((self.history_end or 0) + 1, MOST_WEEKS, last_week=self.last_week)


@dataclass(frozen=True)
class Windows:
    """Where the parts of a log end, and which pairs make rows: weeks, all of them known.

    Args:
        history_end: See `VisitOptions`.
        train_end: Last week of the training part.
        val_end: Last week of the validation part.
        last_week: See `VisitOptions`.
        min_bought_weeks: See `VisitOptions`.
        min_sold_weeks: See `VisitOptions`.
    """

    history_end: int
    train_end: int
    val_end: int
    last_week: int
    min_bought_weeks: int
    min_sold_weeks: int

    @classmethod
    def of(
        cls,
        log: pd.DataFrame,
        visits: VisitOptions,
        train_end: int | None = None,
        val_end: int | None = None,
    ) -> Windows:
        """Fill in what is not given: ends by `HISTORY` and the like, pairs by the first of `OFTEN` that fits.

        It fits if each part has `FEWEST_ROWS` rows or more. If none does, the last one is taken.

        Args:
            log: Rows with ``user_id``, ``item_id`` and ``week``.
            visits: What is asked for.
            train_end: Last week of the training part, if it is asked for.
            val_end: Last week of the validation part, if it is asked for.

        Raises:
            InputError: If a column is missing.
        """
        _check_columns(log)
        last = int(log[Columns.WEEK].max()) if visits.last_week is None else visits.last_week
        before = min(int(log[Columns.WEEK].min()), last) - 1
        span = last - before
        ends = [before + math.ceil(span * share) for share in (HISTORY, TRAINING, VALIDATION)]
        given = (visits.history_end, train_end, val_end)
        history, train, val = (end if one is None else one for one, end in zip(given, ends, strict=True))
        tried = [
            cls(history, train, val, last, bought, max(1, math.floor(span * sold))) for sold, bought in OFTEN
        ]
        asked = {name: value for name, value in vars(visits).items() if value is not None}
        tried = list(dict.fromkeys(replace(one, **asked) for one in tried))
        if len(tried) > 1:
            tried = [one for one in tried if one.fits(log)] or tried[-1:]
        return tried[0]

    @property
    def text(self) -> str:
        """All weeks as JSON, as a checkpoint keeps them."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Windows:
        """Read what `text` wrote."""
        return cls(**json.loads(text))

    def fits(self, log: pd.DataFrame) -> bool:
        """Tell whether each part of a log has `FEWEST_ROWS` rows."""
        if not self.history_end < self.train_end < self.val_end < self.last_week:
            return False
        bounds = [self.history_end, self.train_end + 0.5, self.val_end + 0.5, self.last_week + 1]
        try:
            _, column = find_visits(log, self).rows
        except InputError:
            return False
        return bool((np.histogram(column + 1, bins=bounds)[0] >= FEWEST_ROWS).all())


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
        every_week: Whether weeks without a visit are rows, too.
        counted: Pairs that sums over the pairs of a user or an item are made of; all if missing. So pairs
            that are asked about have the same sums as those that were learnt from. Shape ``[P]``.
    """

    users: IdMap
    items: IdMap
    user: IntArray
    item: IntArray
    bought: BoolArray
    visited: BoolArray
    history_end: int
    every_week: bool = False
    counted: BoolArray | None = None

    @property
    def weeks(self) -> int:
        """Number of weeks ``W``."""
        return int(self.bought.shape[1])

    @property
    def pairs(self) -> pd.DataFrame:
        """Ids of the pairs, in their order: ``user_id`` and ``item_id``."""
        return pd.DataFrame(
            {Columns.USER: self.users.ids[self.user], Columns.ITEM: self.items.ids[self.item]}
        )

    def sum_by(self, values: AnyArray, group: IntArray, size: int) -> FloatArray:
        """Add up the rows of the pairs that count, by group. ``[P, W]`` to ``[size, W]``."""
        total = np.zeros((size, values.shape[1]))
        kept = slice(None) if self.counted is None else self.counted
        np.add.at(total, group[kept], values[kept].astype(np.float64))
        return total

    def count_by(self, group: IntArray, size: int) -> IntArray:
        """Count the pairs that count, by group. Shape ``[size]``."""
        kept = slice(None) if self.counted is None else self.counted
        return np.bincount(group[kept], minlength=size)

    @cached_property
    def rows(self) -> tuple[IntArray, IntArray]:
        """Pair and column of each row, in the order of weeks within pairs. Shapes ``[n]``."""
        there = self.visited[self.user] | self.every_week
        there[:, : self.history_end] = False
        pair, column = np.nonzero(there)
        return pair, column


def find_visits(
    log: pd.DataFrame,
    windows: VisitOptions | Windows,
    items: IdMap | None = None,
    offered: pd.DataFrame | None = None,
) -> Visits:
    """Build tables of visits and purchases of the pairs that are asked for.

    Args:
        log: Rows with ``user_id``, ``item_id`` and ``week``, counted from 1.
        windows: Which pairs and weeks.
        items: If given, only pairs of these items.
        offered: ``user_id`` and ``item_id`` of pairs with a personal offer, which are taken too where their
            item is sold often enough. Every week is a row then.

    Raises:
        InputError: If a column is missing or no pair is left.
    """
    if isinstance(windows, VisitOptions):
        windows = Windows.of(log, windows)
    weekly = _weekly(log, windows.last_week)
    pairs = _pairs(weekly, windows, items, offered)
    found = visits_of(weekly, pairs, windows.last_week, windows.history_end)
    return found if offered is None else replace(found, every_week=True)


def visits_of(log: pd.DataFrame, pairs: pd.DataFrame, last_week: int, history_end: int) -> Visits:
    """Build tables of visits and purchases of given pairs.

    Args:
        log: Rows with ``user_id``, ``item_id`` and ``week``, counted from 1.
        pairs: Distinct ``user_id`` and ``item_id``; a user without a purchase may be among them.
        last_week: Number of weeks ``W``; what comes later is not looked at.
        history_end: Weeks that come before the rows.

    Raises:
        InputError: If a column is missing.
    """
    weekly = _weekly(log, last_week)
    users = IdMap.from_values(pd.concat([weekly[Columns.USER], pairs[Columns.USER]]))
    items = IdMap.from_values(pairs[Columns.ITEM])
    visited = np.zeros((len(users), last_week), dtype=np.bool_)
    visited[users.codes(weekly[Columns.USER]), weekly[Columns.WEEK].to_numpy() - 1] = True
    key = np.sort(users.codes(pairs[Columns.USER]) * len(items) + items.codes(pairs[Columns.ITEM]))
    bought = _purchases(weekly, key, users, items, last_week)
    return Visits(users, items, key // len(items), key % len(items), bought, visited, history_end)


def _check_columns(log: pd.DataFrame) -> None:
    for column in _NEEDED:
        if column not in log:
            raise InputError("the response needs this column", column=column, hint="map it in `columns`")


def _weekly(log: pd.DataFrame, last_week: int) -> pd.DataFrame:
    """Find who bought what in which week, each once."""
    _check_columns(log)
    inside = log[Columns.WEEK].between(1, last_week)
    if len(log) and not inside.any():
        first, last = int(log[Columns.WEEK].min()), int(log[Columns.WEEK].max())
        what = f"the log has weeks {first} to {last}, and weeks 1 to {last_week} are looked at"
        raise InputError(what, column=Columns.WEEK, hint="number the weeks from 1, or change last_week")
    return log.loc[inside, _NEEDED].drop_duplicates()


def _pairs(
    weekly: pd.DataFrame, windows: Windows, items: IdMap | None, offered: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Find the pairs that were bought often enough in the first part, and those with an offer; sorted."""
    sold = weekly.groupby(Columns.ITEM)[Columns.WEEK].nunique()
    often = sold.index[sold >= windows.min_sold_weeks]
    if items is not None:
        often = often[items.codes(often) >= 0]
    first = weekly[(weekly[Columns.WEEK] <= windows.history_end) & weekly[Columns.ITEM].isin(often)]
    weeks = first.groupby([Columns.USER, Columns.ITEM]).size()
    pairs = weeks[weeks >= windows.min_bought_weeks].reset_index()[[Columns.USER, Columns.ITEM]]
    if offered is not None:
        more = offered.loc[offered[Columns.ITEM].isin(often), [Columns.USER, Columns.ITEM]]
        both = pd.concat([pairs, more]).drop_duplicates()
        pairs = both.sort_values([Columns.USER, Columns.ITEM], ignore_index=True)
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
