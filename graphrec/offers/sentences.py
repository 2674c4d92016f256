"""An offer in one sentence: with its numbers for the shop's manager, and without any for the shopper.

Every number is one of the row, so that anybody can check it. The shopper reads what is offered and which
purchase of their own it follows from: no probability, nothing about how they respond to prices, no guess
about who they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.offers.economics import percent
from graphrec.offers.reasons import LIMITS
from graphrec.offers.table import BASKET, FOR_MANAGER, FOR_SHOPPER, GAIN

AGAIN = ""
"""In the place of a name: the shopper has bought the item itself."""


def with_sentences(
    offers: pd.DataFrame,
    units: FloatArray,
    names: Mapping[str, str],
    because: Mapping[tuple[str, str], str],
) -> pd.DataFrame:
    """Add the columns ``gain``, ``for_manager`` and ``for_shopper`` to an offers table.

    Args:
        offers: The table.
        units: What each row is expected to sell without an offer. Shape ``[rows]``.
        names: What items are called, by ``item_id`` as text; the id where nothing is said.
        because: By ``user_id`` and ``item_id`` as text: the name of the purchase that adds most to the item's
            score, or `AGAIN`. Where nothing is said, no purchase is named.
    """
    rows = offers.assign(**{GAIN: gains(offers, units)})
    written = [_both(row, names, because) for row in rows.to_dict("records")]
    texts = pd.DataFrame(written, columns=[FOR_MANAGER, FOR_SHOPPER], index=offers.index, dtype="str")
    return rows.join(texts)


def gains(offers: pd.DataFrame, units: FloatArray) -> FloatArray:
    """Compute the expected profit of each row beyond that of no offer. Shape ``[rows]``.

    Sales at the regular price are revenue and spend together. The share of them that is left over cost is
    that of sales without an offer, too.

    Args:
        offers: The table.
        units: What each row is expected to sell without an offer. Shape ``[rows]``.
    """
    spend = offers["spend"].to_numpy(dtype=np.float64)
    sales = offers["expected_revenue"].to_numpy(dtype=np.float64) + spend
    profit = offers["expected_profit"].to_numpy(dtype=np.float64)
    left = np.divide(profit + spend, sales, out=np.zeros_like(sales), where=sales > 0)
    return np.asarray(profit - left * units * offers["price"].to_numpy(dtype=np.float64), dtype=np.float64)


def _both(
    row: Mapping[Any, Any], names: Mapping[str, str], because: Mapping[tuple[str, str], str]
) -> tuple[str, str | None]:
    """Write both sentences of a row; who gets no offer is told none."""
    item = str(row["item_id"])
    name = names.get(item, item)
    manager = _manager(row, name if name == item else f"{name} ({item})")
    if not row["rate"] > 0:
        return manager, None
    return manager, _shopper(row, name, because.get((str(row["user_id"]), item)))


def _manager(row: Mapping[Any, Any], name: str) -> str:
    why = str(row["reason"]).partition(": ")[2]
    bound = f"Limit {row['reason_code']}: {why}." if row["reason_code"] in LIMITS else f"Why: {why}."
    basket = row["item_id"] == BASKET
    what = f"a basket of {money(row['threshold'])} or more" if basket else "a purchase"
    if not row["rate"] > 0:
        if basket:
            return f"No offer to this household. {bound}"
        chance = f"bought with a chance of {share(row['probability'])}{_within(row)}"
        return f"No offer on {name} at {money(row['price'])}, {chance}. {bound}"
    offer = f"{_offered(row)} {name} at {money(row['price'])}"
    if basket:
        offer = f"Spend {money(row['threshold'])}, save {money(row['amount'])}"
    rise = f"from {share(row['probability'])} to {share(row['probability_at_rate'])}{_within(row)}"
    worth = f"profit {row[GAIN]:+.2g}, cost {money(row['spend'])}"
    return f"{offer}: the chance of {what} rises {rise}, {worth}. {bound}"


def _within(row: Mapping[Any, Any]) -> str:
    """Say how long the chance is of."""
    weeks = row["horizon"]
    return "" if pd.isna(weeks) else " in a week" if weeks == 1 else f" in {weeks} weeks"


def _offered(row: Mapping[Any, Any]) -> str:
    """Say what is taken off: ``10 % off``, ``0.50 off``."""
    off = money(row["amount"]) if row["promotion"] == "amount" else percent(row["rate"])
    return f"{off} off"


def _shopper(row: Mapping[Any, Any], name: str, because: str | None) -> str:
    weeks = row["horizon"]
    when = "this week" if pd.isna(weeks) or weeks == 1 else f"within {weeks} weeks"
    if row["item_id"] == BASKET:
        return f"Spend {money(row['threshold'])} {when}, save {money(row['amount'])}."
    what = f"{_offered(row)} {name} {when}"
    if row["promotion"] == "coupon":
        what = f"your coupon for {row['product_set']} takes {_offered(row)} {name} {when}"
    if because is None:
        return f"{what[0].upper()}{what[1:]}."
    return f"Because you bought {because or 'it before'}: {what}."


def share(probability: float) -> str:
    """Write a probability with three digits: 0.01234 becomes '1.23 %'."""
    return f"{100.0 * probability:.3g} %"


def money(amount: float) -> str:
    """Write money with two decimals, and small sums with two digits: 3.5 becomes '3.50', 0.00123 '0.0012'."""
    return f"{amount:.2f}" if abs(amount) >= 0.1 or amount == 0 else f"{amount:.2g}"
