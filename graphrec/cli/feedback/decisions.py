"""Decisions of a loop with what came of them, as ``graphrec policy evaluate --log`` reads them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import ARM, COST, PROPENSITY, RATE, REWARD
from graphrec.offpolicy.loop.judging import Judgement
from graphrec.offpolicy.loop.outcomes import CAME, PAID, RETURNED, TOLERANCE, UNITS
from graphrec.offpolicy.loop.weeks import Week

SET, REDEEMED = "product_set", "redeemed"


def decision_table(weeks: Sequence[Week], judged: Judgement | None) -> pd.DataFrame:
    """Lay out the decisions of weeks: a row per pair, or per coupon over several.

    Args:
        weeks: Of one kind of promotion.
        judged: What they were judged by; without it no other policy is laid beside them.

    Returns:
        ``user_id``, ``item_id`` or ``product_set``, ``arm`` (rate, or money off), ``reward``, ``propensity``.
        Then ``cost``, ``week``, ``price`` (of all items of a coupon), ``units``, ``paid``, ``returned``.
        Then ``came``, ``planned_rate``, ``redeemed``, and the arms of both policies.
    """
    price = 0.0 if judged is None else judged.price
    table = pd.concat([_decisions(week, price) for week in weeks], ignore_index=True)
    if judged is not None:
        grid = weeks[-1].terms.grid
        policies = {"serving": grid[judged.serving], "candidate": grid[judged.candidate]}
        arms = np.unique(table[ARM])
        table = table.assign(**{n: rate for n, rate in policies.items() if np.isin(rate, arms).all()})
    return table


def redeemed(week: Week) -> list[str]:
    """Say how many coupons were redeemed, where offers are over sets; a member that is bought does it."""
    if week.kind.members is None:
        return []
    given, used = week.of_decisions(RATE).astype(np.float64) > 0, _redeemed(week)
    return [
        f"{int(given.sum()):,} coupons over sets: {int(used.sum()):,} were redeemed by a member of theirs"
    ]


def _decisions(week: Week, budget_price: float) -> pd.DataFrame:
    frame = week.frame
    what = SET if week.kind.members is not None else Columns.ITEM
    paid, bought = frame[PAID].to_numpy(np.float64), week.summed(frame[UNITS].to_numpy(np.float64))
    known = week.summed(np.isnan(paid) & (frame[UNITS].to_numpy(np.float64) > 0)) == 0
    return pd.DataFrame(
        {
            **{name: week.of_decisions(name) for name in (Columns.USER, what)},
            ARM: week.terms.grid[week.level],
            REWARD: week.reward,
            PROPENSITY: week.of_decisions(PROPENSITY),
            COST: budget_price * week.spent,
            Columns.WEEK: week.of_decisions(Columns.WEEK),
            "price": week.summed(frame["price"].to_numpy(np.float64)),
            UNITS: bought,
            PAID: np.where(known & (bought > 0), week.summed(np.nan_to_num(paid)), np.nan),
            RETURNED: week.summed(frame[RETURNED].to_numpy(np.float64)),
            CAME: week.of_decisions(CAME),
            "planned_rate": week.of_decisions("planned_rate"),
            REDEEMED: _redeemed(week),
        }
    )


def _redeemed(week: Week) -> BoolArray:
    """Tell which offers were taken: a pair of theirs was bought, and not above the offered price. ``[D]``."""
    frame = week.frame
    rate, units, paid = (_numbers(frame, name) for name in (RATE, UNITS, PAID))
    offered = _numbers(frame, "price") * (1.0 - rate) * units
    taken = (rate > 0) & (units > 0) & ~(paid > offered * (1.0 + TOLERANCE))
    return np.asarray(week.summed(taken.astype(np.float64)) > 0, dtype=np.bool_)


def _numbers(frame: pd.DataFrame, name: str) -> FloatArray:
    return frame[name].to_numpy(np.float64)
