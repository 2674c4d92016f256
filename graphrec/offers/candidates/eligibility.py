"""Who and what a scenario is for, read from the training part of the log alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.data.interactions import Columns, Interactions
from graphrec.errors import InputError
from graphrec.offers.households import retention_worth, worth_at_risk
from graphrec.offers.scenarios import ScenarioName

LATE_WEEKS = 8
"""The end of training, in which sales that fade have faded."""
FADED = 0.5
"""Sales per week have faded where they are below this share of what they were."""
MIN_LINES = 10
"""An item needs so many lines before its sales can fade."""
LAUNCH_SHARE = 0.25
"""Items first sold in this last share of the training weeks are new."""
NEAR_SHARE = 0.2
"""A launch goes to this share of the users, those nearest to its first buyers."""
CATEGORY_COLUMNS = ("product_category", "category", "department", "genres")
MAX_LIFT = 3.0


@dataclass(frozen=True)
class Eligibility:
    """Which pairs a scenario may offer, and what a sold unit is worth to it.

    Args:
        items: Shape ``[I]``.
        users: Shape ``[U]``.
        category: Category of each item, with `lift`. Shape ``[I]``.
        lift: Complement lift of each user and category, 0 where the user has bought it. Shape ``[U, C]``.
        near: Users who lie near each item's buyers, with `near_items`. Shape ``[U, L]``.
        near_items: Items of its columns. Shape ``[L]``.
        user_worth: Money that a purchase of the user is worth to the scenario. Shape ``[U]``.
    """

    items: BoolArray
    users: BoolArray
    category: IntArray | None = None
    lift: FloatArray | None = None
    near: BoolArray | None = None
    near_items: IntArray | None = None
    user_worth: FloatArray | None = None

    def mask(self, users: IntArray) -> BoolArray:
        """Mark the eligible pairs of some users. ``[B]`` to ``[B, I]``."""
        mask = self.items[None, :] & self.users[users, None]
        if self.lift is not None and self.category is not None:
            mask = mask & (self.lift[users] > 1.0)[:, self.category]
        if self.near is not None and self.near_items is not None:
            mask = mask.copy()
            mask[:, self.near_items] &= self.near[users]
        return np.asarray(mask, dtype=np.bool_)

    def worth(self, user: IntArray, item: IntArray, price: FloatArray) -> FloatArray:
        """Find what a sold unit of each pair is worth to the scenario, in money. ``[P]`` to ``[P]``."""
        if self.user_worth is not None:
            return self.user_worth[user]
        if self.lift is not None and self.category is not None:
            return price * np.clip(self.lift[user, self.category[item]] - 1.0, 0.0, MAX_LIFT)
        return np.zeros(len(user))


def eligibility(
    name: ScenarioName,
    train: Interactions,
    items: pd.DataFrame | None,
    user_embedding: FloatArray | None,
    margin: float | FloatArray,
    risk: FloatArray | None = None,
) -> Eligibility:
    """Find the eligible users and items of a scenario.

    * promotion: everything;
    * clearance: items whose lines per week in the last eight weeks are below half of what they were;
    * launch: items first sold in the last quarter of training. They go to the fifth of users whose embeddings
      are nearest (cosine) to the mean of the item's buyers;
    * cross_sell: categories that the user has not bought, whose lift over the user's own is above 1;
    * retention: users whose trips fall (`graphrec.offers.households.retention_worth`), or those of a risk.

    Args:
        name: The scenario.
        train: Training part.
        items: Attributes by ``item_id``.
        user_embedding: For launch. Shape ``[U, D]``.
        margin: At the regular price, of all items or of each, for the value of a household. Shape ``[I]``.
        risk: For retention, of each user in the place of falling trips; 0 for no risk. Shape ``[U]``.

    Raises:
        InputError: If the log lacks a column that the scenario needs, or nothing is eligible.
    """
    whole = everybody(train)
    every_item, every_user = whole.items, whole.users
    if name == "clearance":
        return Eligibility(_some(fading_items(train), "items whose sales fade"), every_user)
    if name == "launch":
        new = _some(new_items(train), "items that are new")
        if user_embedding is None:
            raise ValueError("launch needs embeddings of the users")
        near, columns = near_users(train, new, user_embedding)
        return Eligibility(new, every_user, near=near, near_items=columns)
    if name == "cross_sell":
        category, lift = category_lift(train, items)
        return Eligibility(every_item, every_user, category=category, lift=lift)
    if name == "retention":
        weeks = log_weeks(train.frame, name)
        if risk is not None:
            worth, who = (
                worth_at_risk(train, weeks, margin, risk),
                "users who are foretold to be dissatisfied",
            )
        else:
            worth, who = retention_worth(train, weeks, margin), "users whose trips fall"
        return Eligibility(every_item, _some(worth > 0, who), user_worth=worth)
    return whole


def everybody(train: Interactions) -> Eligibility:
    """Choose every item for every user."""
    return Eligibility(np.ones(len(train.items), dtype=np.bool_), np.ones(len(train.users), dtype=np.bool_))


def log_weeks(frame: pd.DataFrame, name: str, whole: pd.DataFrame | None = None) -> IntArray:
    """Find the week of each row of the log, from the timestamp where there is none.

    Args:
        frame: Rows of the log.
        name: What needs the weeks, for the message.
        whole: Rows whose first timestamp begins the count; those of `frame` if missing.

    Raises:
        InputError: If the log has neither.
    """
    if Columns.WEEK in frame:
        return frame[Columns.WEEK].to_numpy(dtype=np.int64)
    if Columns.TIMESTAMP not in frame:
        hint = "map a column to week or timestamp in the source's `columns`"
        raise InputError(f"{name} needs to know when", column=Columns.WEEK, hint=hint)
    time, first = frame[Columns.TIMESTAMP], (frame if whole is None else whole)[Columns.TIMESTAMP].min()
    if pd.api.types.is_datetime64_any_dtype(time):
        return np.asarray((time - first).dt.days // 7, dtype=np.int64)
    return np.asarray((time - first) // 604_800, dtype=np.int64)


def fading_items(train: Interactions) -> BoolArray:
    """Mark items whose lines per week fell below half in the last weeks, or that sell no longer. ``[I]``."""
    week = log_weeks(train.frame, "clearance")
    item, count = train.frame[Columns.ITEM_CODE].to_numpy(dtype=np.int64), len(train.items)
    start = int(week.max()) - LATE_WEEKS
    first = np.full(count, week.max())
    np.minimum.at(first, item, week)
    before = np.bincount(item[week <= start], minlength=count)
    late = np.bincount(item[week > start], minlength=count) / LATE_WEEKS
    rate = before / np.maximum(start - first + 1, 1)
    return np.asarray((before >= MIN_LINES) & (late < FADED * rate), dtype=np.bool_)


def new_items(train: Interactions) -> BoolArray:
    """Mark items first sold in the last quarter of the training weeks. ``[I]``."""
    week = log_weeks(train.frame, "launch")
    first = np.full(len(train.items), week.max())
    np.minimum.at(first, train.frame[Columns.ITEM_CODE].to_numpy(dtype=np.int64), week)
    return np.asarray(first > week.max() - LAUNCH_SHARE * (week.max() - week.min() + 1), dtype=np.bool_)


def near_users(train: Interactions, items: BoolArray, embedding: FloatArray) -> tuple[BoolArray, IntArray]:
    """Find the users nearest to each item's buyers by cosine, ``[U, L]``; the columns' items, ``[L]``."""
    unit = embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-12)
    columns = np.flatnonzero(items)
    pairs = train.pairs()
    pairs = pairs[items[pairs[:, 1]]]
    place = np.searchsorted(columns, pairs[:, 1])
    centre = np.zeros((len(columns), unit.shape[1]))
    np.add.at(centre, place, unit[pairs[:, 0]])
    likeness = np.round(unit @ centre.T, 9)  # 0 but for rounding is nothing in common, and not near
    least = np.quantile(likeness, 1.0 - NEAR_SHARE, axis=0)
    return np.asarray((likeness >= least) & (likeness > 0), dtype=np.bool_), columns.astype(np.int64)


def category_lift(train: Interactions, items: pd.DataFrame | None) -> tuple[IntArray, FloatArray]:
    """Compute how much likelier than average each category is, given the others that a user buys.

    The lift of category c for a user is the mean over the user's categories k of P(c | k) / P(c), over users.

    Returns:
        Category of each item, shape ``[I]``, and lift, 0 where the user has bought the category, ``[U, C]``.

    Raises:
        InputError: If the items have no category.
    """
    column = next((one for one in CATEGORY_COLUMNS if items is not None and one in items), None)
    if items is None or column is None:
        hint = f"give an item table with one of {', '.join(CATEGORY_COLUMNS)}"
        raise InputError("the scenario cross_sell needs categories", column=CATEGORY_COLUMNS[0], hint=hint)
    named = pd.Series(train.items.ids).map(items.set_index(Columns.ITEM)[column].astype("str"))
    category, names = pd.factorize(named.fillna("unknown"))
    pairs = train.pairs()
    bought = np.zeros((len(train.users), len(names)))
    bought[pairs[:, 0], category[pairs[:, 1]]] = 1.0
    share = bought.mean(axis=0)
    together = bought.T @ bought / np.maximum(bought.sum(axis=0)[:, None], 1.0)
    lift_of = together / np.maximum(share, 1e-12)
    lift = bought @ lift_of / np.maximum(bought.sum(axis=1, keepdims=True), 1.0)
    return category.astype(np.int64), np.where(bought > 0, 0.0, lift)


def _some(mask: BoolArray, what: str) -> BoolArray:
    if not mask.any():
        raise InputError(f"the log has no {what}", column="scenario", hint="choose another scenario")
    return np.asarray(mask, dtype=np.bool_)
