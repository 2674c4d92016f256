"""The kinds of tables the tool takes: which columns each has. A new kind of file is one entry here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graphrec.data.interactions import Columns

INTERACTION_ID = "interaction_id"
"""Optional key of a log: where it is mapped, no value may occur twice."""
STOCK = "stock"
LIST_RANK, LIST_SCORE = "rank", "score"
"""What orders a list of recommendations."""
RATE, HORIZON = "rate", "horizon"
SATISFACTION = "satisfaction"
"""What somebody answered of a visit, as a number."""
REDEEMED = "redeemed"
"""Of a past offer: whether it was taken up."""
BOOST = "boost"
"""What is added to the scores of an item."""
ARM, REWARD, COST, PROPENSITY = "arm", "reward", "cost", "propensity"
"""Of a decision: what was done, what came of it, what it cost, and how likely it was to be done."""
MARGIN, FUNDED_SHARE, MAX_RATE, MIN_MARGIN = "margin", "funded_share", "max_rate", "min_margin"
"""Of an item: margin at the regular price, the retailer's share of a discount, limits of rate and margin."""
BUDGET_PER_DAY, BUDGET_PER_WEEK = "budget_per_day", "budget_per_week"
"""Of an event: the most that may be spent on discounts, in money."""
SHARES = ("display", "mailer")
"""Shares of the stores that had an item on display or in their mailer."""

LIST_PRICE, DISCOUNT, DISCOUNT_PCT = "list_price", "discount", "discount_pct"
"""What tills write in the place of regular and shelf prices; see `graphrec.data.cleaning.prices`."""

PRICES = (Columns.PRICE, Columns.REGULAR_PRICE, Columns.SHELF_PRICE, LIST_PRICE)
MONEY = (*PRICES, DISCOUNT)
IDS = (Columns.USER, Columns.ITEM, Columns.BASKET, INTERACTION_ID)
NUMBERS = (
    *MONEY,
    DISCOUNT_PCT,
    Columns.QUANTITY,
    Columns.RATING,
    Columns.WEEK,
    STOCK,
    RATE,
    HORIZON,
    REDEEMED,
    SATISFACTION,
    BOOST,
    *SHARES,
    LIST_RANK,
    LIST_SCORE,
    REWARD,
    COST,
    PROPENSITY,
    MARGIN,
    FUNDED_SHARE,
    MAX_RATE,
    MIN_MARGIN,
    BUDGET_PER_DAY,
    BUDGET_PER_WEEK,
)
LOG_COLUMNS = (
    *IDS[:2],
    Columns.TIMESTAMP,
    *MONEY,
    DISCOUNT_PCT,
    Columns.QUANTITY,
    Columns.RATING,
    Columns.WEEK,
    *IDS[2:],
    Columns.PART,
    Columns.EVENT,
    Columns.REVIEW,
)
"""Every column a log may have, in our names."""

Kind = Literal[
    "log",
    "users",
    "items",
    "user_list",
    "item_list",
    "exclusions",
    "boosts",
    "stock",
    "exposure",
    "promotions",
    "recommendations",
    "decisions",
    "outcomes",
    "item_facts",
    "survey",
    "calendar",
]


@dataclass(frozen=True)
class TableKind:
    """What a kind of table holds, in our names.

    Args:
        noun: What it is called in messages.
        required: Columns it must have.
        optional: Columns that are read where they exist.
        unique: Columns in which no value may occur twice.
        attributes: Whether every other column is read too, as it is named in the file.
        complete: Whether a row without a required value is a mistake; if not, cleaning removes and counts it.
        filled: Optional columns without a missing value, where they exist.
        by_mapping: Optional columns that are read only where a mapping names them: many files have a column
            ``discount``, in money or per cent, of a unit or a line.
        by_attribute: Whether its rows may be of an attribute of the items, whatever that is called.
    """

    noun: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    attributes: bool = False
    complete: bool = False
    filled: tuple[str, ...] = ()
    by_mapping: tuple[str, ...] = ()
    by_attribute: bool = False

    @property
    def never_missing(self) -> tuple[str, ...]:
        """Columns in which a missing value is a mistake."""
        return (*(self.required if self.complete else ()), *self.filled)

    @property
    def known(self) -> tuple[str, ...]:
        """Columns that mean something to us."""
        return (*self.required, *self.optional)


KINDS: dict[Kind, TableKind] = {
    "log": TableKind(
        "a log",
        LOG_COLUMNS[:2],
        LOG_COLUMNS[2:],
        unique=(INTERACTION_ID,),
        by_mapping=(LIST_PRICE, DISCOUNT, DISCOUNT_PCT),
    ),
    "users": TableKind("a table of users", (Columns.USER,), unique=(Columns.USER,), attributes=True),
    "items": TableKind("a table of items", (Columns.ITEM,), unique=(Columns.ITEM,), attributes=True),
    "user_list": TableKind("a list of users", (Columns.USER,), complete=True),
    "item_list": TableKind("a list of items", (Columns.ITEM,), complete=True),
    # without users its items are left out for everybody
    "exclusions": TableKind(
        "a table of exclusions", (Columns.ITEM,), (Columns.USER,), complete=True, filled=(Columns.USER,)
    ),
    "boosts": TableKind("a table of boosts", (Columns.ITEM, BOOST), unique=(Columns.ITEM,), complete=True),
    "stock": TableKind("a table of stock", (Columns.ITEM, STOCK), complete=True),
    "exposure": TableKind(
        "a table of past offers",
        (Columns.USER, Columns.ITEM, Columns.WEEK),
        # an offers table that is fed back has all of them but the third
        (RATE, PROPENSITY, REDEEMED, HORIZON, "policy", "promotion", "product_set"),
        complete=True,
        filled=(RATE,),  # a row without one may be an offer or none
    ),
    "recommendations": TableKind(
        "lists of recommendations",
        (Columns.USER, Columns.ITEM),
        (LIST_RANK, LIST_SCORE),
        complete=True,
        filled=(LIST_RANK, LIST_SCORE),
    ),
    "decisions": TableKind(
        "a log of decisions",
        (ARM, REWARD),
        (Columns.USER, COST, PROPENSITY),
        attributes=True,
        complete=True,
        filled=(Columns.USER, COST, PROPENSITY),
    ),
    "outcomes": TableKind("a table of an experiment", (Columns.USER, ARM), attributes=True, complete=True),
    # without item_id it tells facts of an attribute of the items, such as a department
    "item_facts": TableKind(
        "a table of item facts",
        (),
        (Columns.ITEM, Columns.WEEK, COST, MARGIN, FUNDED_SHARE, MAX_RATE, MIN_MARGIN, STOCK),
        attributes=True,
        filled=(Columns.ITEM,),
        by_attribute=True,
    ),
    "survey": TableKind("a table of answers", (Columns.USER, Columns.WEEK, SATISFACTION), complete=True),
    "calendar": TableKind(
        "a calendar",
        ("name", "first", "last"),
        (MAX_RATE, "levels", BUDGET_PER_DAY, BUDGET_PER_WEEK),
        complete=True,
    ),
    "promotions": TableKind("a table of promotions", (Columns.ITEM, Columns.WEEK, *SHARES), complete=True),
}
