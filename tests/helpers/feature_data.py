"""Logs and helpers that the tests of the features share."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphrec.arrays import AnyFloatArray
from graphrec.data.features.attributes import align, fit_attributes
from graphrec.data.features.build import Features
from graphrec.data.features.encoding import Attributes
from graphrec.data.features.log import LogFacts
from graphrec.data.interactions import IdMap, Interactions


def encoded(log: pd.DataFrame) -> Interactions:
    return Interactions.encode(log, IdMap.from_values(log["user_id"]), IdMap.from_values(log["item_id"]))


def small() -> Interactions:
    """Ann: two baskets in week 1 and one in week 3; Bob: one basket in week 2."""
    return encoded(
        pd.DataFrame(
            {
                "user_id": ["ann", "ann", "ann", "ann", "bob"],
                "item_id": ["milk", "milk", "tea", "milk", "tea"],
                "week": [1, 1, 1, 3, 2],
                "basket_id": ["a", "b", "b", "c", "d"],
                "quantity": [1, 2, 1, 1, 3],
                "price": [1.0, 0.5, 4.0, 1.0, 2.0],
                "shelf_price": [1.0, 0.5, 4.0, 1.0, 3.0],
                "regular_price": [1.0, 1.0, 4.0, 1.0, 4.0],
            }
        )
    )


def shop(seed: int = 0, rows: int = 800) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A random shop whose log runs over twelve weeks, with gaps in the tables of attributes."""
    rng = np.random.default_rng(seed)
    user, item = rng.integers(0, 40, rows), rng.integers(0, 25, rows)
    regular = 1.0 + item / 5
    log = pd.DataFrame(
        {
            "user_id": [f"u{code:02}" for code in user],
            "item_id": [f"i{code:02}" for code in item],
            "week": rng.integers(1, 13, rows),
            "basket_id": rng.integers(0, rows // 3 + 1, rows),
            "quantity": rng.integers(1, 4, rows),
            "regular_price": regular,
            "shelf_price": regular * rng.choice([1.0, 0.8], rows),
            "rating": rng.choice([1.0, 3.0, 5.0, np.nan], rows),
        }
    ).assign(price=lambda frame: frame["shelf_price"] * 0.95)
    users = pd.DataFrame({"user_id": [f"u{code:02}" for code in range(0, 40, 2)]})
    users["age"] = rng.choice(["young", "old", None], len(users))
    users["income"] = rng.normal(3e4, 1e4, len(users))
    items = pd.DataFrame({"item_id": [f"i{code:02}" for code in range(24)]})
    items["department"] = rng.choice(["GROCERY", "MEAT", None], len(items))
    return log, users, items


def facts(train: Interactions) -> LogFacts:
    return LogFacts.of(train)


def column(features: Features, name: str) -> np.ndarray:
    side, names = (features.user, features.user_names)
    if name not in names:
        side, names = features.item, features.item_names
    return side[:, names.index(name)]


def same(one: Features, other: Features) -> bool:
    return (
        one.user_names == other.user_names
        and one.item_names == other.item_names
        and np.array_equal(one.user, other.user)
        and np.array_equal(one.item, other.item)
    )


def encode_attributes(
    table: pd.DataFrame | None, key: str, ids: IdMap, weights: AnyFloatArray, max_categories: int
) -> Attributes:
    """Learn from a table and encode the same rows."""
    aligned = align(table, key, ids)
    return fit_attributes(aligned, key, weights, max_categories).encode(aligned)
