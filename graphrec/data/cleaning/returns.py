"""Returns and cancellations: taken off the purchase that they undo, dropped, or refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray
from graphrec.data.cleaning.account import CleaningStep, keep_rows
from graphrec.data.cleaning.declared import CleaningRule, changes, drop, examples, problem_at
from graphrec.data.cleaning.expressions import ROW, judged, known
from graphrec.data.cleaning.netting import LEFT, netted
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import MONEY
from graphrec.errors import InputError

if TYPE_CHECKING:
    import ibis.expr.types as ir

RETURNED, INVOICE, SIZE = "is_return", "receipt", "size"
_READ = (
    *(Columns.USER, Columns.ITEM, Columns.QUANTITY, Columns.PRICE),
    *(Columns.TIMESTAMP, Columns.WEEK, Columns.PART),
)
_SHOWN = (Columns.ITEM, Columns.QUANTITY)


@dataclass(frozen=True)
class Returns(CleaningRule):
    """Mend returns: rows with a quantity or a price below 0, or with a cancelled receipt.

    ``net`` takes each return off the latest earlier purchase of the same user and item: first of the receipt
    that it names, then of the same quantity, then of any. A return that finds none, or too few units,
    is dropped and counted apart.
    ``drop`` drops the returns, and the purchases stay. ``refuse`` names the first one.

    Args:
        how: What to do with them.
        prefix: What a cancelled receipt begins with, before the number of the receipt: ``C`` of C536379.
        invoice: Column of the receipts.
    """

    how: Literal["net", "drop", "refuse"] = "net"
    prefix: str | None = None
    invoice: str = Columns.BASKET

    def __post_init__(self) -> None:
        """Check the prefix."""
        if self.prefix == "":
            raise InputError("the prefix is empty", column="prefix", hint="give C, or leave it out")

    @property
    def reads(self) -> tuple[str, ...]:
        """See base class."""
        return () if self.prefix is None else (self.invoice,)

    @property
    def mends(self) -> tuple[str, ...]:
        """See base class."""
        return MONEY

    def judge(self, rows: ir.Table) -> ir.Table:
        """Say which rows are returns, and how many units of each row are left."""
        rows = rows.mutate(**{RETURNED: self._is_return(rows)})
        units = rows[Columns.QUANTITY].abs() if Columns.QUANTITY in rows.columns else rows[ROW] * 0 + 1
        units = units.cast("float64").fill_null(0)
        rows = rows.mutate(**{LEFT: rows[RETURNED].ifelse(-units, units), SIZE: units})
        if self.how != "net":
            return rows
        if self.prefix is not None:
            receipt = rows[self.invoice].cast("string")
            bare = receipt.startswith(self.prefix).ifelse(receipt.substr(len(self.prefix)), receipt)
            rows = rows.mutate(**{INVOICE: bare})
        return self._set_off(rows)

    def _set_off(self, rows: ir.Table) -> ir.Table:
        """Set returns against purchases, among the pairs of user and item that have a return."""
        import ibis

        pair = [name for name in (Columns.USER, Columns.ITEM, Columns.PART) if name in rows.columns]
        times = [name for name in (Columns.TIMESTAMP, Columns.WEEK) if name in rows.columns][:1]
        order = [*times, RETURNED, ROW] if times else [ROW]  # of one moment, purchases come first
        with_return = rows.filter(rows[RETURNED]).select(*pair).distinct()
        some = rows.semi_join(with_return, pair)
        if self.prefix is not None:
            some = netted(some, [*pair, INVOICE], order, some[INVOICE].notnull())
        for group in ([*pair, SIZE], pair):
            some = netted(some, group, order, ibis.literal(True))
        return ibis.union(some.select(*rows.columns), rows.anti_join(with_return, pair))

    def apply(self, log: pd.DataFrame) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
        """See base class."""
        read = [*_READ, *((self.invoice,) if self.prefix else ())]
        said = judged(log, [column for column in read if column in log], self.judge)
        returned = said[RETURNED].to_numpy(dtype=bool)
        shown = [*_SHOWN, *((self.invoice,) if self.prefix else (Columns.PRICE,))]
        if self.how == "net":
            return _netted(log, returned, said[LEFT].to_numpy(), shown)
        if self.how == "refuse" and returned.any():
            raise self._refusal(log, returned)
        log, step = drop(log, ~returned, "returns, whose purchases stay", shown)
        return log, (step,)

    def _is_return(self, rows: ir.Table) -> Any:
        below = [name for name in (Columns.QUANTITY, Columns.PRICE) if name in rows.columns]
        found = rows[ROW] < 0  # nothing yet
        for column in below:
            found |= known(rows, column, rows[column] < 0)
        if self.prefix is not None:
            found |= known(rows, self.invoice, rows[self.invoice].cast("string").startswith(self.prefix))
        return found

    def _refusal(self, log: pd.DataFrame, returned: BoolArray) -> InputError:
        row, count = int(np.flatnonzero(returned)[0]), int(returned.sum())
        what = "this row is a return" + (f", and so are {count - 1:,} more" if count > 1 else "")
        column = Columns.QUANTITY if Columns.QUANTITY in log else Columns.PRICE
        return problem_at(log, row, what, column, "write how: net or how: drop in the entry Returns")


def _netted(
    log: pd.DataFrame, returned: BoolArray, left: FloatArray, shown: list[str]
) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
    """Take away what nothing is left of, lower what was returned in part, and count both."""
    units = log[Columns.QUANTITY].abs().to_numpy() if Columns.QUANTITY in log else np.ones(len(log))
    unmatched = returned & ((left < 0) | ~(units > 0))  # of an unknown quantity nothing can be taken off
    matched, undone = returned & ~unmatched, ~returned & (left <= 0) & (units > 0)
    lowered = ~returned & ~undone & (left < units - 1e-6)
    before, removed = len(log), int(matched.sum() + undone.sum())
    words = "returns and the purchases that they undo"
    net = CleaningStep(words, before, removed=removed, examples=examples(log, matched, shown))
    seen = changes(log, lowered, Columns.QUANTITY, left) if lowered.any() else ()
    words = "purchases returned in part, their quantity lowered"
    part = CleaningStep(words, before, filled=int(lowered.sum()), examples=seen)
    if lowered.any():
        log = log.assign(**{Columns.QUANTITY: log[Columns.QUANTITY].mask(lowered, left)})
    seen = examples(log, unmatched, shown)
    log, lost = keep_rows(log, ~(returned | undone), "returns of more than was bought before")
    alone = replace(lost, rows_before=before - removed, removed=int(unmatched.sum()), examples=seen)
    return log, (net, part, alone)
