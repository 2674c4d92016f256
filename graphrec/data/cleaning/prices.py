"""Regular, shelf and paid price per unit, from what a till writes: list price, discount, totals of a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray
from graphrec.data.cleaning.account import CleaningStep
from graphrec.data.cleaning.declared import CleaningRule, examples, file_of, in_words, problem_at
from graphrec.data.cleaning.expressions import judged
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import DISCOUNT, DISCOUNT_PCT, LIST_PRICE, MONEY
from graphrec.errors import InputError
from graphrec.notices import warn

if TYPE_CHECKING:
    import ibis.expr.types as ir

KINDS = (LIST_PRICE, DISCOUNT, DISCOUNT_PCT)
_NEW = {one: f"new_{one}" for one in (Columns.REGULAR_PRICE, Columns.SHELF_PRICE, Columns.PRICE)}
_SLIP = 1e-9
_OF_LINES = "{class_path: Prices, init_args: {per: line}}"


@dataclass(frozen=True)
class Prices(CleaningRule):
    """Derive prices per unit from ``list_price``, ``discount`` (money) and ``discount_pct`` (of 100).

    ``regular_price`` is the list price, or the price plus the discount. ``shelf_price`` is the regular price
    less the discount. ``price`` is the shelf price, unless the log has one of its own. What cannot be derived
    stays missing. The three columns are then left out.

    Args:
        per: Whether money stands for a ``unit`` or for a ``line``, whose quantity it is divided by.
    """

    per: Literal["unit", "line"] = "unit"

    @property
    def reads(self) -> tuple[str, ...]:
        """See base class."""
        return (Columns.QUANTITY,) if self.per == "line" else ()

    @property
    def mends(self) -> tuple[str, ...]:
        """See base class."""
        return MONEY if self.per == "line" else ()

    def judge(self, rows: ir.Table) -> ir.Table:
        """Say regular, shelf and paid price of each row, as far as they follow."""
        import ibis

        there = [name for name in (*MONEY, DISCOUNT_PCT) if name in rows.columns]
        units = rows[Columns.QUANTITY].nullif(0) if self.per == "line" else ibis.literal(1.0)
        money = {name: rows[name] / units if name in MONEY else rows[name] for name in there}
        regular = money.get(Columns.REGULAR_PRICE, money.get(LIST_PRICE))
        shelf, paid = money.get(Columns.SHELF_PRICE), money.get(Columns.PRICE)
        share = 1 - money[DISCOUNT_PCT] / 100 if DISCOUNT_PCT in money else None
        base = paid if shelf is None else shelf
        if regular is None and share is not None and base is not None:
            regular = base / share.nullif(0)
        elif regular is None and DISCOUNT in money and base is not None:
            regular = base + money[DISCOUNT]
        if shelf is None and regular is not None and (share is not None or DISCOUNT in money):
            shelf = regular * share if share is not None else regular - money[DISCOUNT]
        paid = shelf if paid is None else paid
        found = zip(_NEW.values(), (regular, shelf, paid), strict=True)
        return rows.mutate(**{name: value for name, value in found if value is not None})

    def apply(self, log: pd.DataFrame) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
        """See base class.

        Raises:
            InputError: If two columns say the same, nothing follows, or a discount is above its price.
        """
        kinds = [name for name in KINDS if name in log]
        read = [name for name in (*MONEY, DISCOUNT_PCT, *self.reads) if name in log]
        _check_one_way(log, kinds)
        if DISCOUNT_PCT in log and 0 < log[DISCOUNT_PCT].max() <= 1:
            what, hint = "no value is above 1, and 1 is one per cent", "multiply shares by 100"
            warn(what, file=file_of(log), column=DISCOUNT_PCT, hint=hint)
        said = judged(log, read, self.judge) if read else pd.DataFrame()
        new = {one: said[name].to_numpy(dtype="float64") for one, name in _NEW.items() if name in said}
        if kinds and not new:
            hint = f"map {Columns.PRICE} or {LIST_PRICE} too"
            raise InputError(
                "no price follows from this alone", file=file_of(log), column=kinds[0], hint=hint
            )
        _check_above_0(log, new, kinds)
        after = log.drop(columns=kinds).assign(**new)
        return after, (_step(log, after, new, kinds),)


def _step(
    log: pd.DataFrame, after: pd.DataFrame, new: Mapping[str, FloatArray], kinds: Sequence[str]
) -> CleaningStep:
    """Count the values that were derived."""
    differ = {one: _differ(log, one, values) for one, values in new.items()}
    changed = [one for one, where in differ.items() if where.any()]
    count = sum(int(differ[one].sum()) for one in changed)
    where = np.any([differ[one] for one in changed], axis=0) if changed else np.zeros(len(log), dtype=bool)
    words = f"{', '.join(changed) or 'no price'} derived from {', '.join(kinds) or 'totals of a line'}"
    return CleaningStep(words, len(log), filled=count, examples=examples(after, where, changed))


def _differ(log: pd.DataFrame, column: str, values: FloatArray) -> BoolArray:
    """Tell where a column is new or has another value."""
    if column not in log:
        return ~np.isnan(values)
    old: FloatArray = log[column].to_numpy(dtype="float64")
    same: BoolArray = (old == values) | (np.isnan(old) & np.isnan(values))
    return ~same


def _check_one_way(log: pd.DataFrame, kinds: Sequence[str]) -> None:
    """Refuse two columns of which one would be passed over."""
    pairs = [(DISCOUNT, DISCOUNT_PCT), (LIST_PRICE, Columns.REGULAR_PRICE)]
    both = [(one, other) for one, other in pairs if one in log and other in log]
    told = {Columns.REGULAR_PRICE, Columns.SHELF_PRICE}
    discounts = [name for name in kinds if name != LIST_PRICE]
    listed = LIST_PRICE in log or Columns.REGULAR_PRICE in log
    if discounts and listed and Columns.SHELF_PRICE in log:
        both.append((discounts[0], " and ".join(sorted(told))))
    for one, other in both:
        hint = f"leave one out: columns: {{{one}: null}}"
        raise InputError(f"{other} says the same as this column", file=file_of(log), column=one, hint=hint)


def _check_above_0(log: pd.DataFrame, new: Mapping[str, FloatArray], kinds: Sequence[str]) -> None:
    """Refuse a discount that is more than its price."""
    for discount in (name for name in kinds if name != LIST_PRICE):
        for column, values in new.items():
            was_below = (log[column] < 0).to_numpy() if column in log else False
            below = np.flatnonzero((values < -_SLIP) & ~np.asarray(was_below))
            if len(below):
                value = in_words(float(log[discount].iloc[below[0]]))
                hint = f"is it per cent ({DISCOUNT_PCT}), or of a line: cleaning: [{_OF_LINES}]"
                what = f"{value} is more than the price, and {column} would be negative"
                raise problem_at(log, int(below[0]), what, discount, hint)
