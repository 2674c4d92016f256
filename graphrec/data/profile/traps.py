"""What may mislead a model or its test: newcomers, ids that tell the time, cut visits, rows on both sides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from graphrec.arrays import AnyArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.data.profile.calendar import has_hours
from graphrec.data.profile.coded import CodedLog
from graphrec.data.purchases import shared_rows
from graphrec.data.splitting import Splitter
from graphrec.errors import InputError

NEWEST = 0.15
"""Share of the span of time that counts as the newest: about what a test by time takes."""
TOLD = 0.05
"""Share of rows from which something is told."""
FOLLOWS = 0.9
"""Rank correlation from which one thing follows another."""
_FEWEST = 20
"""Values that a correlation needs."""
_HEAVY = 0.1


@dataclass(frozen=True)
class Trap:
    """Something to look at before training.

    Args:
        kind: ``leakage`` if a model could know what it is to predict, ``caution`` for the rest.
        what: What was found, in a few words.
        evidence: The numbers.
        advice: What to do.
    """

    kind: Literal["leakage", "caution"]
    what: str
    evidence: str
    advice: str

    @property
    def line(self) -> str:
        """All of it in one line."""
        return f"{self.kind}: {self.what}: {self.evidence}; {self.advice}"


def traps_of(log: CodedLog, part: pd.Series[str] | None) -> list[Trap]:
    """Find the traps of a log.

    Args:
        log: The log.
        part: The part of each row under the split that suits; None where it cannot be cut.
    """
    return [
        *_both_sides(log, part),
        *_cut_visits(log, part),
        *_newcomers(log),
        *_telling_ids(log),
        *_heavy(log),
        *_times(log),
    ]


def parts_of(log: CodedLog, splitter: Splitter) -> pd.Series[str] | None:
    """Cut a log by a split; None where it cannot be cut."""
    try:
        return splitter.parts(log.frame, 0)
    except InputError:
        return None


def _both_sides(log: CodedLog, part: pd.Series[str] | None) -> Iterator[Trap]:
    """Find rows of later parts that equal one of training."""
    if part is None:
        return
    for line in shared_rows(log.frame.assign(**{Columns.PART: part})):
        what, _, advice = line.partition(";")
        yield Trap("leakage", "rows on both sides of the split", what, advice.strip())


def _cut_visits(log: CodedLog, part: pd.Series[str] | None) -> Iterator[Trap]:
    """Count visits with rows in training and rows that are held out."""
    frame = log.frame
    name = Columns.BASKET if Columns.BASKET in frame else Columns.TIMESTAMP
    if part is None or name not in frame or Columns.PART in frame:
        return
    visit = frame.groupby([log.user, frame[name].to_numpy()], sort=False, dropna=True).ngroup().to_numpy()
    known = visit >= 0
    trained = np.unique(visit[known & (part == "train").to_numpy()])
    held = np.unique(visit[known & part.isin(["valid", "test"]).to_numpy()])
    both = len(np.intersect1d(trained, held, assume_unique=True))
    if len(held) and both / len(held) > TOLD:
        word = "baskets" if name == Columns.BASKET else "moments of one user"
        yield Trap(
            "leakage",
            "visits cut in two by the split",
            f"{both:,} of {len(held):,} {word} that are held out have rows in training, too",
            "what lay in the same basket tells the rest; a split by time (Temporal) keeps visits whole",
        )


def _newcomers(log: CodedLog) -> Iterator[Trap]:
    """Count rows of the newest weeks whose user or item was not there before."""
    if log.time is None:
        return
    time = log.time
    start = time.min() + (time.max() - time.min()) * (1 - NEWEST)
    newest = (time > start).to_numpy()
    if not newest.any() or newest.all():
        return
    for word, codes, count in (
        ("users", log.user, len(log.user_ids)),
        ("items", log.item, len(log.item_ids)),
    ):
        new = log.first_of(codes, count) > pd.Series([start]).to_numpy()
        rows, all_rows = int(new[codes[newest]].sum()), int(newest.sum())
        if rows / all_rows > TOLD:
            yield Trap(
                "caution",
                f"{word} only in the newest weeks",
                f"{int(new.sum()):,} of {count:,} {word} were not there before the newest {NEWEST:.0%} of the"
                f" time, and have {rows:,} of its {all_rows:,} rows",
                f"a cut by time does not know these {word}: their rows are left out of the test, and counted",
            )


def _telling_ids(log: CodedLog) -> Iterator[Trap]:
    """Find ids whose numbers rise with the time of their first row."""
    if log.time is None:
        return
    for word, codes, ids in (("user", log.user, log.user_ids), ("item", log.item, log.item_ids)):
        numbers = numbers_in(ids)
        if numbers is None:
            continue
        first = pd.Series(log.first_of(codes, len(ids))).rank().to_numpy()
        follows = correlation(numbers, first)
        if abs(follows) >= FOLLOWS:
            yield Trap(
                "leakage",
                f"{word} ids tell the time",
                f"the numbers in them follow the first row of each {word} (rank correlation {follows:.2f})",
                f"take the id for a name alone: as a number it would tell a model how new the {word} is",
            )


def numbers_in(ids: AnyArray) -> AnyArray | None:
    """Read the last number in each id; None unless nearly all have one, and enough differ."""
    found = [re.search(r"(\d{1,15})\D*$", str(one)) for one in ids.tolist()]
    known = np.array([np.nan if one is None else float(one[1]) for one in found])
    have = np.isfinite(known)
    if have.mean() < 1 - TOLD or len(np.unique(known[have])) < max(_FEWEST, have.sum() / 2):
        return None
    return known


def correlation(one: AnyArray, other: AnyArray) -> float:
    """Compute the rank correlation of two columns, over rows in which both are known; 0 where none is."""
    both = np.isfinite(one) & np.isfinite(other)
    if both.sum() < _FEWEST:
        return 0.0
    first, second = (pd.Series(values[both]).rank().to_numpy() for values in (one, other))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _heavy(log: CodedLog) -> Iterator[Trap]:
    """Find a user that no person can be, and an import that is no day of sales."""
    rows = np.bincount(log.user)
    if len(rows) > 1 and rows.max() > _HEAVY * len(log) and rows.max() > 10 * np.median(rows):
        yield Trap(
            "caution",
            "one user has a tenth of all rows",
            f"{str(log.user_ids[rows.argmax()])!r} has {int(rows.max()):,} of {len(log):,}",
            "if it is a till or the guests, give the id to Guests under cleaning",
        )
    if Columns.TIMESTAMP in log.frame:
        days = log.frame[Columns.TIMESTAMP].dt.normalize().value_counts()
        if len(days) > 2 * _FEWEST and days.iloc[0] > _HEAVY * len(log):
            yield Trap(
                "caution",
                "one day has a tenth of all rows",
                f"{days.index[0]:%Y-%m-%d} has {int(days.iloc[0]):,} of {len(log):,}",
                "if that is the day of an import, these rows have no time: leave timestamp out, or the rows",
            )


def _times(log: CodedLog) -> Iterator[Trap]:
    if Columns.TIMESTAMP in log.frame and not has_hours(log):
        yield Trap(
            "caution",
            "times are days",
            "every time is midnight",
            "within a day the order of the file decides what LeaveLast holds out",
        )


def equal_share(one: IntArray | AnyArray, other: AnyArray) -> float:
    """Compute the share of known values that are equal."""
    both = np.isfinite(one) & np.isfinite(other)
    return float(np.isclose(one[both], other[both]).mean()) if both.any() else 0.0
