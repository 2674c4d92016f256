"""Which steps of cleaning a log asks for by its values."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from graphrec.data.cleaning.prices import KINDS
from graphrec.data.guess.columns import Guessed
from graphrec.data.guess.money import Money
from graphrec.data.guess.values import as_numbers, known
from graphrec.data.guess.words import GUESTS, plain
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import LOG_COLUMNS

Step = tuple[Any, str]
"""An entry of ``cleaning:`` and its reason."""
_RECEIPTS = 0.5
_MANY = 5
"""Times the rows of the median user, from which the id 0 is nobody."""


def guess_cleaning(frame: pd.DataFrame, guessed: Guessed, money: Money, decimal: str | None) -> list[Step]:
    """List the steps that the values ask for, in the order in which they run.

    Args:
        frame: All columns of the file.
        guessed: Which is which.
        money: What its money means.
        decimal: Decimal sign.
    """
    read = {one.theirs for one in guessed.found.values()}
    left = [str(name) for name in frame if str(name) not in read and str(name) not in LOG_COLUMNS]
    steps: list[Step] = []
    if left:
        entry = {"class_path": "Ignore", "init_args": {"columns": left}}
        steps.append((entry, "nothing reads these columns; a new one in a later file is then refused"))
    steps += _guests(frame, guessed)
    steps += _quantities(frame, guessed, decimal)
    if money.per_line:
        steps.append(({"class_path": "Prices", "init_args": {"per": "line"}}, money.per_line))
    elif any(one in guessed.found for one in KINDS):
        steps.append(("Prices", "regular, shelf and paid price follow from the columns of money"))
    return steps


def _guests(frame: pd.DataFrame, guessed: Guessed) -> list[Step]:
    if (theirs := guessed.theirs(Columns.USER)) is None:
        return []
    text = frame[theirs].astype("str").str.strip()
    users = text[frame[theirs].notna() & (text != "")]  # NA and null are ids
    rows = users.value_counts()
    usual = float(rows.median()) if len(rows) else 0.0
    ids = [str(one) for one, count in rows.items() if _is_guest(str(one), int(count), usual)]
    missing = len(frame) - len(users)
    if ids:
        entry = {"class_path": "Guests", "init_args": {"ids": ids}}
        return [(entry, f"{int(rows[ids].sum()) + missing:,} rows are of nobody in particular")]
    return [("Guests", f"{missing:,} rows name no user")] if missing else []


def _is_guest(user: str, rows: int, usual: float) -> bool:
    """Tell whether an id stands for nobody; 0 does if it has far more rows than others."""
    if user in ("0", "-1"):
        return rows > _MANY * usual
    return plain(user) in GUESTS


def _quantities(frame: pd.DataFrame, guessed: Guessed, decimal: str | None) -> list[Step]:
    """Say what is to become of rows of quantity 0 and of returns."""
    steps: list[Step] = []
    quantity, price, basket = (
        guessed.theirs(one) for one in (Columns.QUANTITY, Columns.PRICE, Columns.BASKET)
    )
    below = 0
    if quantity is not None:
        numbers = as_numbers(frame[quantity], decimal)
        if zeros := int((numbers == 0).sum()):
            steps.append(("ZeroQuantities", f"in {zeros:,} rows nothing changed hands"))
        below = int((numbers < 0).sum())
    if price is not None:
        below = max(below, int((as_numbers(frame[price], decimal) < 0).sum()))
    cancelled = _prefix(frame[basket]) if basket is not None else None
    if below or cancelled:
        arguments = {"how": "net", **({"prefix": cancelled} if cancelled else {})}
        told = [f"{below:,} rows below 0"] if below else []
        told += [f"receipts that begin with {cancelled} undo others"] if cancelled else []
        why = f"{' and '.join(told)}: a return is taken off the purchase that it undoes"
        steps.append(({"class_path": "Returns", "init_args": arguments}, why))
    return steps


def _prefix(receipts: pd.Series[str]) -> str | None:
    """Find the letter before cancelled receipts: C536379 beside many 536379."""
    text = known(receipts)
    plain_ones = text.str.fullmatch(r"\d+")
    if not len(text) or plain_ones.mean() < _RECEIPTS:
        return None
    letters = {
        found[1] for one in text[~plain_ones].unique() if (found := re.fullmatch(r"([A-Za-z])\d+", one))
    }
    return letters.pop() if len(letters) == 1 else None
