"""A clean log of a shop, and damage done to it: each kind knows the rule that mends it and what it counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.data.cleaning import rules

USERS, ITEMS = 12, 6
SPOILT = 4
"""Rows that a kind of damage spoils or adds."""


def clean_shop(seed: int, receipts: int = 120) -> pd.DataFrame:
    """A log without a fault: every receipt has distinct items, every pair of user and hour one receipt."""
    rng = np.random.default_rng(seed)
    rows = []
    for receipt in range(receipts):
        user, day = rng.integers(USERS), receipt // 3
        for item in rng.choice(ITEMS, size=rng.integers(1, 4), replace=False):
            rows.append((f"u{user:02d}", f"i{item}", receipt, day, 1 + rng.integers(3), item))
    log = pd.DataFrame(rows, columns=["user_id", "item_id", "receipt", "day", "quantity", "number"])
    usual = 2.0 + 3.0 * log["number"]
    log["timestamp"] = pd.Timestamp("2024-01-01 08:00") + pd.to_timedelta(
        log["day"] * 24 + log["receipt"] % 3, "h"
    )
    log["basket_id"] = (10_000 + log["receipt"]).astype("str")
    log["interaction_id"] = [f"n{row}" for row in range(len(log))]
    log["price"] = (usual * rng.uniform(0.9, 1.1, len(log))).round(2)
    log["region"] = "r" + (log["user_id"].str[1:].astype(int) % 3).astype("str")
    return log.drop(columns=["receipt", "day", "number"])


Spoil = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


@dataclass(frozen=True)
class Damage:
    """A kind of damage.

    Args:
        name: Of the kind.
        spoil: Clean log → damaged log, `SPOILT` times.
        rule: What mends it.
        counts: Rows or values that each step of the rule counts per spoilt row.
        exact: Whether mending gives the clean log back.
    """

    name: str
    spoil: Spoil
    rule: rules.CleaningRule
    counts: tuple[int, ...] = (1,)
    exact: bool = True


def _with(log: pd.DataFrame, more: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Add rows at places of their own, later than the rows they belong to."""
    after = np.sort(rng.choice(len(log) - SPOILT * 2, size=len(more), replace=False)) + SPOILT
    place = np.concatenate([np.arange(len(log)), after + 0.5])
    joined = pd.concat([log, more.sort_values("timestamp")], ignore_index=True)
    return joined.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)


