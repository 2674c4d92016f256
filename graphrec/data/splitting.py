"""What every split of a log shares: its three parts, in the codes of the training part.

The catalogue is what the training part knows: users and items that appear only later are dropped from
validation and test, visibly (`Split.dropped`), or refused where a split was given by the user.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import IntArray
from graphrec.data.interactions import Columns, IdMap, Interactions, place_in_file
from graphrec.data.weights.edges import EdgeWeights
from graphrec.errors import InputError, check_at_least

PARTS = ("train", "valid", "test")
NO_PART = "rows after the end of the test part"
TOO_FEW = "train: users or items with too few rows"
NO_WEIGHT = "train: rows of weight 0"
ASKED = (NO_PART, TOO_FEW, NO_WEIGHT, "valid: rows of other events", "test: rows of other events")
"""Rows that an option of the split leaves out; what else is dropped is a loss."""


def is_time(log: pd.DataFrame, column: str) -> bool:
    """Tell whether a log has a column whose differences are weeks: numbers of weeks, or dates."""
    return column in log and (
        column == Columns.WEEK or pd.api.types.is_datetime64_any_dtype(log[Columns.TIMESTAMP])
    )


@dataclass(frozen=True)
class Span:
    """A period of time that begins where the training part ends.

    Args:
        column: Of the times: ``week`` or ``timestamp``.
        after: Last week or moment of training.
        until: Last week or moment of the period.
    """

    column: str
    after: Any
    until: Any

    @property
    def weeks(self) -> float:
        """How many weeks it lasts; a part of one as well."""
        length = self.until - self.after
        return float(length) if self.column == Columns.WEEK else float(length / pd.Timedelta(weeks=1))

    def week_of(self, frame: pd.DataFrame) -> IntArray:
        """Count the whole weeks of it that lie before each row. Shape ``[rows]``."""
        if self.column == Columns.WEEK:
            return np.asarray(frame[Columns.WEEK] - self.after - 1, dtype=np.int64)
        return np.asarray((frame[Columns.TIMESTAMP] - self.after) // pd.Timedelta(weeks=1), dtype=np.int64)

    def __str__(self) -> str:
        """Name its first and last week, or its days."""
        if self.column == Columns.WEEK:
            first, last = int(self.after) + 1, int(self.until)
            return f"week {last}" if first == last else f"weeks {first} to {last}"
        return f"{self.after + pd.Timedelta(microseconds=1):%Y-%m-%d} to {self.until:%Y-%m-%d}"


@dataclass(frozen=True)
class Split:
    """The three parts, all in the codes of the training part.

    Args:
        train: What models may see.
        val: What choices are made on; empty after a refit on train and validation.
        test: What is read once.
        dropped: Rows that were left out, by reason.
        cold: Distinct pairs that validation and test lost because training does not know their item.
        val_span: The time of the validation part; missing where it is no period behind training.
    """

    train: Interactions
    val: Interactions
    test: Interactions
    dropped: dict[str, int]
    cold: dict[str, int] = field(default_factory=dict)
    val_span: Span | None = None

    @property
    def users(self) -> IdMap:
        """Users of the training part."""
        return self.train.users

    @property
    def items(self) -> IdMap:
        """The catalogue."""
        return self.train.items

    def sha256(self) -> str:
        """Compute a fingerprint of the split: the same pairs in the same parts give the same value."""
        parts = "".join(part.sha256() for part in (self.train, self.val, self.test))
        return hashlib.sha256(parts.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Splitter(ABC):
    """How a log is cut in three; `parts` says which row goes where, `__call__` does the rest.

    Args:
        min_item_users: Items with fewer distinct buyers in the training part leave the catalogue.
        min_user_items: Users with fewer distinct items in the training part are left out.
        drop_cold_items: Leave out later rows of items the training part does not know; if false they are
            an error.
        drop_cold_users: The same for users.
        whole_catalogue: Know every user and item of the log, also those without a training edge; for splits
            whose papers rank the whole catalogue.
    """

    min_item_users: int = 1
    min_user_items: int = 1
    drop_cold_items: bool = True
    drop_cold_users: bool = True
    whole_catalogue: bool = False

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_at_least(0, min_item_users=self.min_item_users, min_user_items=self.min_user_items)

    @abstractmethod
    def parts(self, log: pd.DataFrame, seed: int) -> pd.Series[Any]:
        """Name the part of each row: 'train', 'valid', 'test', or missing for a row that is not used."""

    def order(self, log: pd.DataFrame) -> str:
        """Say what the rows are cut by: a column or the order of the file; nothing for a split without."""
        return ""

    def val_span(self, log: pd.DataFrame, part: pd.Series[Any]) -> Span | None:
        """Find the time of the validation part; None where it is no period behind training.

        Args:
            log: Frame with `Columns`.
            part: Part of each row.
        """
        return None

    def check(self, log: pd.DataFrame) -> None:
        """Raise `InputError` if the log was cut already, for its test rows would be trained on."""
        if Columns.PART in log:
            raise InputError(
                f"the log names its parts (a column part, or test_path), and the split {type(self).__name__}"
                " would train on test rows",
                file=log.attrs.get("file"),
                column="split",
                hint="choose the split Given, or leave the parts out",
            )

    def __call__(
        self, log: pd.DataFrame, seed: int = 0, refit: bool = False, weights: EdgeWeights | None = None
    ) -> Split:
        """Split a log.

        Args:
            log: Frame with `Columns`.
            seed: Seed of a random split.
            refit: Train on train and validation together; validation is then empty.
            weights: Of the edges of the training part, which its rows alone decide; all count alike if
                missing.

        Raises:
            InputError: If the training part is empty, cold rows are refused, the log was cut already, or a
                row cannot be weighed.
        """
        check_at_least(0, seed=seed)
        self.check(log)
        log = log if weights is None else weights.marked(log)
        part = self.parts(log, seed)
        if refit:
            part = part.replace({"valid": "train"})
        rows, weightless = _weighed(log[part == "train"], weights)
        train = self._train(rows)
        known = log[part.notna()] if self.whole_catalogue else train
        users, items = IdMap.from_values(known[Columns.USER]), IdMap.from_values(known[Columns.ITEM])
        dropped = {**weightless, TOO_FEW: len(rows) - len(train), NO_PART: int(part.isna().sum())}
        later = {}
        for name in PARTS[1:]:
            later[name], others = _targets(name, log[part == name])
            dropped |= others | self._cold(name, later[name], users, items)
        valid, test = (Interactions.encode(later[name], users, items) for name in ("valid", "test"))
        cold = {name: _pairs(rows[items.codes(rows[Columns.ITEM]) < 0]) for name, rows in later.items()}
        encoded = Interactions.encode(train, users, items)
        if weights is not None:
            encoded = replace(encoded, edge_weight=weights.of_edges(encoded))
        span = self.val_span(log, part) if len(valid) else None
        return Split(encoded, valid, test, dropped, cold, span)

    def _train(self, train: pd.DataFrame) -> pd.DataFrame:
        if self.min_item_users > 1:
            buyers = train.groupby(Columns.ITEM)[Columns.USER].nunique()
            train = train[train[Columns.ITEM].isin(buyers.index[buyers >= self.min_item_users])]
        if self.min_user_items > 1:
            bought = train.groupby(Columns.USER)[Columns.ITEM].nunique()
            train = train[train[Columns.USER].isin(bought.index[bought >= self.min_user_items])]
        if train.empty:
            raise InputError(
                "the training part of the split is empty",
                column=type(self).__name__,
                hint="check the split's bounds and min_item_users against `graphrec data describe`",
            )
        return train

    def _cold(self, name: str, rows: pd.DataFrame, users: IdMap, items: IdMap) -> dict[str, int]:
        cold_item = items.codes(rows[Columns.ITEM]) < 0
        cold_user = users.codes(rows[Columns.USER]) < 0
        for column, cold, allowed, key in (
            (Columns.ITEM, cold_item, self.drop_cold_items, "drop_cold_items"),
            (Columns.USER, cold_user, self.drop_cold_users, "drop_cold_users"),
        ):
            if cold.any() and not allowed:
                first = rows[column].to_numpy()[cold][0]
                pairs = _pairs(rows[cold])
                file, row = place_in_file(rows, cold, name)
                raise InputError(
                    f"the training part does not know the {column} of {int(cold.sum())} rows of the {name}"
                    f" part, the first is {first}",
                    file=file,
                    row=row,
                    column=column,
                    hint=f"set whole_catalogue: true to keep them; {key}: true would leave out {pairs:,}"
                    f" {name} pairs, and figures are then not comparable with others'",
                )
        return {
            f"{name}: items unknown in train": int(cold_item.sum()),
            f"{name}: users unknown in train": int((cold_user & ~cold_item).sum()),
        }


def _weighed(train: pd.DataFrame, weights: EdgeWeights | None) -> tuple[pd.DataFrame, dict[str, int]]:
    """Weigh the rows of the training part, and leave out those of weight 0."""
    if weights is None:
        return train, {}
    train = weights.weighed(train)
    kept = train[train[Columns.WEIGHT] > 0]
    return kept, {NO_WEIGHT: len(train) - len(kept)}


def _targets(name: str, rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Keep the rows of a later part that are of what is to be predicted."""
    if Columns.TARGET not in rows:
        return rows, {}
    kept = rows[rows[Columns.TARGET]]
    return kept, {f"{name}: rows of other events": len(rows) - len(kept)}


def _pairs(rows: pd.DataFrame) -> int:
    """Count the distinct pairs of user and item."""
    return int((~rows.duplicated([Columns.USER, Columns.ITEM])).sum())
