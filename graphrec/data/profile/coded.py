"""A log with whole numbers in the place of its ids, so that a million rows are counted in a second."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import AnyArray, BoolArray, IntArray
from graphrec.data.interactions import Columns


@dataclass(frozen=True)
class CodedLog:
    """A cleaned log and the codes of its users and items.

    Args:
        frame: The log.
        user: Code of the user of each row. ``[rows]``.
        item: Code of the item of each row. ``[rows]``.
        user_ids: Ids by code.
        item_ids: Ids by code.
    """

    frame: pd.DataFrame
    user: IntArray
    item: IntArray
    user_ids: AnyArray
    item_ids: AnyArray

    @classmethod
    def of(cls, log: pd.DataFrame) -> CodedLog:
        """Code a log; rows keep their order."""
        user, user_ids = pd.factorize(log[Columns.USER])
        item, item_ids = pd.factorize(log[Columns.ITEM])
        return cls(log.reset_index(drop=True), user, item, np.asarray(user_ids), np.asarray(item_ids))

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.frame)

    @cached_property
    def pair(self) -> IntArray:
        """Number of the pair of user and item of each row. ``[rows]``."""
        return self.user * len(self.item_ids) + self.item

    @cached_property
    def repeats(self) -> BoolArray:
        """Whether an earlier row has the same pair, in the order of time where there is one. ``[rows]``."""
        again = np.empty(len(self), dtype=bool)
        again[self.in_time] = pd.Series(self.pair[self.in_time]).duplicated().to_numpy()
        return again

    @cached_property
    def in_time(self) -> IntArray:
        """Rows from the oldest to the newest; the order of the file where there is no time. ``[rows]``."""
        if self.time is None:
            return np.arange(len(self))
        return np.argsort(self.time.to_numpy(), kind="stable")

    @property
    def time(self) -> pd.Series[Any] | None:
        """The column of times, or else of weeks, or else nothing."""
        named = next((one for one in (Columns.TIMESTAMP, Columns.WEEK) if one in self.frame), None)
        return None if named is None else self.frame[named]

    @cached_property
    def items_of_user(self) -> IntArray:
        """Count the distinct items of each user. ``[users]``."""
        return np.bincount(self.user[~self.repeats], minlength=len(self.user_ids))

    @cached_property
    def users_of_item(self) -> IntArray:
        """Count the distinct users of each item. ``[items]``."""
        return np.bincount(self.item[~self.repeats], minlength=len(self.item_ids))

    @property
    def pairs(self) -> int:
        """Count the distinct pairs."""
        return int((~self.repeats).sum())

    def first_of(self, codes: IntArray, count: int) -> AnyArray:
        """Find the earliest time of each user or item; needs `time`. ``[count]``."""
        assert self.time is not None
        values = self.time.to_numpy()[self.in_time]
        first = np.full(count, -1)
        first[codes[self.in_time][::-1]] = np.arange(len(self))[::-1]
        found: AnyArray = values[first]
        return found
