"""What the columns of money mean together: per unit or line, a discount in money or of 100."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from graphrec.data.guess.columns import Found, Guessed
from graphrec.data.guess.values import as_numbers
from graphrec.data.guess.words import TOTAL
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import DISCOUNT, DISCOUNT_PCT, LIST_PRICE

_MOSTLY = 0.8


@dataclass
class Money:
    """How prices are told.

    Args:
        per_line: Why money stands for a line; empty where it stands for a unit.
        reasons: Our name → what its numbers showed.
    """

    per_line: str = ""
    reasons: dict[str, str] = field(default_factory=dict)


def settle_money(frame: pd.DataFrame, guessed: Guessed, decimal: str | None) -> Money:
    """Decide what money means, by which sums come out; changes what was guessed.

    Args:
        frame: All columns of the file.
        guessed: Its columns; discounts and totals become what the reader knows.
        decimal: Decimal sign.
    """
    money = Money()
    if (total := guessed.found.pop(TOTAL, None)) and Columns.PRICE not in guessed.found:
        quantity = Columns.QUANTITY in guessed.found
        guessed.found[Columns.PRICE] = Found(Columns.PRICE, total.theirs, "by its name, the money of a line")
        if quantity:
            money.per_line = f"'{total.theirs}' is the money of a line: it is divided by the quantity"
            doubt = (
                f"cleaning: '{total.theirs}' was taken for the money of a line, and for no price of a unit"
            )
            guessed.doubts.append(doubt)
    numbers = {ours: as_numbers(frame[one.theirs], decimal) for ours, one in guessed.found.items()}
    if DISCOUNT in guessed.found and DISCOUNT_PCT not in guessed.found:
        _kind_of_discount(guessed, numbers, money)
    _only_shares(guessed, numbers)
    _one_way(guessed)
    return money


def _kind_of_discount(guessed: Guessed, numbers: dict[str, pd.Series[float]], money: Money) -> None:
    """Tell money from per cent by the sums that come out."""
    off = numbers[DISCOUNT]
    base, paid = numbers.get(LIST_PRICE, numbers.get(Columns.REGULAR_PRICE)), numbers.get(Columns.PRICE)
    name = guessed.found[DISCOUNT].theirs
    if base is not None and paid is not None:
        some = off > 0
        in_money, of_100 = _equal(base - off, paid, some), _equal(base * (1 - off / 100), paid, some)
        if max(in_money, of_100) >= _MOSTLY:
            if of_100 > in_money:
                _as_percent(guessed, "list price less so many per cent is the price")
            else:
                guessed.found[DISCOUNT] = Found(DISCOUNT, name, "list price less it is the price")
            return
    price = base if base is not None else paid
    if price is not None and (off > price * 1.001).mean() > 0.01 and off.max() <= 100:
        _as_percent(guessed, "it is above the price in some rows, and never above 100")
        return
    doubt = f"columns: '{name}' was taken for money; if it is per cent, map it to {DISCOUNT_PCT}"
    guessed.doubts.append(doubt)
    guessed.found[DISCOUNT] = Found(DISCOUNT, name, "by its name, in money")


def _as_percent(guessed: Guessed, why: str) -> None:
    column = guessed.found.pop(DISCOUNT)
    guessed.found[DISCOUNT_PCT] = Found(DISCOUNT_PCT, column.theirs, why)


def _equal(one: pd.Series[float], other: pd.Series[float], where: pd.Series[bool]) -> float:
    """Compute the share of rows in which two prices are equal to a cent."""
    both = where & one.notna() & other.notna()
    return float(np.isclose(one[both], other[both], atol=0.011).mean()) if both.any() else 0.0


def _only_shares(guessed: Guessed, numbers: dict[str, pd.Series[float]]) -> None:
    """Leave out a discount that is a share of 1, which the reader has no name for."""
    if DISCOUNT_PCT in guessed.found and DISCOUNT_PCT in numbers and 0 < numbers[DISCOUNT_PCT].max() <= 1:
        name = guessed.found.pop(DISCOUNT_PCT).theirs
        doubt = f"'{name}' is a share of 1, and {DISCOUNT_PCT} is of 100: multiply it to have it read"
        guessed.doubts.append(f"columns: {doubt}")


def _one_way(guessed: Guessed) -> None:
    """Leave out what says the same as two others, which the reader refuses."""
    found = guessed.found
    if DISCOUNT in found and DISCOUNT_PCT in found:
        _leave(guessed, DISCOUNT, DISCOUNT_PCT)
    if LIST_PRICE in found and Columns.REGULAR_PRICE in found:
        _leave(guessed, LIST_PRICE, Columns.REGULAR_PRICE)
    listed = LIST_PRICE in found or Columns.REGULAR_PRICE in found
    for ours in (DISCOUNT, DISCOUNT_PCT):
        if ours in found and listed and Columns.SHELF_PRICE in found:
            _leave(guessed, ours, "the two prices")
    alone = not ({LIST_PRICE, Columns.PRICE, Columns.SHELF_PRICE, Columns.REGULAR_PRICE} & set(found))
    for ours in (DISCOUNT, DISCOUNT_PCT):
        if ours in found and alone:
            column = found.pop(ours)
            guessed.doubts.append(
                f"columns: '{column.theirs}' is a discount without a price, and is not read"
            )


def _leave(guessed: Guessed, ours: str, other: str) -> None:
    column = guessed.found.pop(ours)
    guessed.doubts.append(f"columns: '{column.theirs}' says the same as {other}, and is not read")
