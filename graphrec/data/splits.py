"""How a log is cut into train, validation and test: pure functions of the log, the arguments and the seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.data.interactions import Columns, place_in_file
from graphrec.data.splitting import PARTS, Span, Split, Splitter, is_time
from graphrec.data.time_bounds import bounds
from graphrec.errors import InputError, check_at_least

__all__ = ["PARTS", "Given", "LeaveLast", "Random", "Split", "Splitter", "Temporal"]


@dataclass(frozen=True)
class Temporal(Splitter):
    """Cut by time: train up to and including `train_end`, then validation, then test; later rows unused.

    Args:
        train_end: Last week of the training part; with ``column: timestamp`` a date, which is meant to its
            end, or a moment (``2024-03-31T18``, with an offset such as ``+02:00`` if it is not UTC).
        val_end: Last week, date or moment of validation; `train_end` again for no validation part.
        test_end: Last week, date or moment of test; the end of the log if missing.
        column: ``week`` or ``timestamp``.
    """

    train_end: int | str = 40
    val_end: int | str = 44
    test_end: int | str | None = None
    column: str = Columns.WEEK

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        if self.column not in (Columns.TIMESTAMP, Columns.WEEK):
            hint = f"give {Columns.WEEK} or {Columns.TIMESTAMP}"
            raise InputError(f"{self.column!r} is no column of times", column="column", hint=hint)

    def order(self, log: pd.DataFrame) -> str:
        """See base class."""
        return self.column

    def parts(self, log: pd.DataFrame, seed: int) -> pd.Series[Any]:
        """See base class.

        Raises:
            InputError: If the log has no such column, or a bound is no time, lies beyond the log or before
                the bound that it follows.
        """
        if self.column not in log:
            raise InputError(
                "a temporal split needs this column",
                file=log.attrs.get("file"),
                column=self.column,
                hint="map a week or timestamp column, or choose the splits LeaveLast, Random or Given",
            )
        time = log[self.column]
        given = {"train": self.train_end, "valid": self.val_end, "test": self.test_end}
        ends = bounds(given, time, log.attrs.get("file"))
        part = pd.Series(pd.NA, index=log.index, dtype="str")
        for name, end in reversed(ends.items()):
            part[time <= end] = name
        return part

    def val_span(self, log: pd.DataFrame, part: pd.Series[Any]) -> Span | None:
        """See base class."""
        if not is_time(log, self.column):
            return None
        given = {"train": self.train_end, "valid": self.val_end, "test": self.test_end}
        ends = bounds(given, log[self.column], log.attrs.get("file"))
        return Span(self.column, ends["train"], ends["valid"])


@dataclass(frozen=True)
class LeaveLast(Splitter):
    """The last items of each user, by time or by the order of the file, go to test and validation.

    Users with too few distinct rows keep at least one row in train. Where weights tell events apart, rows are
    those of what is predicted; what a user did after the first of them that is held out is not trained on.

    Args:
        num_val: Rows per user for validation.
        num_test: Rows per user for test.
    """

    num_val: int = 1
    num_test: int = 1

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        check_at_least(0, num_val=self.num_val, num_test=self.num_test)

    def order(self, log: pd.DataFrame) -> str:
        """See base class."""
        if time := _varying(log):
            return time
        same = f", for every row has the same {known}" if (known := _time(log)) else ""
        return f"the order of the file{same}"

    def parts(self, log: pd.DataFrame, seed: int) -> pd.Series[Any]:
        """See base class."""
        time = _varying(log)
        ordered = log.sort_values(time, kind="stable") if time else log
        counts = _counted(ordered)
        by_user = counts.groupby(ordered[Columns.USER])
        size = by_user.transform("sum").reindex(log.index)
        from_end = size - by_user.cumsum().reindex(log.index)
        part = pd.Series("train", index=log.index, dtype="str")
        enough = size > self.num_val + self.num_test
        part[enough & (from_end < self.num_val + self.num_test)] = "valid"
        part[enough & (from_end < self.num_test)] = "test"
        return part


def _counted(log: pd.DataFrame) -> pd.Series[Any]:
    """Mark with 1 the rows that are of what is to be predicted; what follows one of them stays with it."""
    if Columns.TARGET not in log:
        return pd.Series(1, index=log.index)
    return log[Columns.TARGET].astype("int64")


def _varying(log: pd.DataFrame) -> str | None:
    """Find a column of times that tells rows apart."""
    times = (column for column in (Columns.TIMESTAMP, Columns.WEEK) if column in log)
    return next((column for column in times if log[column].min() < log[column].max()), None)


def _time(log: pd.DataFrame) -> str | None:
    return next((column for column in (Columns.TIMESTAMP, Columns.WEEK) if column in log), None)


@dataclass(frozen=True)
class Random(Splitter):
    """Each distinct pair of user and item goes to one part at random; the seed decides.

    Args:
        val_fraction: Share of the pairs for validation.
        test_fraction: Share of the pairs for test.
    """

    val_fraction: float = 0.1
    test_fraction: float = 0.2

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        _check_shares(val_fraction=self.val_fraction, test_fraction=self.test_fraction)

    def parts(self, log: pd.DataFrame, seed: int) -> pd.Series[Any]:
        """See base class."""
        pair = log.groupby([Columns.USER, Columns.ITEM], sort=True).ngroup().to_numpy()
        draw = np.random.default_rng(seed).random(int(pair.max(initial=-1)) + 1)[pair]
        part = pd.Series("train", index=log.index, dtype="str")
        part[draw < self.test_fraction + self.val_fraction] = "valid"
        part[draw < self.test_fraction] = "test"
        return part


def _check_shares(**shares: float) -> None:
    """Raise `InputError` unless each share lies in 0..1 and something is left to train on."""
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise InputError(f"{share} is no share", column=name, hint="give 0 or more and less than 1")
    if not sum(shares.values()) < 1:
        what = f"{' and '.join(shares)} add up to {sum(shares.values()):g}, which leaves nothing to train on"
        raise InputError(what, column=next(iter(shares)), hint="give shares that add up to less than 1")


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

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        _check_shares(val_fraction=self.val_fraction)

    def check(self, log: pd.DataFrame) -> None:
        """Accept a log that was cut already, which is what this split is for."""

    def parts(self, log: pd.DataFrame, seed: int) -> pd.Series[Any]:
        """See base class."""
        if Columns.PART not in log:
            raise InputError(
                "the split is 'Given' but the log does not name its parts",
                file=log.attrs.get("file"),
                column=Columns.PART,
                hint="give test_path to the source or map a column with the values train, valid and test",
            )
        part = log[Columns.PART].astype("str")
        unknown = ~part.isin(PARTS)
        if unknown.any():
            what = f"{part[unknown].iloc[0]!r} is not one of {', '.join(PARTS)}"
            file, row = place_in_file(log, unknown.to_numpy())
            raise InputError(what, file=file, row=row, column=Columns.PART)
        if not (part == "valid").any() and self.val_fraction > 0:
            train = (part == "train").to_numpy()
            drawn = Random(val_fraction=self.val_fraction, test_fraction=0.0).parts(log[train], seed)
            part.loc[train] = drawn.to_numpy()
        return part

    def val_span(self, log: pd.DataFrame, part: pd.Series[Any]) -> Span | None:
        """See base class; told by the rows, whose validation may lie behind training or beside it."""
        for column in (one for one in (Columns.WEEK, Columns.TIMESTAMP) if is_time(log, one)):
            train, valid = (log.loc[part == name, column] for name in ("train", "valid"))
            if train.max() < valid.min():
                return Span(column, train.max(), valid.max())
        return None
