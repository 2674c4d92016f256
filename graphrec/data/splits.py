"""Train, validation and test parts of a log: pure functions of the log, the arguments and the seed.

The catalogue is what the training part knows: users and items that appear only later are dropped from
validation and test, visibly (`Split.dropped`), or refused where a split was given by the user.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.data.interactions import Columns, IdMap, Interactions
from graphrec.errors import InputError

PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Split:
    """The three parts, all in the codes of the training part.

    Args:
        train: What models may see.
        val: What choices are made on; empty after a refit on train and validation.
        test: What is read once.
        dropped: Rows of validation and test that were left out, by reason.
    """

    train: Interactions
    val: Interactions
    test: Interactions
    dropped: dict[str, int]

    @property
    def users(self) -> IdMap:
        """Users of the training part."""
        return self.train.users

    @property
    def items(self) -> IdMap:
        """The catalogue."""
        return self.train.items

    def sha256(self) -> str:
        """Fingerprint of the split: the same pairs in the same parts give the same value."""
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

    @abstractmethod
    def parts(self, log: pd.DataFrame, seed: int) -> pd.Series[Any]:
        """Name the part of each row: 'train', 'valid', 'test', or missing for a row that is not used."""

    def __call__(self, log: pd.DataFrame, seed: int = 0, refit: bool = False) -> Split:
        """Split a log.

        Args:
            log: Frame with `Columns`.
            seed: Seed of a random split.
            refit: Train on train and validation together; validation is then empty.

        Raises:
            InputError: If the training part is empty, or cold rows are refused.
        """
        part = self.parts(log, seed)
        if refit:
            part = part.replace({"valid": "train"})
        train = self._train(log[part == "train"])
        known = log[part.notna()] if self.whole_catalogue else train
        users, items = IdMap.from_values(known[Columns.USER]), IdMap.from_values(known[Columns.ITEM])
        later = {name: log[part == name] for name in ("valid", "test")}
        dropped = {"train: users or items with too few rows": int((part == "train").sum()) - len(train)}
        for name, rows in later.items():
            dropped |= self._cold(name, rows, users, items)
        valid, test = (Interactions.encode(later[name], users, items) for name in ("valid", "test"))
        return Split(Interactions.encode(train, users, items), valid, test, dropped)

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
                mend="check the split's bounds and min_item_users against `graphrec data describe`",
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
                raise InputError(
                    f"the training part does not know the {column} of {int(cold.sum())} rows of the {name}"
                    f" part, the first is {first}",
                    file=rows.attrs.get(name) or rows.attrs.get("file"),
                    row=_line_of(rows, cold),
                    column=column,
                    mend=f"remove these rows or set {key}: true to leave them out",
                )
        return {
            f"{name}: items unknown in train": int(cold_item.sum()),
            f"{name}: users unknown in train": int((cold_user & ~cold_item).sum()),
        }


def _line_of(rows: pd.DataFrame, where: np.ndarray[Any, Any]) -> int | None:
    """Line in the source file of the first row in question, where the source kept it."""
    return int(rows["line"].to_numpy()[where][0]) if "line" in rows else None


@dataclass(frozen=True)
class Temporal(Splitter):
    """Cut by time: train up to and including `train_end`, then validation, then test; later rows unused.

    Args:
        train_end: Last week (or ISO date, with ``column: timestamp``) of the training part.
        val_end: Last week or date of validation.
        test_end: Last week or date of test; the end of the log if missing.
        column: ``week`` or ``timestamp``.
    """

    train_end: int | str = 40
    val_end: int | str = 44
    test_end: int | str | None = None
    column: str = Columns.WEEK

    def parts(self, log: pd.DataFrame, seed: int) -> pd.Series[Any]:
        """See base class."""
        if self.column not in log:
            raise InputError(
                "a temporal split needs this column",
                file=log.attrs.get("file"),
                column=self.column,
                mend="map a week or timestamp column, or choose the splits LeaveLast, Random or Given",
            )
        time = log[self.column]
        dated = pd.api.types.is_datetime64_any_dtype(time)
        ends = {"train": "train_end", "valid": "val_end", "test": "test_end"}
        part = pd.Series(pd.NA, index=log.index, dtype="str")
        for name, key in reversed(ends.items()):
            end = getattr(self, key)
            part[time <= (time.max() if end is None else _bound(end, key, dated))] = name
        return part


def _bound(end: int | str, key: str, dated: bool) -> Any:
    """The last moment of a week or date; a date without a time of day means that whole day."""
    try:
        if not dated:
            return int(end)
        moment = dt.datetime.fromisoformat(str(end))
    except ValueError as error:
        kind = "an ISO date such as 2024-03-31" if dated else "the number of a week"
        raise InputError(f"{end!r} does not fit the column", column=key, mend=f"give {kind}") from error
    rest = dt.timedelta(0) if ":" in str(end) else dt.timedelta(days=1, microseconds=-1)
    return pd.Timestamp(moment + rest)


@dataclass(frozen=True)
class LeaveLast(Splitter):
    """The last items of each user, by time or by the order of the file, go to test and validation.

    Users with too few distinct rows keep at least one row in train.

    Args:
        num_val: Rows per user for validation.
        num_test: Rows per user for test.
    """

    num_val: int = 1
    num_test: int = 1

    def parts(self, log: pd.DataFrame, seed: int) -> pd.Series[Any]:
        """See base class."""
        time = next((column for column in (Columns.TIMESTAMP, Columns.WEEK) if column in log), None)
        ordered = log.sort_values(time, kind="stable") if time else log
        from_end = ordered.groupby(Columns.USER).cumcount(ascending=False).reindex(log.index)
        size = log.groupby(Columns.USER)[Columns.ITEM].transform("size")
        part = pd.Series("train", index=log.index, dtype="str")
        enough = size > self.num_val + self.num_test
        part[enough & (from_end < self.num_val + self.num_test)] = "valid"
        part[enough & (from_end < self.num_test)] = "test"
        return part


@dataclass(frozen=True)
class Random(Splitter):
    """Each distinct pair of user and item goes to one part at random; the seed decides.

    Args:
        val_fraction: Share of the pairs for validation.
        test_fraction: Share of the pairs for test.
    """

    val_fraction: float = 0.1
    test_fraction: float = 0.2

    def parts(self, log: pd.DataFrame, seed: int) -> pd.Series[Any]:
        """See base class."""
        pair = log.groupby([Columns.USER, Columns.ITEM], sort=True).ngroup().to_numpy()
        draw = np.random.default_rng(seed).random(int(pair.max()) + 1)[pair]
        part = pd.Series("train", index=log.index, dtype="str")
        part[draw < self.test_fraction + self.val_fraction] = "valid"
        part[draw < self.test_fraction] = "test"
        return part


@dataclass(frozen=True)
class Given(Splitter):
    """The log says it itself, in a column ``part`` with 'train', 'valid' or 'test'.

    Args:
        val_fraction: Where the log has no 'valid' part, this share of the training pairs, at random.
        drop_cold_items: A given test set with unknown items is more often a mistake than a wish: an error
            unless this is true.
        drop_cold_users: The same for users.
    """

    val_fraction: float = 0.1
    drop_cold_items: bool = False
    drop_cold_users: bool = False

    def parts(self, log: pd.DataFrame, seed: int) -> pd.Series[Any]:
        """See base class."""
        if Columns.PART not in log:
            raise InputError(
                "the split is 'Given' but the log does not name its parts",
                file=log.attrs.get("file"),
                column=Columns.PART,
                mend="give test_path to the source or map a column with the values train, valid and test",
            )
        part = log[Columns.PART].astype("str")
        unknown = ~part.isin(PARTS)
        if unknown.any():
            raise InputError(
                f"{part[unknown].iloc[0]!r} is not one of {', '.join(PARTS)}",
                file=log.attrs.get("file"),
                row=_line_of(log, unknown.to_numpy()),
                column=Columns.PART,
            )
        if not (part == "valid").any() and self.val_fraction > 0:
            train = (part == "train").to_numpy()
            drawn = Random(val_fraction=self.val_fraction, test_fraction=0.0).parts(log[train], seed)
            part.loc[train] = drawn.to_numpy()
        return part
