"""Facts of items as they hold for a whole basket: the mean of each household's past baskets, by money."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.interactions import Columns, Interactions
from graphrec.data.tables.kinds import COST, FUNDED_SHARE, MARGIN, MAX_RATE, MIN_MARGIN
from graphrec.offers.candidates.prices import regular_prices
from graphrec.offers.economics import Economics, PairEconomics
from graphrec.offers.limits.guardrails import Guardrails


def of_baskets(
    log: pd.DataFrame,
    money: FloatArray,
    train: Interactions,
    facts: pd.DataFrame,
    assumed: Economics,
    limits: Guardrails,
) -> tuple[PairEconomics, Guardrails]:
    """Find margin, funding and limits of each household's baskets.

    A basket at a threshold holds what the household buys: a cost, a share or a limit of it is the mean over
    the past, each row counting as much as was paid. So a limit is kept by the basket as a whole. Rows of
    items without a fact count with what is assumed or allowed for all.

    Args:
        log: Rows of the training weeks.
        money: What each of them brought. Shape ``[rows]``.
        train: Training part, for codes and regular prices.
        facts: By item id as text.
        assumed: Of items of which the shop tells nothing, and of households without a purchase.
        limits: What is allowed on such items; a rate of an item may lie below, never above.

    Returns:
        Margin and funding, and the limits, of each household. Shape ``[U]``.
    """
    user = train.users.codes(log[Columns.USER])
    of_item = facts.reindex(log[Columns.ITEM].astype("str"))
    cost = _cost(log, money, of_item, train, assumed)
    total = _sums(user, money, len(train.users))

    def mean(values: FloatArray, otherwise: float) -> FloatArray:
        summed = _sums(user, money * values, len(train.users))
        found = np.divide(summed, total, out=np.full(len(total), otherwise), where=total > 0)
        return np.asarray(found, dtype=np.float64)

    def told(name: str, otherwise: float) -> FloatArray:
        if name not in of_item:
            return np.full(len(log), otherwise)
        return of_item[name].fillna(otherwise).to_numpy(dtype=np.float64)

    left = total - _sums(user, cost, len(train.users))
    margin = np.divide(left, total, out=np.full(len(total), assumed.margin), where=total > 0)
    funded = mean(told(FUNDED_SHARE, assumed.funded_share), assumed.funded_share)
    most, least = float(limits.max_rate), float(limits.min_margin)
    rate = mean(np.minimum(told(MAX_RATE, most), most), most)
    floor = mean(told(MIN_MARGIN, least), least)
    return PairEconomics(margin, funded), replace(limits, max_rate=rate, min_margin=floor)


def _cost(
    log: pd.DataFrame, money: FloatArray, of_item: pd.DataFrame, train: Interactions, assumed: Economics
) -> FloatArray:
    """Find what the goods of each row cost: as told, or what the assumed margin leaves. Shape ``[rows]``."""
    units = np.asarray(pd.Series(log.get(Columns.QUANTITY, 1.0), log.index).fillna(0.0), dtype=np.float64)
    unit = np.full(len(log), np.nan)
    if COST in of_item:
        unit = of_item[COST].to_numpy(dtype=np.float64)
    if MARGIN in of_item:
        price = log[Columns.ITEM].map(regular_prices(train.frame)).to_numpy(dtype=np.float64)
        unit = np.fmax(unit, price * (1.0 - of_item[MARGIN].to_numpy(dtype=np.float64)))
    known = ~np.isnan(unit) & (money > 0)
    return np.where(known, units * np.nan_to_num(unit), money * (1.0 - assumed.margin))


def _sums(user: IntArray, values: FloatArray, users: int) -> FloatArray:
    """Add up the rows of each user, those of unknown users left out. ``[rows]`` to ``[U]``."""
    return np.bincount(user[user >= 0], values[user >= 0], users).astype(np.float64)
