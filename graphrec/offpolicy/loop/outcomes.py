"""What came of offers: the table that was sent, joined with the log of the weeks that it was for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.data.joins import join
from graphrec.data.tables.kinds import PROPENSITY, RATE
from graphrec.errors import InputError

UNITS, PAID, RETURNED, CAME = "units", "paid", "returned", "came"
"""Units bought less those returned, money paid for them, units returned, whether the user bought anything."""
BOUGHT_WEEKS = "bought_weeks"
"""In how many of the weeks a pair was bought, where the offers are for several."""
HORIZON = "horizon"
"""Column of an offers table: weeks that its offers are for; one if missing."""
_LEAST = float(np.nextafter(0.0, 1.0))
RANGES = {
    PROPENSITY: (_LEAST, 1.0),
    "price": (_LEAST, np.inf),
    "probability": (0.0, 1.0),
    "probability_at_rate": (0.0, 1.0),
    "highest_rate": (0.0, np.inf),
    "margin": (-np.inf, 1.0),
    "funded_share": (0.0, 1.0),
    "worth": (-np.inf, np.inf),
    "affinity": (-np.inf, np.inf),
    "base_logit": (-np.inf, np.inf),
    "slope": (0.0, np.inf),
    "hazard_weeks": (_LEAST, np.inf),
}
"""What numbers of an offers table lie between; all are finite, but the highest rate of no limit."""
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
    return int(weeks[0]), int(weeks[0]) + horizon_of(offers) - 1


def horizon_of(offers: pd.DataFrame) -> int:
    """Find for how many weeks offers are; one where they do not say."""
    known = HORIZON in offers and len(offers) and offers[HORIZON].notna().all()
    return int(offers[HORIZON].iloc[0]) if known else 1


def joined(offers: pd.DataFrame, file: Path, log: pd.DataFrame, log_file: Path) -> Joined:
    """Join offers with a log.

    Args:
        offers: As sent: a row per pair of user and item.
        file: Where they came from, for messages.
        log: Purchases; a quantity below 0 is a return.
        log_file: Where it came from.

    Raises:
        InputError: If the log is of other weeks or ends before the last one, holds several kinds of events,
            or no id of it joins.
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
    if last > first:
        frame[BOUGHT_WEEKS] = _bought_weeks(frame, bought.assign(**{Columns.WEEK: rows[Columns.WEEK]}))
    frame[PAID] = frame[PAID].where(frame[UNITS] > 0)
    frame[CAME] = frame[Columns.USER].isin(users)
    met = pd.MultiIndex.from_frame(bought[[Columns.USER, Columns.ITEM]]).isin(
        pd.MultiIndex.from_frame(offers[[Columns.USER, Columns.ITEM]])
    )
    notes += _told(frame, bought, np.asarray(met, dtype=np.bool_))
    return Joined(frame, (first, last), tuple(notes))


def _bought_weeks(frame: pd.DataFrame, bought: pd.DataFrame) -> FloatArray:
    """Count the weeks in which each pair was bought; what came back in another week counts as not sold.

    Args:
        frame: Pairs with ``units``.
        bought: Rows of the log: ids, ``week`` and ``units``.
    """
    pair = [Columns.USER, Columns.ITEM]
    weekly = bought.groupby([*pair, Columns.WEEK])[UNITS].sum()
    weeks = (weekly > 0).groupby(level=pair).sum()
    counted = weeks.reindex(pd.MultiIndex.from_frame(frame[pair])).fillna(0).to_numpy(np.float64)
    return np.asarray(np.minimum(counted, np.ceil(frame[UNITS].to_numpy(np.float64))), dtype=np.float64)


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
        notes = [f"{left:,} rows of other weeks than {said} were not looked at"] if left else []
        return log[inside], notes + _whole(log, file, first, last)
    if last > first:
        what = f"has no weeks, and the offers are for {said}"
        hint = "name the column that numbers them, as --columns week=kw"
        raise InputError(what, file=file, column=Columns.WEEK, hint=hint)
    if Columns.TIMESTAMP in log:
        time = log[Columns.TIMESTAMP]
        days = int((time.max() - time.min()).days)
        if days >= 7 * (last - first + 1):
            what = f"spans {days + 1} days, and the offers are for {said}"
            raise InputError(what, file=file, column=Columns.TIMESTAMP, hint="give the log of those weeks")
    return log, [f"the log has no weeks, so every row of it counts for {said}"]


def _whole(log: pd.DataFrame, file: Path, first: int, last: int) -> list[str]:
    """Refuse a log that ends before the offers do, and name weeks inside it without a row."""
    end = int(log[Columns.WEEK].max())
    if end < last:
        what = f"ends with week {end}, and the offers are for weeks {first} to {last}"
        hint = f"feed it when week {last} is over: a part of the weeks would count as all"
        raise InputError(what, file=file, column=Columns.WEEK, hint=hint)
    empty = sorted(set(range(first, last + 1)) - set(log[Columns.WEEK].dropna().astype("int64")))
    return [f"nothing was bought in week {week}: the log has no row of it" for week in empty]


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


def nearest_level(values: FloatArray, levels: FloatArray, file: Path, column: str) -> IntArray:
    """Find the level that each value is. Shape ``[n]``.

    Args:
        values: Rates, or amounts of money. Shape ``[n]``.
        levels: What was chosen among. Shape ``[R]``.
        file: Where they came from, for messages.
        column: The same.

    Raises:
        InputError: If one is none of them.
    """
    level = np.abs(values[:, None] - levels).argmin(axis=1)
    off = np.abs(levels[level] - values) > 1e-6 * np.maximum(1.0, levels[level])
    if off.any():
        what = f"{values[off][0]:g} is none of the levels {', '.join(f'{one:g}' for one in levels)}"
        raise InputError(what, file=file, column=column, hint="feed the table back as it was written")
    return np.asarray(level, dtype=np.int64)


def check_numbers(frame: pd.DataFrame, file: Path) -> None:
    """Refuse numbers that no offers table has.

    Raises:
        InputError: If one is missing, or out of its range.
    """
    for name, (low, high) in RANGES.items():
        if name not in frame:
            continue
        values = pd.to_numeric(frame[name], errors="coerce")
        wrong = ~values.between(low, high) | (~np.isfinite(values) & (name != "highest_rate"))
        if wrong.any() or frame[name].dtype == object:
            first = frame[name][wrong].iloc[0] if wrong.any() else frame[name].iloc[0]
            noun = "propensity" if name == PROPENSITY else f"value of {name}"
            hint = "feed the table back as it was written"
            raise InputError(f"{first} is no {noun}", file=file, column=name, hint=hint)
