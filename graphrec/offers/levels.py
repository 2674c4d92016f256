"""What a policy chooses among for each pair: percentages, amounts of money, or one coupon over many items."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.errors import InputError
from graphrec.offers.budget.budgets import Budget, GroupBudget, UserCap
from graphrec.offers.limits.rates import Limit
from graphrec.offers.reasons import Reason

if TYPE_CHECKING:  # they bring pandas and torch along, which the command line's help does without
    import pandas as pd

    from graphrec.response.curves import Response

Promotion = Literal["percent", "amount", "threshold", "coupon"]
PROMOTIONS: tuple[str, ...] = get_args(Promotion)
"""Kinds of promotion: three here, and thresholds of baskets in `graphrec.offers.thresholds`."""
LEVELS = (0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30)
"""Rates that policies of levels choose from."""
AMOUNTS = (0.0, 0.25, 0.50, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Money off one unit; the face values of Complete Journey's coupons run from 0.35 to 3, the median is 1."""
COIN = 0.05
"""A rule's amount is rounded down to this."""


@dataclass(frozen=True)
class Levels:
    """Percentages, the same for every pair; the other kinds of promotion inherit from it.

    Args:
        grid: Levels in ascending order, the first one 0: rates here. Shape ``[R]``.
    """

    grid: FloatArray = field(default_factory=lambda: np.asarray(LEVELS))

    def __post_init__(self) -> None:
        """Check the levels."""
        check_levels(tuple(self.grid.tolist()))

    def among(self, rates: tuple[float, ...]) -> Levels:
        """Make the same kind of promotion with other rates to choose from."""
        return replace(self, grid=np.asarray(rates, dtype=np.float64))

    def rates(self, price: FloatArray) -> FloatArray:
        """Find the rate of each level for each pair. ``[P]`` to ``[P, R]``."""
        return np.broadcast_to(self.grid, (len(price), len(self.grid)))

    def probability(self, response: Response, rates: FloatArray) -> FloatArray:
        """Find the probability of each pair at each level. Shape ``[P, R]``."""
        return response.curve(self.grid)

    def possible(self, price: FloatArray) -> BoolArray:
        """Tell which levels exist for each pair. ``[P]`` to ``[P, R]``."""
        return np.ones((len(price), len(self.grid)), dtype=np.bool_)

    def payable(self, rate: FloatArray, price: FloatArray) -> FloatArray:
        """Turn a rule's rate into one that this kind of promotion can give. ``[P]`` to ``[P]``."""
        return rate

    @property
    def members(self) -> IntArray | None:
        """The separate decision that each pair belongs to, if that is not the pair's own. Shape ``[P]``."""
        return None

    def shared(self, limits: list[Limit]) -> list[Limit]:
        """Turn the limits of the pairs into those of each pair's decision."""
        return limits

    def whole(self, eligible: BoolArray) -> BoolArray:
        """Tell whether each pair's decision may be an offer at all. ``[P]`` to ``[P]``."""
        return eligible

    def kept_together(self, item: IntArray) -> IntArray:
        """Name what a spread of rates is held on, for each separate decision: the item. Shape ``[rows]``."""
        return item

    def pooled(
        self, value: FloatArray, spend: FloatArray, allowed: BoolArray
    ) -> tuple[FloatArray, FloatArray, BoolArray, IntArray | None]:
        """Pool tables to a row for each decision, and find each pair's row where it is not the pair's own."""
        return value, spend, allowed, self.members

    def pooled_budget(self, budget: Budget) -> Budget:
        """Turn the budget into one on those rows."""
        return budget


@dataclass(frozen=True)
class Amounts(Levels):
    """Money off one unit, below its price."""

    grid: FloatArray = field(default_factory=lambda: np.asarray(AMOUNTS))

    def among(self, rates: tuple[float, ...]) -> Levels:
        """Return itself: amounts are no rates."""
        return self

    def __post_init__(self) -> None:
        """Check the amounts.

        Raises:
            InputError: If they do not increase from 0.
        """
        grid = self.grid.tolist()
        if not grid or grid[0] != 0.0 or sorted(set(grid)) != grid or not np.isfinite(grid).all():
            hint = "list increasing amounts that start with 0, as [0, 0.5, 1]"
            raise InputError(f"the amounts {grid} cannot be used", column="amounts", hint=hint)

    def rates(self, price: FloatArray) -> FloatArray:
        """Compute ``f / P``, and 0 where the amount reaches the price. Shape ``[P, R]``."""
        return np.where(self.possible(price), self.grid / price[:, None], 0.0)

    def probability(self, response: Response, rates: FloatArray) -> FloatArray:
        """Find the probability of each pair at each level, level by level."""
        return np.stack([response.probability(rates[:, level]) for level in range(rates.shape[1])], axis=1)

    def possible(self, price: FloatArray) -> BoolArray:
        """Allow amounts below the price."""
        return np.asarray(self.grid < price[:, None], dtype=np.bool_)

    def payable(self, rate: FloatArray, price: FloatArray) -> FloatArray:
        """Round down to coins."""
        return np.floor(rate * price / COIN + 1e-9) * COIN / price


