"""Values that are impossible or extreme: below or above a bound, or far from the others of their group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from graphrec.data.cleaning.account import CleaningStep
from graphrec.data.cleaning.declared import CleaningRule, changes, check_own_item, drop
from graphrec.data.cleaning.expressions import judged, reference
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import MONEY
from graphrec.errors import InputError, check_above, check_at_least

if TYPE_CHECKING:
    import ibis.expr.types as ir

_LOW, _HIGH = "lowest_allowed", "highest_allowed"
_MAD = 1.4826
"""Standard deviations in a median absolute deviation of a normal distribution."""
_USUAL = {"iqr": 1.5, "z": 3.5}
"""Tukey's fences; Iglewicz and Hoaglin's bound for a robust z."""


@dataclass(frozen=True)
class Outliers(CleaningRule):
    """Drop or clip extreme values of one column.

    ``range`` allows what lies between `low` and `high`. ``iqr`` allows `factor` interquartile ranges beyond
    the quartiles. ``z`` allows `factor` robust standard deviations (1.4826 median absolute deviations) beyond
    the median. The latter two look at the training part where the log names its parts. They leave groups
    alone that are too small, or in which most values are the same.

    Args:
        column: A column of numbers.
        rule: ``range``, ``iqr`` or ``z``.
        low: Lowest value allowed, for ``range``.
        high: Highest value allowed, for ``range``.
        factor: How far a value may lie; 1.5 for ``iqr`` and 3.5 for ``z`` if missing.
        group: Columns of the groups, as ``[item_id]``; all rows are one group if missing.
        action: ``drop`` the row, or ``clip`` the value to the bound.
        min_rows: Known values that a group needs.
    """

    column: str
    rule: Literal["range", "iqr", "z"] = "range"
    low: float | None = None
    high: float | None = None
    factor: float | None = None
    group: tuple[str, ...] = ()
    action: Literal["drop", "clip"] = "drop"
    min_rows: int = 5

    def __post_init__(self) -> None:
        """Check that the bounds suit the rule."""
        bounded = self.low is not None or self.high is not None
        check_at_least(1, min_rows=self.min_rows)
        if self.rule == "range":
            if not bounded:
                raise InputError("range needs a bound", column="low", hint="give low, high or both")
            if self.low is not None and self.high is not None and self.low > self.high:
                raise InputError("low is above high", column="low", hint="swap them")
            if self.factor is not None or self.group:
                hint = "leave factor and group out, or choose iqr or z"
                raise InputError("range has neither groups nor a factor", column="rule", hint=hint)
            return
        if bounded:
            hint = "leave low and high out, or choose range"
            raise InputError(f"{self.rule} finds its bounds itself", column="low", hint=hint)
        if self.factor is not None:
            check_above(0, factor=self.factor)
        if self.action == "clip":
            check_own_item(self.column, self.group)

    @property
    def reads(self) -> tuple[str, ...]:
        """See base class."""
        return (self.column, *self.group)

    @property
    def mends(self) -> tuple[str, ...]:
        """See base class."""
        return (self.column,) if self.column in MONEY else ()

    def judge(self, rows: ir.Table) -> ir.Table:
        """Say between which bounds the value of each row may lie; no bound where there is none."""
        import ibis

        if self.rule == "range":
            bounds = {_LOW: self.low, _HIGH: self.high}
            return rows.mutate(**{name: ibis.literal(one, type="float64") for name, one in bounds.items()})
        group = ibis.window(group_by=list(self.group))
        rows = rows.mutate(known_value=reference(rows, self.column).cast("float64"))
        rows = self._interquartile(rows, group) if self.rule == "iqr" else self._robust(rows, group)
        enough = rows.known_value.count().over(group) >= self.min_rows
        trusted = ibis.and_(enough, rows.allowed_width > 0, *(rows[name].notnull() for name in self.group))
        found = {_LOW: rows.lower_place - rows.allowed_width, _HIGH: rows.upper_place + rows.allowed_width}
        rows = rows.mutate(**{name: ibis.cases((trusted, one), else_=None) for name, one in found.items()})
        return rows.drop("known_value", "lower_place", "upper_place", "allowed_width")

    def _interquartile(self, rows: ir.Table, group: Any) -> ir.Table:
        lower, upper = (rows.known_value.quantile(share).over(group) for share in (0.25, 0.75))
        return rows.mutate(
            lower_place=lower,
            upper_place=upper,
            allowed_width=(upper - lower) * (self.factor or _USUAL["iqr"]),
        )

    def _robust(self, rows: ir.Table, group: Any) -> ir.Table:
        rows = rows.mutate(lower_place=rows.known_value.median().over(group))
        far = rows.mutate(far_off=(rows.known_value - rows.lower_place).abs())
        width = far.far_off.median().over(group) * (_MAD * (self.factor or _USUAL["z"]))
        return far.mutate(upper_place=far.lower_place, allowed_width=width).drop("far_off")

    def apply(self, log: pd.DataFrame) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
        """See base class."""
        self._check_numbers(log)
        read = [*self.reads, *([Columns.PART] if Columns.PART in log else [])]
        said = judged(log, read, self.judge)
        value = log[self.column].to_numpy(dtype="float64")
        low, high = (said[name].to_numpy(dtype="float64") for name in (_LOW, _HIGH))
        below, above = value < low, value > high  # both false where either is missing
        clipped = np.where(below, low, np.where(above, high, value))
        out, words = below | above, f"{self.column} {self._words()}"
        if self.action == "drop":
            log, step = drop(log, ~out, f"rows with {words}", [*self.group, self.column])
            return log, (step,)
        seen = changes(log, out, self.column, clipped)
        step = CleaningStep(f"{words}, clipped to the bound", len(log), filled=int(out.sum()), examples=seen)
        return (log.assign(**{self.column: clipped}) if out.any() else log), (step,)

    def _check_numbers(self, log: pd.DataFrame) -> None:
        if not pd.api.types.is_numeric_dtype(log[self.column]):
            hint = "name a column of numbers"
            raise InputError(
                "these are no numbers", file=log.attrs.get("file"), column=self.column, hint=hint
            )

    def _words(self) -> str:
        if self.rule == "range":
            low = [] if self.low is None else [f"below {self.low:g}"]
            return " or ".join(low + ([] if self.high is None else [f"above {self.high:g}"]))
        unit = "interquartile ranges from the quartiles" if self.rule == "iqr" else "robust deviations"
        whose = f" of its {', '.join(self.group)}" if self.group else ""
        return f"beyond {self.factor or _USUAL[self.rule]:g} {unit}{whose}"
