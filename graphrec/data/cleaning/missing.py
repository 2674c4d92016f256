"""Missing values of a column, by a branch that is declared; which they were stays known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from graphrec.arrays import BoolArray
from graphrec.data.cleaning.account import CleaningStep
from graphrec.data.cleaning.declared import CleaningRule, changes, check_own_item, drop, file_of
from graphrec.data.cleaning.expressions import ROW, judged, reference
from graphrec.data.cleaning.predicted import predicted
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import IDS, PRICES
from graphrec.errors import InputError

if TYPE_CHECKING:
    import ibis.expr.types as ir

VALUE = "value_for_missing"
_NEVER = (*IDS, Columns.PART, Columns.WEEK, Columns.TIMESTAMP)
"""Columns that say who, what and when: nothing can stand for them."""


@dataclass(frozen=True)
class Missing(CleaningRule):
    """Drop or fill the missing values of one column; a fill adds ``<column>_missing``, 1 where it was.

    ``median`` and ``mode`` are those of the row's group, ``model`` predicts from other columns with boosted
    trees of scikit-learn. All three learn from the training part where the log names its parts. A value
    stays missing where its group has none. A price is filled from its own item only.

    Args:
        column: Of the log, by our name or that of the file.
        how: ``drop`` the row, or fill: ``constant``, ``median``, ``mode`` or ``model``.
        value: What to fill, for ``constant``.
        group: Columns of the groups, for ``median`` and ``mode``; all rows are one group if missing.
        features: Columns that the ``model`` looks at.
    """

    column: str
    how: Literal["drop", "constant", "median", "mode", "model"] = "drop"
    value: float | str | None = None
    group: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that the arguments suit the branch."""
        suits = {"value": ("constant",), "group": ("median", "mode"), "features": ("model",)}
        needed = {"constant": "value", "model": "features"}
        for name, branches in suits.items():
            if getattr(self, name) not in (None, ()) and self.how not in branches:
                hint = f"leave it out, or choose {' or '.join(branches)}"
                raise InputError(f"{self.how} does not take this", column=name, hint=hint)
        key = needed.get(self.how)
        if key is not None and getattr(self, key) in (None, ()):
            hint = f"give {key}, or choose another how"
            raise InputError(f"{self.how} needs this", column=key, hint=hint)
        if self.how != "drop":
            self._check_fill()

    def _check_fill(self) -> None:
        """Refuse to invent an id, a time or a price."""
        if self.column in _NEVER:
            what, hint = f"a missing {self.column} cannot be filled", "choose how: drop"
            raise InputError(what, column="how", hint=hint)
        if self.column not in PRICES:
            return
        if self.how in ("constant", "model"):
            what = f"{self.how} would invent a {self.column}"
            hint = f"choose drop, or median with group: [{Columns.ITEM}]"
            raise InputError(what, column="how", hint=hint)
        check_own_item(self.column, self.group)

    @property
    def reads(self) -> tuple[str, ...]:
        """See base class."""
        return (self.column, *self.group, *self.features)

    def judge(self, rows: ir.Table) -> ir.Table:
        """Say what stands for a missing value of each row; nothing where its group knows none."""
        import ibis

        rows = rows.mutate(known_value=reference(rows, self.column))
        group = ibis.window(group_by=list(self.group))
        middle = self.how == "median"
        rows = (
            rows.mutate(value_of_group=rows.known_value.median().over(group))
            if middle
            else self._commonest(rows)
        )
        whole = ibis.and_(True, *(rows[name].notnull() for name in self.group))
        return rows.mutate(**{VALUE: ibis.cases((whole, rows.value_of_group), else_=None)}).drop(
            "known_value", "value_of_group"
        )

    def _commonest(self, rows: ir.Table) -> ir.Table:
        """Find the value that a group has most often; of two the smaller."""
        import ibis

        of_value = ibis.window(group_by=[*self.group, "known_value"])
        rows = rows.mutate(times_seen=rows.known_value.count().over(of_value))
        order = [ibis.desc("times_seen"), ibis.asc("known_value"), ibis.asc(ROW)]
        ordered = ibis.window(group_by=list(self.group), order_by=order)
        return rows.mutate(value_of_group=rows.known_value.first().over(ordered)).drop("times_seen")

    def apply(self, log: pd.DataFrame) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
        """See base class."""
        missing = log[self.column].isna().to_numpy()
        if self.how == "drop":
            log, step = drop(log, ~missing, f"rows without {self.column}", [Columns.ITEM, self.column])
            return log, (step,)
        filler = self._filler(log, missing)
        filled = log[self.column].where(~missing, filler)
        done = missing & filled.notna().to_numpy()
        left = int(missing.sum() - done.sum())
        stay = f" ({left:,} stay missing)" if left else ""
        words = f"missing {self.column} filled by {self._words()}{stay}"
        seen = changes(log, done, self.column, filled.to_numpy())
        columns: dict[str, Any] = {self.column: filled, f"{self.column}_missing": missing.astype("int64")}
        log = log.assign(**columns)
        return log, (CleaningStep(words, len(log), filled=int(done.sum()), examples=seen),)

    def _filler(self, log: pd.DataFrame, missing: BoolArray) -> pd.Series[Any]:
        """Find what stands for the missing values, a value per row of the log."""
        numeric = pd.api.types.is_numeric_dtype(log[self.column])
        if self.how == "median" and not numeric:
            what, hint = "text has no median", "choose mode"
            raise InputError(what, file=file_of(log), column=self.column, hint=hint)
        if self.how == "constant":
            if numeric == isinstance(self.value, str):
                kind = "numbers" if numeric else "text"
                hint = f"give {'a number' if numeric else 'text in quotes'}"
                raise InputError(
                    f"{self.value!r} does not suit a column of {kind}", column="value", hint=hint
                )
            return pd.Series([self.value] * len(log), log.index)
        if self.how == "model":
            return predicted(log, self.column, self.features, missing)
        read = [*self.reads, *([Columns.PART] if Columns.PART in log else [])]
        return pd.Series(judged(log, read, self.judge)[VALUE].to_numpy(), log.index)

    def _words(self) -> str:
        if self.how == "constant":
            return repr(self.value)
        if self.how == "model":
            return f"a model of {', '.join(self.features)}"
        return f"the {self.how}" + (f" of its {', '.join(self.group)}" if self.group else "")
