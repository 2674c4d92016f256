"""Rows that stand in a log twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from graphrec.data.cleaning.account import POSITION, CleaningStep, keep_rows
from graphrec.data.cleaning.declared import SHOWN, CleaningRule, places
from graphrec.data.cleaning.expressions import KEEP, ROW, judged
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import INTERACTION_ID
from graphrec.errors import InputError

if TYPE_CHECKING:
    import ibis.expr.types as ir

TELLING = (Columns.TIMESTAMP, Columns.WEEK, Columns.BASKET, INTERACTION_ID)
"""Columns that tell a purchase from another of the same item by the same user."""
_FIRST = "row_of_first_copy"


@dataclass(frozen=True)
class Duplicates(CleaningRule):
    """Drop rows that repeat another one: in all columns, or in a key.

    A log without time, basket and ``interaction_id`` cannot tell a copy from a further purchase. There equal
    rows stay, unless `by` or ``repeats: drop`` asks.

    Args:
        by: Columns that make a key; all columns that are read if missing. A row without a value in one of
            them is no copy of any.
        keep: Which of the copies stays.
        repeats: What to do with equal rows of a log that cannot tell.
    """

    by: tuple[str, ...] | None = None
    keep: Literal["first", "last"] = "first"
    repeats: Literal["keep", "drop"] = "keep"

    def __post_init__(self) -> None:
        """Check the key."""
        if self.by is not None and not self.by:
            hint = "name columns, or leave it out for rows that are equal in all"
            raise InputError("the key has no column", column="by", hint=hint)

    @property
    def reads(self) -> tuple[str, ...]:
        """See base class."""
        return self.by or ()

    @property
    def mends(self) -> tuple[str, ...]:
        """See base class."""
        return (INTERACTION_ID,)

    def key(self, log: pd.DataFrame) -> list[str]:
        """List the columns in which two rows are compared; none where repeats are no copies."""
        if self.by is not None:
            return list(self.by)
        if self.repeats == "keep" and not any(column in log for column in TELLING):
            return []
        return [column for column in log.columns if column not in POSITION]

    def judge(self, rows: ir.Table) -> ir.Table:
        """Say which rows stay, and which row each of the others repeats."""
        import ibis

        key = [name for name in rows.columns if name != ROW]
        order = ibis.desc(ROW) if self.keep == "last" else ibis.asc(ROW)
        copies = ibis.window(group_by=key, order_by=order, preceding=None, following=0)
        first = rows[ROW].first().over(copies)
        if self.by is not None:
            complete = ibis.and_(*(rows[name].notnull() for name in key))
            first = ibis.cases((complete, first), else_=rows[ROW])
        return rows.mutate(**{_FIRST: first, KEEP: first == rows[ROW]})

    def apply(self, log: pd.DataFrame) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
        """See base class."""
        key = self.key(log)
        if not key:
            what = "equal rows, kept as further purchases: no time, basket or interaction_id tells them apart"
            return log, (CleaningStep(what, len(log)),)
        said = judged(log, key, self.judge)
        keep = said[KEEP].to_numpy()
        again = np.flatnonzero(~keep)[:SHOWN]
        first = said[_FIRST].to_numpy()[again]
        pairs = zip(places(log.iloc[again]), places(log.iloc[first]), strict=True)
        what = "rows that repeat another in " + ("all columns" if self.by is None else ", ".join(key))
        kept, step = keep_rows(log, keep, what)
        return kept, (replace(step, examples=tuple(f"{one} repeats {other}" for one, other in pairs)),)
