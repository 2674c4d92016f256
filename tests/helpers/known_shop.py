"""A shop whose truth is known: the files that a shop has, and what any offer would have done.

Each week a household comes with its own probability. On a visit it buys item ``i`` with
``σ(base[u, i] + slope[u, i] · -log(1 - d))``. The rate ``d`` is ``1 - (1 - shelf)(1 - personal)``. Shelf
depths hold for everybody in an item-week. Personal coupons are drawn for pairs of a household's `pool`:

* ``randomised``: each pair of the pool with the same chance, each level alike;
* ``confounded``: pairs that are bought anyway get more and deeper ones, and nobody writes the chance down;
* ``none``.

Households of the arm ``holdout``, drawn by coin, never get a personal one. A purchase takes up its coupon.

    shop = KnownShop.drawn(seed=0, coupons="randomised")
    log = shop.open(folder)              # writes the files, see `KnownShop.open`
    shop.probability(user, item, 0.2)    # the truth of pairs, by the ids of the files
    week = shop.week(41, offers)         # one more week of the log, under offers of a table of ours
    shop.brings(offers)                  # what those are worth in truth
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from known_shop_rows import log_rows, offer_rows, write_files

Coupons = Literal["randomised", "confounded", "none"]
LEVELS = np.array([0.1, 0.2, 0.3])
"""Rates of personal coupons."""
NEVER = 0.3
"""Share of the households that no discount moves."""
HOLDOUT = 0.2
POOL = 25
"""Items on which a household may get a coupon: those it likes best."""
OFFERED = 0.3
"""Chance of a coupon of a pair of the pool, each week; on average where it is confounded."""
TILT = 1.5
"""What one standard deviation of the base logit adds to the logit of a confounded coupon."""
_SHELF, _SHELF_SHARES = np.array([0.0, 0.1, 0.2, 0.3]), np.array([0.7, 0.1, 0.1, 0.1])
_AHEAD = 60
"""Weeks after the log for which shelf depths are drawn, too."""


@dataclass(frozen=True)
class KnownShop:
    """The truth of ``U`` households, ``I`` items and ``W`` weeks.

    Args:
        users: Ids of the households. Shape ``[U]``.
        items: Ids of the items, with leading zeros. Shape ``[I]``.
        weeks: Length of the log that `open` writes.
        visit: Probability that a household comes in a week. Shape ``[U]``.
        base: Logit of a purchase on a visit at the regular price. Shape ``[U, I]``.
        slope: What ``-log(1 - d)`` adds per unit, at least 0. Shape ``[U, I]``.
        price: Regular price, money per unit. Shape ``[I]``.
        cost: Money per unit. Shape ``[I]``.
        funded_share: Share of a discount that the shop pays. Shape ``[I]``.
        return_rate: Share of the units of an item that come back a week later. Shape ``[I]``.
        stock: Units on hand at the end of the log. Shape ``[I]``.
        shelf: Depth on the shelf, in the log and `_AHEAD` weeks after it. Shape ``[I, W + 60]``.
        holdout: Households that never get a personal coupon. Shape ``[U]``.
        income: ``low``, ``middle`` or ``high``; lower incomes respond more. Shape ``[U]``.
        category: Of each item. Shape ``[I]``.
        chance: Weekly probability of a coupon, whatever its level. Shape ``[U, I]``.
        tilt: Of the levels: how deep coupons go to a pair. Shape ``[U, I]``.
        seed: Of everything.
    """

    users: np.ndarray
    items: np.ndarray
    weeks: int
    visit: np.ndarray
    base: np.ndarray
    slope: np.ndarray
    price: np.ndarray
    cost: np.ndarray
    funded_share: np.ndarray
    return_rate: np.ndarray
    stock: np.ndarray
    shelf: np.ndarray
    holdout: np.ndarray
    income: np.ndarray
    category: np.ndarray
    chance: np.ndarray
    tilt: np.ndarray
    seed: int

    @classmethod
    def drawn(
        cls,
        seed: int = 0,
        users: int = 600,
        items: int = 120,
        weeks: int = 40,
        coupons: Coupons = "randomised",
        response: float = 2.5,
    ) -> KnownShop:
        """Draw a shop; `response` is the median slope of those who respond at all."""
        rng = np.random.default_rng(seed)
        kind = 6
        likes = rng.normal(0, 1.0, (users, kind)) @ np.eye(kind)[np.arange(items) % kind].T
        base = -4.1 + rng.normal(0, 0.7, items) + 1.1 * likes + rng.normal(0, 0.6, (users, items))
        income = rng.choice(["low", "middle", "high"], users)
        poorer = pd.Series(income).map({"low": 0.35, "middle": 0.0, "high": -0.35}).to_numpy()
        steep = response * np.exp(poorer + rng.normal(0, 0.4, users)) * (rng.random(users) >= NEVER)
        slope = steep[:, None] * np.exp(rng.normal(0, 0.2, items))
        price = np.round(np.exp(rng.normal(1.6, 0.5, items)), 2).clip(1.0)
        holdout = rng.random(users) < HOLDOUT
        chance, tilt = _coupon_chances(base, holdout, coupons)
        sold = base.max(axis=0)  # the best liked are bought in larger numbers, too
        return cls(
            users=np.array([f"H{code:04d}" for code in range(users)]),
            items=np.array([f"{code:04d}" for code in range(items)]),
            weeks=weeks,
            visit=rng.beta(5, 3, users),
            base=base,
            slope=slope,
            price=price,
            cost=np.round(price * rng.uniform(0.45, 0.85, items), 2),
            funded_share=rng.choice([0.5, 1.0], items),
            return_rate=rng.choice([0.0, 0.02, 0.1], items),
            stock=np.round(rng.uniform(0.5, 8.0, items) * np.exp(sold - sold.mean()) * 0.02 * users),
            shelf=rng.choice(_SHELF, p=_SHELF_SHARES, size=(items, weeks + _AHEAD)),
            holdout=holdout,
            income=income,
            category=np.array([f"category {code % kind}" for code in range(items)]),
            chance=chance,
            tilt=tilt,
            seed=seed,
        )

    # ---- the truth -------------------------------------------------------------------------------------

    def codes(self, user, item) -> tuple[np.ndarray, np.ndarray]:
        """Find the places of ids of the files."""
        return self._user.get_indexer(pd.Index(user)), self._item.get_indexer(pd.Index(item))

    def slope_of(self, user, item) -> np.ndarray:
        """Take the true slope of pairs, by their ids. Shape ``[P]``."""
        return self.slope[self.codes(user, item)]

    def probability(self, user, item, rate=0.0, weeks: int = 1) -> np.ndarray:
        """Compute the chance that pairs are bought within some weeks, at the same rate in each.

        Args:
            user: Ids. Length ``P``.
            item: Ids. Length ``P``.
            rate: The whole discount on the regular price, shelf and personal. One number or ``[P]``.
            weeks: How many.
        """
        u, i = self.codes(user, item)
        once = self.visit[u] * _sigmoid(self.base[u, i] - self.slope[u, i] * np.log1p(-np.asarray(rate)))
        return 1.0 - (1.0 - once) ** weeks

    def brings(self, offers: pd.DataFrame, weeks: int = 1) -> dict[str, float]:
        """Compute what offers bring in truth beyond no discount: expected units, revenue, profit and spend.

        A purchase is one unit within `weeks`, which pays ``price · (1 - funded_share · rate)`` and costs its
        cost; nothing is on sale on the shelf. Returns are not counted.

        Args:
            offers: ``user_id``, ``item_id`` and ``rate``; each pair once.
            weeks: As of `probability`.
        """
        user, item, rate = (offers[name].to_numpy() for name in ("user_id", "item_id", "rate"))
        _, i = self.codes(user, item)
        with_it, without = self.probability(user, item, rate, weeks), self.probability(user, item, 0.0, weeks)
        paid = self.price[i] * (1 - self.funded_share[i] * rate)
        margin = self.price[i] - self.cost[i]
        return {
            "units": float((with_it - without).sum()),
            "revenue": float((with_it * paid - without * self.price[i]).sum()),
            "profit": float((with_it * (paid - self.cost[i]) - without * margin).sum()),
            "spend": float((with_it * self.price[i] * self.funded_share[i] * rate).sum()),
        }

    # ---- what the shop has ------------------------------------------------------------------------------

    def open(self, folder: Path, shelf_known: bool = True, known: bool | None = None) -> pd.DataFrame:
        """Run the shop for its weeks and write its files.

        * ``log.csv``: user_id, item_id, week, timestamp, basket_id, quantity, regular_price, shelf_price,
          price; a return has quantity -1 and a basket that begins with C;
        * ``offers.csv``: user_id, item_id, week, rate, propensity (of that rate), redeemed; a row per coupon;
        * ``costs.csv``: item_id, cost, funded_share; ``stock.csv``: item_id, stock;
        * ``items.csv``: item_id, category; ``users.csv``: user_id, income;
        * ``arms.csv``: user_id, arm (``coupons`` or ``holdout``).

        Args:
            folder: Where to; it must exist.
            shelf_known: Whether the till tells the shelf price from the price after coupons. If not,
                ``shelf_price`` is what was paid, so that it varies inside an item-week.
            known: Whether ``offers.csv`` has propensities; by default where coupons are randomised.

        Returns:
            The log.
        """
        parts = [self.week(week) for week in range(1, self.weeks + 1)]
        log = pd.concat([log for log, _ in parts], ignore_index=True)
        log = log[log["week"] <= self.weeks].sort_values("week", kind="stable", ignore_index=True)
        offers = pd.concat([offers for _, offers in parts], ignore_index=True)
        if not shelf_known:
            log = log.assign(shelf_price=log["price"])
        if not (self._randomised if known is None else known):
            offers = offers.drop(columns="propensity")
        write_files(self, folder, log, offers)
        return log

    def week(
        self, week: int, offers: pd.DataFrame | None = None, seed: int | None = None
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Run one week, counted from 1.

        Args:
            week: Its number; the random numbers are its own, so that two calls with the same offers agree.
            offers: ``user_id``, ``item_id`` and ``rate``: given in the place of the shop's own coupons.
                Rows at rate 0 are no coupons.
            seed: Draws another world of the same shop.

        Returns:
            The rows of the log (returns are a week later) and of the offers, as `open` writes them.
        """
        rng = np.random.default_rng([self.seed if seed is None else seed, week])
        comes, bought, coupon, level = (
            rng.random(len(self.users)),
            *(rng.random(self.base.shape) for _ in range(3)),
        )
        personal, propensity = self._own_coupons(coupon, level)
        if offers is not None:
            personal, propensity = self._given(offers)
        shelf = np.broadcast_to(self.shelf[:, week - 1], personal.shape)
        rate = 1.0 - (1.0 - shelf) * (1.0 - personal)
        chance = _sigmoid(self.base - self.slope * np.log1p(-rate))
        buys = (comes < self.visit)[:, None] & (bought < chance)
        return log_rows(self, rng, week, buys, shelf, personal), offer_rows(
            self, week, buys, personal, propensity
        )

    # ---- parts --------------------------------------------------------------------------------------------

    @cached_property
    def _user(self) -> pd.Index:
        return pd.Index(self.users)

    @cached_property
    def _item(self) -> pd.Index:
        return pd.Index(self.items)

    @property
    def _randomised(self) -> bool:
        return not self.tilt.any()

    def _own_coupons(self, coupon: np.ndarray, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw rates ``[U, I]``, 0 for none, and the probability of the rate that was drawn."""
        weight = np.exp(self.tilt[..., None] * np.linspace(-1, 1, len(LEVELS)))
        share = weight / weight.sum(axis=-1, keepdims=True)
        place = (level[..., None] >= share.cumsum(axis=-1)).sum(axis=-1).clip(max=len(LEVELS) - 1)
        drawn = coupon < self.chance
        taken = np.take_along_axis(share, place[..., None], axis=-1)[..., 0]
        return np.where(drawn, LEVELS[place], 0.0), np.where(drawn, self.chance * taken, 1.0 - self.chance)

    def _given(self, offers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Lay out the rates of a table of offers, and their propensities where it has some."""
        place = self.codes(offers["user_id"], offers["item_id"])
        personal, propensity = np.zeros(self.base.shape), np.ones(self.base.shape)
        personal[place] = offers["rate"].to_numpy(dtype=float)
        if "propensity" in offers:
            propensity[place] = offers["propensity"].to_numpy(dtype=float)
        return personal, propensity


def _coupon_chances(base: np.ndarray, holdout: np.ndarray, coupons: Coupons) -> tuple[np.ndarray, np.ndarray]:
    """Say how likely and how deep a coupon is, 0 outside the pool. Shapes ``[U, I]``."""
    if coupons == "none":
        return np.zeros(base.shape), np.zeros(base.shape)
    order = (-base).argsort(axis=1).argsort(axis=1)
    pool = (order < POOL) & ~holdout[:, None]
    z = (base - base[order < POOL].mean()) / base[order < POOL].std()
    tilt = np.where(pool, TILT * z if coupons == "confounded" else 0.0, 0.0)
    return np.where(pool, _sigmoid(np.log(OFFERED / (1 - OFFERED)) + tilt), 0.0), tilt


def _sigmoid(logit: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-logit))