@dataclass(frozen=True)
class CouponLevels(Levels):
    """One rate for all items of a product set that a user is offered: the coupon is decided as a whole.

    What holds for one of its pairs holds for the coupon: where an item may not be discounted, the coupon is
    not issued.

    Args:
        grid: Rates.
        coupon: Number of each pair's coupon (a user and a product set), 0 upwards. Shape ``[P]``.
        product_set: Number of each pair's product set, -1 where the item is in none; one set if missing.
            Shape ``[P]``.
    """

    coupon: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    product_set: IntArray | None = None

    @property
    def members(self) -> IntArray | None:
        """The coupon of each pair."""
        return self.coupon

    def shared(self, limits: list[Limit]) -> list[Limit]:
        """Take each limit at its lowest within the coupon, and nothing off where there is no set."""
        if self.product_set is not None:
            outside = np.where(self.product_set < 0, 0.0, np.inf)
            limits = [*limits, Limit(Reason.PRODUCT_SET, outside)]
        return [replace(limit, rate=self._lowest(limit.rate)) for limit in limits]

    def whole(self, eligible: BoolArray) -> BoolArray:
        """Allow a coupon where every one of its pairs is eligible."""
        return np.asarray(self._lowest(eligible.astype(np.float64)) > 0, dtype=np.bool_)

    def kept_together(self, item: IntArray) -> IntArray:
        """Name the product set of each coupon."""
        sets = np.zeros(len(self.coupon), dtype=np.int64) if self.product_set is None else self.product_set
        return sets[self._first()] + 1

    def pooled(
        self, value: FloatArray, spend: FloatArray, allowed: BoolArray
    ) -> tuple[FloatArray, FloatArray, BoolArray, IntArray | None]:
        """Sum over each coupon's pairs; a level must be allowed for every one of them."""
        count, levels = int(self.coupon.max(initial=-1)) + 1, value.shape[1]
        worth, cost = np.zeros((count, levels)), np.zeros((count, levels))
        refused = np.zeros((count, levels), dtype=np.int64)
        np.add.at(worth, self.coupon, value)
        np.add.at(cost, self.coupon, spend)
        np.add.at(refused, self.coupon, ~allowed)
        return worth, cost, refused == 0, self.members

    def pooled_budget(self, budget: Budget) -> Budget:
        """Count a coupon as one offer of its user, which draws on the budget of one group.

        Raises:
            InputError: If the items of a coupon are in several groups: no budget of one could be kept.
        """
        first = self._first()
        for family in budget.groups:
            if (family.group[first][self.coupon] != family.group).any():
                what = "a set of products has items of several campaigns, so no budget of one can be kept"
                hint = "choose sets within campaigns with --product_set, or leave the budgets out"
                raise InputError(what, column="--campaign_budgets", hint=hint)
        of_rows = tuple(GroupBudget(family.group[first], family.budget) for family in budget.groups)
        cap = None if budget.cap is None else UserCap(budget.cap.user[first], budget.cap.offers)
        return Budget(budget.total, of_rows, cap)

    def payable(self, rate: FloatArray, price: FloatArray) -> FloatArray:
        """Take the lowest rate that a rule has for any pair of the coupon, in whole per cent."""
        return np.floor(self._lowest(rate) * 100 + 1e-9) / 100

    def _lowest(self, amount: FloatArray) -> FloatArray:
        """Find the lowest within each pair's coupon. ``[P]`` to ``[P]``."""
        lowest = np.full(int(self.coupon.max(initial=-1)) + 1, np.inf)
        np.minimum.at(lowest, self.coupon, amount)
        return lowest[self.coupon]

    def _first(self) -> IntArray:
        """Find the first pair of each coupon. Shape ``[coupons]``."""
        return np.unique(self.coupon, return_index=True)[1].astype(np.int64)


def check_levels(levels: tuple[float, ...], column: str = "levels") -> None:
    """Refuse levels that do not increase from 0.

    Raises:
        InputError: If they do not, or one is not a rate.
    """
    hint = "list increasing rates that start with 0, as [0, 0.05, 0.1]"
    for level in levels:
        if not 0.0 <= level < 1.0:
            raise InputError(f"{level} is not a rate in 0..1", column=column, hint=hint)
    if not levels or levels[0] != 0.0 or sorted(set(levels)) != list(levels):
        raise InputError(f"the levels {list(levels)} cannot be used", column=column, hint=hint)


def levels_of(promotion: Promotion, frame: pd.DataFrame, amounts: tuple[float, ...] | None = None) -> Levels:
    """Find what a kind of promotion chooses among.

    Args:
        promotion: ``percent``, ``amount`` or ``coupon``.
        frame: Candidates; a coupon needs their ``product_set``.
        amounts: Money off, in the currency of the log; `AMOUNTS` if missing.

    Raises:
        InputError: If the sets are missing, or an amount is no money above 0.
    """
    if promotion == "amount":
        return Amounts() if amounts is None else Amounts(np.array([0.0, *sorted(set(amounts))]))
    if promotion == "percent":
        return Levels()
    if "product_set" not in frame:
        hint = "name a product attribute, as --product_set product_category"
        raise InputError("coupons need sets of products", column="product_set", hint=hint)
    coupon = frame.groupby(["user_id", "product_set"], sort=False, dropna=False).ngroup()
    product_set = frame["product_set"].factorize()[0].astype(np.int64)
    return CouponLevels(coupon=np.asarray(coupon, dtype=np.int64), product_set=product_set)
