"""Past offers: who was offered what and when, for cool-downs and caps on how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.data.places.frames import FrameFile
from graphrec.data.tables.kinds import HORIZON, RATE
from graphrec.data.tables.read import TextFormat, read_table
from graphrec.data.week_numbers import check_weeks
from graphrec.errors import InputError, check_at_least
from graphrec.notices import warn

PAST_IS_NOTHING = (
    "past offers change nothing without a cool-down, or a cap over a window of more than the coming week"
)
PAST_HINT = "add --cool_down_weeks, or --max_offers_per_user with --window_weeks of 2 or more"
JSON = (".json", ".jsonl")
NEEDED = (Columns.USER, Columns.ITEM, Columns.WEEK)


@dataclass(frozen=True)
class Frequency:
    """How often a user may be offered something.

    Args:
        max_offers: Offers per user in a window, those of the exposure table included; no cap if missing.
        window_weeks: Length of the window that ends with the coming week, in weeks.
        cool_down_weeks: An item is not offered to a user again within so many weeks.

    Raises:
        InputError: If one is out of its range.
    """

    max_offers: int | None = None
    window_weeks: int = 1
    cool_down_weeks: int = 0

    def __post_init__(self) -> None:
        """Check each."""
        check_at_least(1, window_weeks=self.window_weeks)
        check_at_least(0, cool_down_weeks=self.cool_down_weeks)
        if self.max_offers is not None:
            check_at_least(0, max_offers=self.max_offers)

    @property
    def weeks_back(self) -> int:
        """Weeks before the coming one whose offers still count."""
        window = 0 if self.max_offers is None else self.window_weeks - 1
        return max(window, self.cool_down_weeks)

    def cooling(self, pairs: pd.DataFrame, exposure: pd.DataFrame | None, week: int) -> BoolArray:
        """Find the pairs that were offered too recently.

        Args:
            pairs: ``user_id`` and ``item_id`` of ``P`` pairs.
            exposure: Past offers, as `read_exposure` returns them.
            week: The week that is decided for.

        Returns:
            Shape ``[P]``.
        """
        if exposure is None or not self.cool_down_weeks:
            return np.zeros(len(pairs), dtype=np.bool_)
        recent = _in_force(exposure, week - self.cool_down_weeks, week)
        keys = pd.MultiIndex.from_frame(recent[["user_id", "item_id"]].astype("str"))
        mine = pd.MultiIndex.from_frame(pairs[["user_id", "item_id"]].astype("str"))
        return np.asarray(mine.isin(keys), dtype=np.bool_)

    def quota(self, users: pd.Index, exposure: pd.DataFrame | None, week: int) -> IntArray | None:
        """Count the offers each user may still get, 0 or more; nothing if there is no cap. Shape ``[U]``."""
        if self.max_offers is None:
            return None
        past: IntArray = np.zeros(len(users), dtype=np.int64)
        if exposure is not None:
            recent = _in_force(exposure, week - self.window_weeks + 1, week)
            counts = _one_per_coupon(recent)["user_id"].astype("str").value_counts()
            past = np.asarray(counts.reindex(users.astype("str")).fillna(0), dtype=np.int64)
        return np.asarray(np.maximum(self.max_offers - past, 0), dtype=np.int64)


def read_exposure(
    path: Path, columns: Mapping[str, str | None] | None = None, text: TextFormat | None = None
) -> pd.DataFrame:
    """Read a table of past offers: ``user_id``, ``item_id``, ``week``; rows at rate 0 are no offers.

    An offer counts in each week of its ``horizon``, which is one where it is not told.

    Args:
        path: The table; see `graphrec.data.tables.read.read_table`, also for the other arguments.
        columns: Our name → the file's name.
        text: How to read a text file.

    Raises:
        InputError: If the file is missing, lacks a column, or a value of it is missing or wrong.
    """
    frame = read_table(_rows_of(path), columns, kind="exposure", text=text)
    check_weeks(frame[Columns.WEEK], path)
    given = frame[frame[RATE] > 0] if RATE in frame else frame
    given = given.drop(columns=RATE, errors="ignore")
    weeks = given[HORIZON].fillna(1) if HORIZON in given else 1
    given = given.assign(**{HORIZON: weeks}).astype({Columns.WEEK: "int64", HORIZON: "int64"})
    _check_one_policy(given, path)
    return given


def _rows_of(path: Path) -> Path | FrameFile:
    """Take an offers table that was written as JSON as a frame, and any other file as it is.

    Raises:
        InputError: If a file of that suffix holds no rows.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in JSON or not Path(path).is_file():
        return path
    try:
        rows = pd.read_json(path, lines=suffix == ".jsonl", dtype=False, convert_dates=False)
    except ValueError as error:
        hint = "give the table as `graphrec offers --out` wrote it"
        raise InputError("holds no rows as JSON", file=path, hint=hint) from error
    return FrameFile.of(rows, str(path))


