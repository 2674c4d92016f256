"""What came of offers: the table that was sent, joined with the log of the weeks that it was for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.arrays import IntArray
from graphrec.data.interactions import Columns
from graphrec.data.joins import join
from graphrec.data.tables.kinds import PROPENSITY, RATE
from graphrec.errors import InputError

UNITS, PAID, RETURNED, CAME = "units", "paid", "returned", "came"
"""Units bought less those returned, money paid for them, units returned, whether the user bought anything."""
HORIZON = "horizon"
"""Column of an offers table: weeks that its offers are for; one if missing."""
TOLERANCE = 0.011
"""A price this share above the offered one was still the offered one: tills round."""


@dataclass(frozen=True)
class Joined:
    """Offers with their outcomes.

    Args:
        frame: Rows of the offers table with ``units``, ``paid``, ``returned`` and ``came``.
        weeks: First and last week.
        notes: What did not match, a sentence each.
    """

    frame: pd.DataFrame
    weeks: tuple[int, int]
    notes: tuple[str, ...]


def offered_weeks(offers: pd.DataFrame, file: Path) -> tuple[int, int]:
    """Find the first and last week that a table of offers is for.

    Raises:
        InputError: If it is for no week, or for several, or of several policies.
    """
    weeks, policies = offers[Columns.WEEK].unique(), offers["policy"].unique() if "policy" in offers else [""]
    if len(weeks) > 1 or len(policies) > 1:
        name, found = ("week", weeks) if len(weeks) > 1 else ("policy", policies)
        what = f"holds offers of {len(found)} in the column {name}, and one was sent"
        raise InputError(what, file=file, column=name, hint="keep the rows that were sent")
    horizon = int(offers[HORIZON].iloc[0]) if HORIZON in offers and offers[HORIZON].notna().all() else 1
    if horizon > 1:
        what = f"is for {horizon} weeks, and what is learnt is the answer within one"
        raise InputError(what, file=file, column=HORIZON, hint="decide week by week: --weeks 1")
    return int(weeks[0]), int(weeks[0])


def joined(offers: pd.DataFrame, file: Path, log: pd.DataFrame, log_file: Path) -> Joined:
    """Join offers with a log.

    Args:
        offers: As sent: a row per pair of user and item.
        file: Where they came from, for messages.
        log: Purchases; a quantity below 0 is a return.
        log_file: Where it came from.

    Raises:
        InputError: If the log is of other weeks, holds several kinds of events, or no id of it joins.
    """
    first, last = offered_weeks(offers, file)
    rows, notes = _of_weeks(log, log_file, first, last)
    users = join(rows[Columns.USER], offers[Columns.USER].unique(), file=log_file, column=Columns.USER)
    items = join(rows[Columns.ITEM], offers[Columns.ITEM].unique(), file=log_file, column=Columns.ITEM)
    bought = pd.DataFrame({Columns.USER: users, Columns.ITEM: items, **_amounts(rows, log_file)})
    totals = bought.groupby([Columns.USER, Columns.ITEM], as_index=False).sum()
    frame = offers.merge(totals, "left", [Columns.USER, Columns.ITEM], validate="one_to_one")
    frame = frame.fillna({UNITS: 0.0, RETURNED: 0.0})
    frame[UNITS] = frame[UNITS].clip(lower=0.0)
    frame[PAID] = frame[PAID].where(frame[UNITS] > 0)
    frame[CAME] = frame[Columns.USER].isin(users)
    met = pd.MultiIndex.from_frame(bought[[Columns.USER, Columns.ITEM]]).isin(
        pd.MultiIndex.from_frame(offers[[Columns.USER, Columns.ITEM]])
    )
    notes += _told(frame, bought, np.asarray(met, dtype=np.bool_))
    return Joined(frame, (first, last), tuple(notes))


def _of_weeks(log: pd.DataFrame, file: Path, first: int, last: int) -> tuple[pd.DataFrame, list[str]]:
    """Take the rows of the offered weeks. A log without weeks is of them as a whole."""
    said = f"week {first}" if first == last else f"weeks {first} to {last}"
    if Columns.EVENT in log and len(log[Columns.EVENT].dropna().unique()) > 1:
        events = ", ".join(sorted(log[Columns.EVENT].dropna().unique())[:5])
        hint = "keep the rows of purchases, or `--columns event=` if all are"
        raise InputError(f"holds several events: {events}", file=file, column=Columns.EVENT, hint=hint)
    if Columns.WEEK in log:
        inside = log[Columns.WEEK].between(first, last)
        if not inside.any():
            span = f"{log[Columns.WEEK].min():g} to {log[Columns.WEEK].max():g}"
            what = f"holds weeks {span}, and the offers are for {said}"
            raise InputError(what, file=file, column=Columns.WEEK, hint="give the log of those weeks")
        left = int((~inside).sum())
        return log[inside], [f"{left:,} rows of other weeks than {said} were not looked at"] if left else []
    if Columns.TIMESTAMP in log:
        time = log[Columns.TIMESTAMP]
        days = int((time.max() - time.min()).days)
        if days >= 7 * (last - first + 1):
            what = f"spans {days + 1} days, and the offers are for {said}"
            raise InputError(what, file=file, column=Columns.TIMESTAMP, hint="give the log of those weeks")
    return log, [f"the log has no weeks, so every row of it counts for {said}"]


def _amounts(rows: pd.DataFrame, file: Path) -> dict[str, pd.Series]:
    """Find units, money and returns of each row.

    Raises:
        InputError: If a quantity is missing.
    """
    quantity = rows[Columns.QUANTITY] if Columns.QUANTITY in rows else pd.Series(1.0, rows.index)
    if quantity.isna().any():
        what = f"is missing in {int(quantity.isna().sum()):,} rows"
        raise InputError(what, file=file, column=Columns.QUANTITY, hint="fill it in, or leave the rows out")
    price = rows[Columns.PRICE] if Columns.PRICE in rows else pd.Series(np.nan, rows.index)
    return {UNITS: quantity, PAID: quantity * price, RETURNED: -quantity.clip(upper=0.0)}


def _told(frame: pd.DataFrame, bought: pd.DataFrame, met: np.ndarray) -> list[str]:
    """Say what did not match."""
    offers, taken = frame[RATE] > 0, frame[UNITS] > 0
    notes = [
        f"{int(offers.sum()):,} offers and {int((~offers).sum()):,} pairs without one: "
        f"{int((offers & taken).sum()):,} and {int((~offers & taken).sum()):,} were bought"
    ]
    if lost := int((~met).sum()):
        strangers = int((~bought[Columns.USER].isin(frame[Columns.USER])).sum())
        notes.append(
            f"{lost:,} of {len(met):,} rows of the log are of pairs that nothing was decided for"
            f" ({strangers:,} of other users)"
        )
    if back := int(frame[RETURNED].sum()):
        notes.append(f"{back:,} units of decided pairs came back and count as not sold")
    offered = frame["price"] * (1.0 - frame[RATE]) * frame[UNITS]
    dearer = offers & taken & (frame[PAID] > offered * (1.0 + TOLERANCE))
    if dearer.any():
        notes.append(f"{int(dearer.sum()):,} bought offers were paid above the offered price: not redeemed")
    return notes


def levels_of(frame: pd.DataFrame, column: str, levels: np.ndarray, file: Path) -> IntArray:
    """Find the level that each rate of a column is. Shape ``[n]``.

    Raises:
        InputError: If one is none of them.
    """
    rate = frame[column].to_numpy(dtype=np.float64)
    level = np.abs(rate[:, None] - levels).argmin(axis=1)
    off = np.abs(levels[level] - rate) > 1e-6
    if off.any():
        what = f"{rate[off][0]:g} is none of the levels {', '.join(f'{one:g}' for one in levels)}"
        raise InputError(what, file=file, column=column, hint="feed the table back as it was written")
    return np.asarray(level, dtype=np.int64)


def check_propensities(frame: pd.DataFrame, file: Path) -> None:
    """Refuse propensities that are none.

    Raises:
        InputError: If one is not above 0 and up to 1.
    """
    chance = frame[PROPENSITY]
    if not (chance.gt(0) & chance.le(1)).all():
        what = f"{chance[~(chance.gt(0) & chance.le(1))].iloc[0]:g} is no propensity"
        hint = "feed the table back as it was written"
        raise InputError(what, file=file, column=PROPENSITY, hint=hint)
