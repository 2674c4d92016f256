"""The log of purchases as the rest of the package sees it: named columns and contiguous codes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import AnyArray, BoolArray, Float32Array, IntArray
from graphrec.data.cleaning.account import FILE, LINE, CleaningStep
from graphrec.errors import InputError

HASHED_ROWS = 1 << 16
"""Rows of a fingerprint that are text at the same time."""


class Columns:
    """Names of the columns of a log; only ``user_id`` and ``item_id`` are required.

    Prices are money per unit: ``regular_price`` before any discount, ``shelf_price`` after the shop's own
    discount, ``price`` what the shopper paid after coupons.
    """

    USER = "user_id"
    ITEM = "item_id"
    TIMESTAMP = "timestamp"
    WEEK = "week"
    BASKET = "basket_id"
    QUANTITY = "quantity"
    RATING = "rating"
    PRICE = "price"
    REGULAR_PRICE = "regular_price"
    SHELF_PRICE = "shelf_price"
    ORDER = "order"
    """Place in the user's own list, for logs without times; missing where it is not known."""
    PART = "part"
    """Where a given split says so: 'train', 'valid' or 'test'."""
    EVENT = "event"
    """What the row tells of: a view, a cart, a purchase, a return; every row is a purchase where missing."""
    RATING_MISSING = "rating_missing"
    """1 where nobody gave the rating, and cleaning filled it."""
    REVIEW = "review"
    """What the user wrote of the item."""
    TARGET = "is_target"
    """Whether the row is what is to be predicted, as `graphrec.data.weights` says; every one if missing."""
    WEIGHT = "row_weight"
    """What the row weighs in its edge; there only if `graphrec.data.weights` are asked for."""

    USER_CODE = "user"
    ITEM_CODE = "item"


@dataclass(frozen=True)
class RawData:
    """What a source returns: a cleaned frame with the names of `Columns`, and tables of attributes.

    Args:
        name: Name of the data set, for runs and reports.
        log: One row per interaction.
        users: Attributes, one row per ``user_id``.
        items: Attributes, one row per ``item_id``.
        steps: What cleaning removed or filled, in order.
        file: Where the log came from, for messages.
        hints: Lines on what a reader should know of the rows that stay.
        rules: Entries of ``cleaning:`` that were declared, of `graphrec.data.cleaning.rules`.
        kept: Which rows stayed, `graphrec.data.purchases.PurchaseRules`; None for the usual ones.
    """

    name: str
    log: pd.DataFrame
    users: pd.DataFrame | None = None
    items: pd.DataFrame | None = None
    steps: tuple[CleaningStep, ...] = ()
    file: str = ""
    hints: tuple[str, ...] = ()
    rules: tuple[object, ...] = ()
    kept: object = None

    def __post_init__(self) -> None:
        """Check the columns that nothing can do without."""
        for column in (Columns.USER, Columns.ITEM):
            if column not in self.log.columns:
                raise InputError("this column is missing", file=self.file or self.name, column=column)
        if self.log.empty:
            lost = ", ".join(f"{step.removed:,} {step.step}" for step in self.steps if step.removed)
            what = f"no interaction is left after cleaning ({lost or 'there was none'})"
            raise InputError(what, file=self.file or self.name, hint="see `graphrec data check`")


@dataclass(frozen=True)
class IdMap:
    """External ids ↔ codes 0..n-1; codes follow the sorted order of the ids."""

    ids: AnyArray

    @classmethod
    def from_values(cls, values: Iterable[Any]) -> IdMap:
        """Collect the distinct ids of a column."""
        return cls(np.unique(np.asarray(values)))

    def __len__(self) -> int:
        """Count the ids."""
        return len(self.ids)

    def codes(self, values: Iterable[Any]) -> IntArray:
        """Find codes of external ids; −1 for an id that is not known."""
        found: IntArray = pd.Index(self.ids).get_indexer(pd.Index(np.asarray(values)))
        return found.astype(np.int64)

    def marked(self, codes: IntArray) -> BoolArray:
        """Mark those of some codes, −1 being none. ``[m]`` to ``[n]``."""
        marks = np.zeros(len(self), dtype=np.bool_)
        marks[codes[codes >= 0]] = True
        return marks