def _some(log: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Take rows that no other damage added."""
    own = log[log["interaction_id"].str.fullmatch(r"n\d+")].drop_duplicates("interaction_id")
    return own.iloc[np.sort(rng.choice(len(own), SPOILT, replace=False))].copy()


def _new(log: pd.DataFrame, rng: np.random.Generator, **changed: object) -> pd.DataFrame:
    """Rows as those of the log, with receipts and numbers of their own."""
    rows = _some(log, rng)
    fresh = rng.integers(10**6, 10**9, SPOILT).astype(str)
    return rows.assign(interaction_id=np.char.add("x", fresh), basket_id=fresh).assign(**changed)


def copied(log, rng):
    return _with(log, _some(log, rng), rng)


def copied_by_key(log, rng):
    return pd.concat([log, _some(log, rng).assign(price=9.99)], ignore_index=True)


def returned(log, rng):
    bought = _new(log, rng)
    back = bought.assign(
        quantity=-bought["quantity"],
        timestamp=bought["timestamp"] + pd.Timedelta("1min"),
        price=-bought["price"],
        interaction_id=bought["interaction_id"] + "r",
        basket_id=bought["basket_id"] + "1",
    )
    return pd.concat([log, bought, back], ignore_index=True)


def returned_in_part(log, rng):
    once = log.drop_duplicates(["user_id", "item_id"], keep=False)
    grown = once.head(SPOILT).index
    back = log.loc[grown].assign(
        quantity=-10,
        timestamp=log["timestamp"].max() + pd.Timedelta("1h"),
        interaction_id=[f"part{row}" for row in grown],
        basket_id=[f"9{row:06d}" for row in grown],
    )
    log = log.assign(quantity=log["quantity"] + 10 * log.index.isin(grown))
    return pd.concat([log, back], ignore_index=True)


def returned_alone(log, rng):
    early = pd.Timestamp("2023-12-31")
    return pd.concat([_new(log, rng, quantity=-1, timestamp=early), log], ignore_index=True)


def cancelled(log, rng):
    bought = _new(log, rng)
    void = bought.assign(
        basket_id="C" + bought["basket_id"],
        interaction_id=bought["interaction_id"] + "c",
        timestamp=bought["timestamp"] + pd.Timedelta("9h"),
    )
    return pd.concat([log, bought, void], ignore_index=True)


def of_nothing(log, rng):
    return _with(log, _new(log, rng, quantity=0), rng)


def of_nobody(log, rng):
    return _with(log, _new(log, rng, user_id=None), rng)


def of_guest(log, rng):
    return _with(log, _new(log, rng, user_id="guest"), rng)


def impossible(log, rng):
    return _with(log, _new(log, rng, quantity=9999), rng)


def extreme(log, rng):
    rows = _new(log, rng)
    return _with(log, rows.assign(price=rows["price"] * 100), rng)


def _blank(log, rng, column):
    where = np.sort(rng.choice(len(log), SPOILT, replace=False))
    return log.assign(**{column: log[column].mask(np.isin(np.arange(len(log)), where))})


def without_price(log, rng):
    return _blank(log, rng, "price")


def without_region(log, rng):
    return _blank(log, rng, "region")


def without_quantity(log, rng):
    return _blank(log, rng, "quantity")


def with_remarks(log, rng):
    return log.assign(remark="x", cashier=7)


def with_discounts(log, rng):
    """List price and discount in the place of the three prices."""
    off = np.where(np.arange(len(log)) < SPOILT, 0.5, 0.0)
    listed = log.assign(list_price=log["price"] + off, off=off)
    return listed.drop(columns=["price", "regular_price", "shelf_price"])


def of_lines(log, rng):
    """Prices are totals of a line."""
    return log.assign(
        **{name: log[name] * log["quantity"] for name in ("price", "regular_price", "shelf_price")}
    )


DAMAGE = {
    damage.name: damage
    for damage in (
        Damage("duplicates", copied, rules.Duplicates()),
        Damage("duplicates by key", copied_by_key, rules.Duplicates(by=("interaction_id",))),
        Damage("returns", returned, rules.Returns(), (2, 0, 0)),
        Damage("returns in part", returned_in_part, rules.Returns(), (1, 1, 0)),
        Damage("returns alone", returned_alone, rules.Returns(), (0, 0, 1)),
        Damage("cancellations", cancelled, rules.Returns(prefix="C"), (2, 0, 0)),
        Damage("zero quantities", of_nothing, rules.ZeroQuantities()),
        Damage("missing users", of_nobody, rules.Guests()),
        Damage("guest ids", of_guest, rules.Guests(ids=("guest",))),
        Damage("impossible values", impossible, rules.Outliers("quantity", low=0, high=1000)),
        Damage("extreme values", extreme, rules.Outliers("price", "z", factor=10, group=("item_id",))),
        Damage(
            "missing prices",
            without_price,
            rules.Missing("price", "median", group=("item_id",)),
            (1,),
            False,
        ),
        Damage("missing regions", without_region, rules.Missing("region", "mode", group=("user_id",))),
        Damage(
            "missing quantities",
            without_quantity,
            rules.Missing("quantity", "model", features=("price", "item_id")),
            (1,),
            False,
        ),
        Damage("unknown columns", with_remarks, rules.Ignore(("remark", "cashier", "region")), (0,)),
    )
}  # fmt: skip
