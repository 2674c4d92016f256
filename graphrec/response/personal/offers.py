"""Personal offers of the past, by user, item and week: a discount beside the one on the shelf."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.data.interactions import Columns, IdMap
from graphrec.data.joins import join
from graphrec.data.places.given import fingerprints
from graphrec.data.tables.kinds import HORIZON, PROPENSITY, RATE, REDEEMED
from graphrec.data.tables.read import Table, TextFormat, load_table
from graphrec.data.week_numbers import check_weeks
from graphrec.errors import InputError, check_at_least
from graphrec.notices import note, warn
from graphrec.response.visit_features import NEVER, TYPICAL, Feature
from graphrec.response.visits import Visits
from graphrec.response.weekly import before, log_rate, weeks_since

KEY = [Columns.USER, Columns.ITEM, Columns.WEEK]


@dataclass(frozen=True)
class OfferTable:
    """A table of personal offers: ``user_id``, ``item_id``, ``week`` and ``rate``, each pair once a week.

    ``propensity`` is the probability with which that rate was drawn, ``redeemed`` whether it was taken up (1)
    or not (0); both are optional. A pair and week that is not in the table had no personal offer.

    Args:
        path: The file.
        columns: Our name → the file's name, for those that differ.
        delimiter: Of a text file; by its suffix if missing.
        encoding: Of a text file, for example ``latin-1``; UTF-8 if missing.
        max_weight: Rows whose offer was unlikely count more, and none more than so many others.
    """

    path: str
    columns: dict[str, str | None] | None = None
    delimiter: str | None = None
    encoding: str | None = None
    max_weight: float = 10.0

    def __post_init__(self) -> None:
        """Check the weight."""
        check_at_least(1, max_weight=self.max_weight)

    def settings(self) -> list[object]:
        """List all that the features depend on."""
        return [asdict(self), fingerprints(self.path)]


@dataclass(frozen=True)
class Personal:
    """Personal offers as tables over weeks 1 to ``W``, of the ``P`` pairs of some visits.

    Args:
        rate: 0 without an offer. Shape ``[P, W]``.
        propensity: Probability of that rate, missing where it is not known. Shape ``[P, W]``.
    """

    rate: FloatArray
    propensity: FloatArray

    @classmethod
    def of(cls, offers: pd.DataFrame, visits: Visits) -> Personal:
        """Lay out the offers of the pairs of `visits`, whatever else there is."""
        rate = np.zeros(visits.bought.shape)
        propensity = np.full(rate.shape, np.nan)
        user, item = visits.users.codes(offers[Columns.USER]), visits.items.codes(offers[Columns.ITEM])
        week = offers[Columns.WEEK].to_numpy() - 1
        key = visits.user * len(visits.items) + visits.item
        wanted = user * len(visits.items) + item
        pair = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        known = (user >= 0) & (item >= 0) & (key[pair] == wanted) & (week >= 0) & (week < visits.weeks)
        rate[pair[known], week[known]] = offers[RATE].to_numpy()[known]
        propensity[pair[known], week[known]] = offers[PROPENSITY].to_numpy()[known]
        return cls(rate, propensity)

    def features(self, visits: Visits) -> Iterator[Feature]:
        """Measure how often a pair and a user had offers, and bought with and without. Tables ``[P, W]``."""
        given, weeks = self.rate > 0, np.maximum(np.arange(visits.weeks), 1)
        yield "pair_offers", before(given) / weeks
        yield "pair_offered", before(self.rate) / weeks
        yield "pair_offer_recency", np.log(weeks_since(given, NEVER))
        size = len(visits.users)
        offers, plain = (visits.sum_by(kind, visits.user, size) for kind in (given, ~given))
        yield "user_offers", (before(offers) / np.maximum(before(offers + plain), 1))[visits.user]
        for name, kind, chances in (("offered", given, offers), ("plain", ~given, plain)):
            bought = visits.sum_by(visits.bought & kind, visits.user, size)
            yield f"user_rate_{name}", log_rate(before(bought), before(chances), TYPICAL, 20.0)[visits.user]


def read_offers(table: OfferTable, log: pd.DataFrame) -> pd.DataFrame:
    """Read personal offers and join them with a log.

    Args:
        table: The file and how it is written.
        log: Rows with ``user_id``, ``item_id`` and ``week``.

    Returns:
        ``user_id`` and ``item_id`` as in the log, ``week``, ``rate``, ``propensity`` and ``redeemed``, the
        last two missing where the file does not tell. Offers on items that are not in the log are left out,
        and counted.

    Raises:
        InputError: If the file cannot be used, a pair has two offers in a week, or nothing joins.
    """
    text = TextFormat(table.delimiter, encoding=table.encoding)
    read = load_table(table.path, table.columns, kind="exposure", text=text)
    weekly = _week_by_week(read.frame, int(log[Columns.WEEK].max()))
    _check(read, weekly, table.path)
    frame = weekly.reindex(columns=[*KEY, RATE, PROPENSITY, REDEEMED]).reset_index(drop=True)
    for column in (Columns.USER, Columns.ITEM):
        ids = join(frame[column], log[column].unique(), file=table.path, column=column)
        frame[column] = _as_in(log[column], ids)
    known = frame[Columns.USER].notna() & (
        IdMap.from_values(log[Columns.ITEM]).codes(frame[Columns.ITEM]) >= 0
    )
    if not known.all():
        note(f"{table.path}: {int((~known).sum()):,} offers are on what is not in the log, and are left out")
    frame = frame[known].astype({Columns.WEEK: "int64", Columns.USER: log[Columns.USER].dtype})
    _tell_of_redeemed(frame, log, table.path)
    return frame.reset_index(drop=True)


def _check(read: Table, frame: pd.DataFrame, path: str) -> None:
    """Refuse a table without rates, or with two offers of a pair in one week."""
    if RATE not in frame:
        raise InputError("this column is missing", file=path, column=RATE, hint="map it in `columns`")
    check_weeks(read.frame[Columns.WEEK], path)
    for wrong, says in ((frame[RATE] >= 1, _no_rate), (frame.duplicated(KEY), _twice)):
        if wrong.any():
            place = int(np.flatnonzero(wrong)[0])
            file, row = read.rows.place(int(frame.index[place]))
            what, hint = says(frame.iloc[place])
            raise InputError(what, file=file, row=row, column=RATE, hint=hint)


def _week_by_week(offers: pd.DataFrame, last: int) -> pd.DataFrame:
    """Repeat an offer that holds for several weeks, its ``horizon``, in each of them; the index stays.

    In which of them it was redeemed is not known.
    """
    if HORIZON not in offers:
        return offers
    weeks = offers[HORIZON].fillna(1).clip(1, max(last, 1)).astype("int64")
    rows = offers.loc[offers.index.repeat(weeks)]
    later = rows.groupby(level=0).cumcount()
    rows = rows.assign(**{Columns.WEEK: rows[Columns.WEEK] + later})
    if REDEEMED in rows:
        some = (rows[REDEEMED] > 0) & (rows[HORIZON] > 1)
        rows = rows.assign(**{REDEEMED: rows[REDEEMED].mask(some)})
    return rows


def _no_rate(row: pd.Series[Any]) -> tuple[str, str]:
    return f"{row[RATE]:g} is not below 1", "give a share, as 0.2 for 20 %"


def _twice(row: pd.Series[Any]) -> tuple[str, str]:
    user, item, week = row[KEY]
    return f"{user} has two offers on {item} in week {week:g}", "keep the one that was given, of one policy"


def _as_in(log: pd.Series[Any], ids: pd.Series[str]) -> pd.Series[Any]:
    """Write ids in the type of the log's; missing where they cannot be."""
    return pd.to_numeric(ids, errors="coerce") if pd.api.types.is_numeric_dtype(log) else ids


def _tell_of_redeemed(offers: pd.DataFrame, log: pd.DataFrame, file: str) -> None:
    """Warn of offers that were taken up, and of which the log has no purchase."""
    taken = offers[offers[REDEEMED] > 0]
    bought = pd.MultiIndex.from_frame(log[KEY])
    lost = int((~pd.MultiIndex.from_frame(taken[KEY]).isin(bought)).sum())
    if lost:
        what = (
            f"{lost:,} of {len(taken):,} redeemed offers have no purchase in the log, and count as not bought"
        )
        hint = "number the weeks as the log does; what was returned is no purchase"
        warn(what, file=file, column=REDEEMED, hint=hint)