def check_past(exposure: pd.DataFrame, week: int | None, file: Path, frequency: Frequency) -> None:
    """Refuse offers that are not past where a week is decided for, and say if none counts any more.

    Args:
        exposure: As `read_exposure` returns them.
        week: The week that is decided for; missing where it is not known.
        file: Where they came from, for the message.
        frequency: How far back they count.

    Raises:
        InputError: If one is of that week or a later one, or there is no week to count back from. Also where
            only the coming week counts, and none goes on in it.
    """
    if week is None:
        hint = "name the week that is decided for with --week"
        raise InputError(
            "past offers need to know when it is, and the log has no weeks", file=file, hint=hint
        )
    later = exposure[exposure["week"] >= week]
    if len(later):
        last = int(later["week"].max())
        count = f"{len(later):,} offers are" if len(later) > 1 else "an offer is"
        raise InputError(
            f"{count} of week {int(later['week'].min())} or later, and week {week} is decided for",
            file=file,
            column="week",
            hint=f"take them out, or decide for a later week: --week {last + 1}",
        )
    first = week - frequency.weeks_back
    if len(exposure) and first == week and int(_last(exposure).max()) < week:
        raise InputError(PAST_IS_NOTHING, file=file, hint=PAST_HINT)
    if len(exposure) and int(_last(exposure).max()) < first:
        span = f"weeks {int(exposure['week'].min())} to {int(exposure['week'].max())}"
        what = f"all past offers are of {span} and change nothing: only weeks {first} to {week - 1} count"
        warn(what, file=file, column="week", hint="number the weeks as the log does, or look further back")


def _last(exposure: pd.DataFrame) -> pd.Series[Any]:
    """Find the last week of each offer."""
    weeks = exposure.get(HORIZON, 1)
    return exposure["week"] + weeks - 1


def _in_force(exposure: pd.DataFrame, first: int, week: int) -> pd.DataFrame:
    """Take the past offers that were in force in the weeks from `first` to `week`, the one decided for."""
    return exposure[(exposure["week"] < week) & (_last(exposure) >= first)]


def _check_one_policy(given: pd.DataFrame, file: Path) -> None:
    """Refuse a table of several policies, of which at most one was sent."""
    if "policy" not in given:
        return
    several = given.groupby(list(NEEDED))["policy"].nunique()
    if len(several) and several.max() > 1:
        user, item, week = several.index[int(several.to_numpy().argmax())]
        names = ", ".join(sorted(given["policy"].dropna().unique()))
        raise InputError(
            f"user {user} has item {item} in week {week} of several policies ({names})",
            file=file,
            column="policy",
            hint="keep the rows of the policy whose offers were sent",
        )


def _one_per_coupon(offers: pd.DataFrame) -> pd.DataFrame:
    """Count a coupon as one offer, however many of its items the table lists."""
    if not {"promotion", "product_set"} <= set(offers):
        return offers
    coupon = (offers["promotion"] == "coupon") & offers["product_set"].notna()
    again = offers.duplicated(["user_id", "week", "product_set"])
    return offers[~(coupon & again)]
