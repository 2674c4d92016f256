"""What the log tells of each household: trips, the risk that it stays away, its worth, its baskets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.data.interactions import Columns, IdMap, Interactions
from graphrec.errors import InputError
from graphrec.notices import note

HORIZON = 4
"""Weeks in which a household that makes no trip counts as gone."""
RECENT, FALLING, MIN_TRIPS = 8, 0.7, 4
"""Trips fall where those of the last 8 weeks are below 70 % of the 8 before, which were at least 4."""
VALUE_WEEKS = 8
"""A household that stays is worth the margin of so many weeks of what it used to spend."""


def retention_worth(train: Interactions, week: IntArray, margin: float | FloatArray) -> FloatArray:
    """Compute P(no trip in four weeks) times the margin of eight weeks, 0 unless trips fall. Shape ``[U]``.

    The risk is a logistic regression on trips and on weeks since the last one. It is fitted on the training
    part four weeks before its end, where it is known who stayed away.

    Args:
        train: Training part.
        week: Week of each row.
        margin: At the regular price, of all items or of each. Shape ``[I]``.

    Raises:
        InputError: If the log has no price.
    """
    table, last = _trips(train, week), int(week.max())
    item = train.frame[Columns.ITEM_CODE].to_numpy(dtype=np.int64)
    earned = basket_money(train.frame) * np.broadcast_to(margin, len(train.items))[item]
    before = _between(week, last - 2 * RECENT, last - RECENT)
    user = train.frame[Columns.USER_CODE].to_numpy(dtype=np.int64)
    weekly = np.bincount(user[before], earned[before], len(train.users)) / RECENT
    old = table[:, -2 * RECENT : -RECENT].sum(axis=1)
    falling = (table[:, -RECENT:].sum(axis=1) < FALLING * old) & (old >= MIN_TRIPS)
    return np.asarray(falling * churn_risk(table) * weekly * VALUE_WEEKS, dtype=np.float64)


def worth_at_risk(
    train: Interactions, week: IntArray, margin: float | FloatArray, risk: FloatArray
) -> FloatArray:
    """Compute a given risk times the margin of eight weeks, at the pace of the last sixteen. Shape ``[U]``.

    Args:
        train: Training part.
        week: Week of each row.
        margin: At the regular price, of all items or of each. Shape ``[I]``.
        risk: That each household stays away; 0 for those that are not at risk. Shape ``[U]``.

    Raises:
        InputError: If the log has no price.
    """
    item, user = (
        train.frame[name].to_numpy(dtype=np.int64) for name in (Columns.ITEM_CODE, Columns.USER_CODE)
    )
    earned = basket_money(train.frame) * np.broadcast_to(margin, len(train.items))[item]
    late = week > int(week.max()) - 2 * RECENT
    weekly = np.bincount(user[late], earned[late], len(train.users)) / (2 * RECENT)
    return np.asarray(risk * weekly.clip(min=0.0) * VALUE_WEEKS, dtype=np.float64)


def churn_risk(trips: FloatArray) -> FloatArray:
    """Estimate P(no trip in the four weeks after the table). Trips ``[U, W]`` to ``[U]``."""
    known, gone = trips[:, :-HORIZON], trips[:, -HORIZON:].sum(axis=1) == 0
    active = known.sum(axis=1) > 0
    if len(np.unique(gone[active])) < 2:
        return np.full(len(trips), float(gone[active].mean()) if active.any() else 0.0)
    model = LogisticRegression().fit(_facts(known)[active], gone[active])
    return np.asarray(model.predict_proba(_facts(trips))[:, 1], dtype=np.float64)


def _facts(trips: FloatArray) -> FloatArray:
    """Count recent and earlier trips, and weeks since the last, on a log scale. ``[U, W]`` to ``[U, 3]``."""
    backwards = trips[:, ::-1] > 0
    since = np.where(backwards.any(axis=1), backwards.argmax(axis=1), trips.shape[1])
    recent, earlier = trips[:, -4:].sum(axis=1), trips[:, -16:-4].sum(axis=1)
    return np.asarray(np.log1p(np.stack([recent, earlier, since], axis=1)), dtype=np.float64)


def _trips(train: Interactions, week: IntArray) -> FloatArray:
    """Count baskets of each user and week, or 1 for a week with any if baskets are not known. ``[U, W]``."""
    key = [train.frame[Columns.USER_CODE].to_numpy(), week - week.min()]
    frame = pd.DataFrame({"user": key[0], "week": key[1]})
    if Columns.BASKET in train.frame:
        frame["basket"] = train.frame[Columns.BASKET].to_numpy()
    frame = frame.drop_duplicates()
    table = np.zeros((len(train.users), int(key[1].max()) + 1))
    np.add.at(table, (frame["user"].to_numpy(), frame["week"].to_numpy()), 1.0)
    return table


def _between(week: IntArray, after: int, until: int) -> BoolArray:
    return np.asarray((week > after) & (week <= until), dtype=np.bool_)


def basket_money(frame: pd.DataFrame) -> FloatArray:
    """Compute what each row of the log brought, in money: shelf price times quantity. Shape ``[rows]``.

    Raises:
        InputError: If the log has no price.
    """
    column = next((one for one in (Columns.SHELF_PRICE, Columns.PRICE) if one in frame), None)
    if column is None:
        hint = "map a column to price in the source's `columns`"
        raise InputError("the value of a basket needs a price", column=Columns.PRICE, hint=hint)
    money = frame[column] * frame.get(Columns.QUANTITY, 1.0)
    if unknown := int(money.isna().sum()):
        note(f"{unknown:,} of {len(money):,} rows have no {column} or quantity and add nothing to a basket")
    return np.asarray(money.fillna(0.0), dtype=np.float64)


@dataclass(frozen=True)
class Baskets:
    """Values of past baskets.

    Args:
        user: Code of each basket's user, ascending. Shape ``[N]``.
        value: In money, above 0. Shape ``[N]``.
        weeks: Weeks that the log covers.
    """

    user: IntArray
    value: FloatArray
    weeks: int

    @classmethod
    def of(cls, log: pd.DataFrame, users: IdMap, week: IntArray, money: FloatArray | None = None) -> Baskets:
        """Add up the rows of each basket.

        Args:
            log: All rows of the training weeks, those of items outside the catalogue too.
            users: Codes of the users; rows of others are left out.
            week: Week of each row.
            money: What each row brought; from its price and quantity if missing.

        Raises:
            InputError: If the log has no baskets, no price, or no price above 0.
        """
        if Columns.BASKET not in log:
            hint = "map a column to basket_id in the source's `columns`"
            raise InputError("a threshold needs baskets", column=Columns.BASKET, hint=hint)
        columns = {"user": users.codes(log[Columns.USER]), "basket": log[Columns.BASKET].to_numpy()}
        frame = pd.DataFrame({**columns, "value": basket_money(log) if money is None else money})
        total = frame[frame["user"] >= 0].groupby(["user", "basket"], sort=True)["value"].sum().reset_index()
        total = total[total["value"] > 0]
        if total.empty:
            hint = "map a column with prices above 0"
            raise InputError("no basket has a value above 0", column=Columns.PRICE, hint=hint)
        weeks = int(week.max() - week.min() + 1)
        return cls(total["user"].to_numpy(dtype=np.int64), total["value"].to_numpy(dtype=np.float64), weeks)
