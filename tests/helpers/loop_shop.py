"""A shop whose shoppers are known: a log, and the purchases that offers of a week lead to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.offers.budget.knapsack import allocate

WEEKS = 16


@dataclass(frozen=True)
class LoopShop:
    """Shoppers whose answer to a discount differs by item and by person.

    Args:
        users: Ids.
        items: Ids.
        price: Regular, of each item.
        base: Logit of a purchase within a week, of each user and item.
        slope: Rise of the logit with ``-log(1 - rate)``, of each user and item.
    """

    users: list[str]
    items: list[str]
    price: np.ndarray
    base: np.ndarray
    slope: np.ndarray

    @classmethod
    def drawn(cls, users: int = 200, items: int = 16, seed: int = 0) -> LoopShop:
        """Draw one; half of the items react to a discount, the others hardly do."""
        rng = np.random.default_rng(seed)
        taste = rng.normal(-2.2, 0.5, items)[None] + rng.normal(0, 0.5, (users, 1))
        taste = taste + rng.normal(0, 0.4, (users, items))
        slope = np.where(np.arange(items) % 2, 0.2, 4.0)[None] * rng.uniform(0.8, 1.2, (users, 1))
        names = [f"k{n:03d}" for n in range(users)], [f"{n:03d}" for n in range(items)]
        return cls(*names, rng.uniform(2, 9, items).round(2), taste, slope)

    def chance(self, rate: np.ndarray) -> np.ndarray:
        """Probability of a purchase within a week at a rate. ``[U, I]``."""
        return 1 / (1 + np.exp(-(self.base - np.log1p(-rate) * self.slope)))

    def week(self, number: int, rate: np.ndarray, seed: int = 0) -> pd.DataFrame:
        """Purchases of a week at these rates."""
        drawn = np.random.default_rng((seed, number)).random(self.base.shape) < self.chance(rate)
        user, item = np.nonzero(drawn)
        regular = self.price[item]
        return pd.DataFrame(
            {
                "user_id": np.array(self.users)[user],
                "item_id": np.array(self.items)[item],
                "week": number,
                "quantity": 1,
                "price": (regular * (1 - rate[user, item])).round(2),
                "regular_price": regular,
                "shelf_price": (regular * (1 - rate[user, item])).round(2),
            }
        )

    def log(self, seed: int = 0) -> pd.DataFrame:
        """Some weeks in which each item has been on sale now and then."""
        rng, shape = np.random.default_rng(seed), self.base.shape
        rates = [rng.choice([0, 0, 0.1, 0.3], shape[1]) for _ in range(WEEKS)]
        weeks = [
            self.week(number + 1, np.broadcast_to(rate, shape), seed) for number, rate in enumerate(rates)
        ]
        return pd.concat(weeks, ignore_index=True)

    def rates(self, offers: pd.DataFrame, column: str = "rate") -> np.ndarray:
        """Lay out the rates of an offers table; pairs that are not in it have none. ``[U, I]``."""
        rate = np.zeros(self.base.shape)
        user = pd.Index(self.users).get_indexer(pd.Index(offers["user_id"].astype("str")))
        item = pd.Index(self.items).get_indexer(pd.Index(offers["item_id"].astype("str")))
        rate[user, item] = offers[column]
        return rate

    def units(self, rate: np.ndarray) -> float:
        """What rates are expected to sell beyond no discount."""
        return float((self.chance(rate) - self.chance(0 * rate)).sum())

    def cost(self, rate: np.ndarray) -> float:
        """What the discounts are expected to cost, in money."""
        return float((self.chance(rate) * rate * self.price).sum())

    def net(self, rate: np.ndarray, price: float) -> float:
        """Units beyond no discount, less the cost at a price of the budget."""
        return self.units(rate) - price * self.cost(rate)

    def oracle(self, budget: float, levels: np.ndarray) -> tuple[np.ndarray, float]:
        """The rates that sell most within a budget, and the price of the budget."""
        chance = np.stack([self.chance(np.full(self.base.shape, rate)).ravel() for rate in levels], axis=1)
        price = np.broadcast_to(self.price, self.base.shape).reshape(-1, 1)
        found = allocate(chance - chance[:, :1], chance * levels * price, budget)
        return levels[found.level].reshape(self.base.shape), found.budget_price
