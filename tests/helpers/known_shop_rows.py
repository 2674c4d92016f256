"""The rows of the files of a `known_shop.KnownShop`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from known_shop import KnownShop

FIRST_DAY = pd.Timestamp("2024-01-01")


def log_rows(
    shop: KnownShop,
    rng: np.random.Generator,
    week: int,
    buys: np.ndarray,
    shelf: np.ndarray,
    personal: np.ndarray,
) -> pd.DataFrame:
    """Write the receipts of a week, with what comes back a week later. Arrays are ``[U, I]``."""
    u, i = np.nonzero(buys)
    asked = shop.price[i] * (1 - shelf[u, i])
    day = FIRST_DAY + pd.to_timedelta(7 * (week - 1) + rng.integers(7, size=len(shop.users))[u], unit="D")
    rows = pd.DataFrame(
        {
            "user_id": shop.users[u],
            "item_id": shop.items[i],
            "week": week,
            "timestamp": day.strftime("%Y-%m-%d"),
            "basket_id": [f"{week}-{code}" for code in u],
            "quantity": 1 + rng.poisson(0.2, len(u)),
            "regular_price": shop.price[i],
            "shelf_price": asked.round(2),
            "price": (asked * (1 - personal[u, i])).round(2),
        }
    )
    back = rows[rng.random(len(rows)) < shop.return_rate[i]]
    later = (pd.to_datetime(back["timestamp"]) + pd.Timedelta(days=7)).dt.strftime("%Y-%m-%d")
    back = back.assign(week=week + 1, timestamp=later, basket_id="C" + back["basket_id"], quantity=-1)
    return pd.concat([rows, back], ignore_index=True)


def offer_rows(
    shop: KnownShop, week: int, buys: np.ndarray, personal: np.ndarray, propensity: np.ndarray
) -> pd.DataFrame:
    """Write the coupons of a week and who took them up. Arrays are ``[U, I]``."""
    u, i = np.nonzero(personal)
    return pd.DataFrame(
        {
            "user_id": shop.users[u],
            "item_id": shop.items[i],
            "week": week,
            "rate": personal[u, i],
            "propensity": propensity[u, i],
            "redeemed": buys[u, i].astype(int),
        }
    )


def write_files(shop: KnownShop, folder: Path, log: pd.DataFrame, offers: pd.DataFrame) -> None:
    """Write what `KnownShop.open` lists."""
    facts = pd.DataFrame({"item_id": shop.items, "cost": shop.cost, "funded_share": shop.funded_share})
    people = pd.DataFrame({"user_id": shop.users, "income": shop.income})
    arm = np.where(shop.holdout, "holdout", "coupons")
    files = {
        "log": log,
        "offers": offers,
        "costs": facts,
        "stock": facts[["item_id"]].assign(stock=shop.stock),
        "items": facts[["item_id"]].assign(category=shop.category),
        "users": people,
        "arms": people[["user_id"]].assign(arm=arm),
    }
    for name, frame in files.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
