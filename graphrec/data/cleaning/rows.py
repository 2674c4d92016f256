"""Rows that are no purchase of anybody: guests, and quantities of zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from graphrec.data.cleaning.account import CleaningStep
from graphrec.data.cleaning.declared import CleaningRule, drop
from graphrec.data.cleaning.expressions import KEEP, judged, known
from graphrec.data.interactions import Columns

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
class Guests(CleaningRule):
    """Drop the rows of shoppers whom nobody knows: without a user, or with an id that all guests share.

    Args:
        ids: Ids that stand for a guest, as ``['0', guest]``.
    """

    ids: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """See base class."""
        return (Columns.USER,)

    def judge(self, rows: ir.Table) -> ir.Table:
        """Say which rows stay."""
        user = rows[Columns.USER]
        guest = known(rows, Columns.USER, user.isin(list(self.ids))) if self.ids else user.isnull()
        return rows.mutate(**{KEEP: ~(user.isnull() | guest)})

    def apply(self, log: pd.DataFrame) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
        """See base class."""
        keep = judged(log, self.reads, self.judge)[KEEP].to_numpy()
        log, step = drop(log, keep, "rows of guests", [Columns.USER, Columns.ITEM])
        return log, (step,)


@dataclass(frozen=True)
class ZeroQuantities(CleaningRule):
    """Drop the rows of quantity 0, in which nothing changed hands."""

    @property
    def reads(self) -> tuple[str, ...]:
        """See base class."""
        return (Columns.QUANTITY,)

    def judge(self, rows: ir.Table) -> ir.Table:
        """Say which rows stay."""
        return rows.mutate(**{KEEP: ~known(rows, Columns.QUANTITY, rows[Columns.QUANTITY] == 0)})

    def apply(self, log: pd.DataFrame) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
        """See base class."""
        keep = judged(log, self.reads, self.judge)[KEEP].to_numpy()
        log, step = drop(log, keep, "rows of quantity 0", [Columns.ITEM, Columns.QUANTITY])
        return log, (step,)