@dataclass(frozen=True)
class Interactions:
    """Rows of a log with contiguous ``user`` and ``item`` codes, validated on construction.

    Args:
        frame: Columns ``user`` and ``item`` (int64 codes) and whatever else the log has.
        users: Codes of the users.
        items: Codes of the items.
        edge_weight: Weight of each pair, in the order of `pairs`; all pairs count alike if missing. ``[E]``.
    """

    frame: pd.DataFrame
    users: IdMap = field(repr=False)
    items: IdMap = field(repr=False)
    edge_weight: Float32Array | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check that every code is inside its map."""
        for column, ids in ((Columns.USER_CODE, self.users), (Columns.ITEM_CODE, self.items)):
            codes = self.frame[column]
            if len(codes) and (codes.min() < 0 or codes.max() >= len(ids)):
                raise ValueError(f"{column} codes must lie in 0..{len(ids) - 1}")

    @classmethod
    def encode(cls, log: pd.DataFrame, users: IdMap, items: IdMap) -> Interactions:
        """Give codes to a log; rows of users or items that the maps do not know are dropped."""
        user, item = users.codes(log[Columns.USER]), items.codes(log[Columns.ITEM])
        frame, known = (
            log.assign(**{Columns.USER_CODE: user, Columns.ITEM_CODE: item}),
            (user >= 0) & (item >= 0),
        )
        return cls((frame if known.all() else frame[known]).reset_index(drop=True), users, items)

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.frame)

    def targets(self) -> Interactions:
        """Take the rows that are of what is to be predicted: itself, unless weights say otherwise."""
        if Columns.TARGET not in self.frame or self.frame[Columns.TARGET].all():
            return self
        return Interactions(self.frame[self.frame[Columns.TARGET]], self.users, self.items)

    def pairs(self) -> IntArray:
        """List distinct (user, item) pairs, sorted. Shape ``[E, 2]``."""
        width = max(len(self.items), 1)
        key = self.frame[Columns.USER_CODE].to_numpy(dtype=np.int64) * width
        key += self.frame[Columns.ITEM_CODE].to_numpy(dtype=np.int64)
        key.sort()  # and not np.unique, whose hash table takes 30 times as long for 16 M pairs
        first = np.ones(len(key), dtype=bool)
        np.not_equal(key[1:], key[:-1], out=first[1:])
        if not first.all():
            key = key[first]
        columns = np.empty((2, len(key)), dtype=np.int64)  # each in one piece: a graph takes them as they are
        np.floor_divide(key, width, out=columns[0])
        np.remainder(key, width, out=columns[1])
        return columns.T

    def sha256(self) -> str:
        """Compute a fingerprint of the distinct pairs in external ids."""
        pairs = self.pairs()
        digest = hashlib.sha256()
        for ids, codes in ((self.users.ids, pairs[:, 0]), (self.items.ids, pairs[:, 1])):
            texts = np.array([str(value) for value in ids.tolist()], dtype=object)
            for start in range(0, len(codes), HASHED_ROWS):
                text = "\n".join(texts[codes[start : start + HASHED_ROWS]])
                digest.update(f"\n{text}".encode() if start else text.encode())
        return digest.hexdigest()

    def weights_sha256(self) -> str | None:
        """Compute a fingerprint of the weights of the edges; nothing where all count alike."""
        return None if self.edge_weight is None else hashlib.sha256(self.edge_weight.tobytes()).hexdigest()

    def rows_sha256(self, columns: Iterable[str]) -> str:
        """Compute a fingerprint of all rows in some columns, in any order; others are passed over."""
        present = [column for column in columns if column in self.frame]
        rows = np.sort(pd.util.hash_pandas_object(self.frame[present], index=False).to_numpy())
        return hashlib.sha256(",".join(present).encode() + rows.tobytes()).hexdigest()


def place_in_file(rows: pd.DataFrame, where: BoolArray, part: str = "file") -> tuple[str | None, int | None]:
    """Find the file and the line of the first row in question, where the source kept them.

    Args:
        rows: A log.
        where: The rows in question. Shape ``[n]``.
        part: Of the split, where it may have a file of its own.
    """
    first = int(np.flatnonzero(where)[0])
    file = rows.attrs.get(part) or rows.attrs.get("file")
    if FILE in rows and pd.notna(own := rows[FILE].iloc[first]):
        file = str(own)
    return file, int(rows[LINE].iloc[first]) if LINE in rows else None
