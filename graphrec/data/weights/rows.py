"""What a row of the log weighs: by its rating, its quantity, its age or its event.

In YAML each is named by its class, and several are multiplied::

    weights:
      rows:
        - {class_path: Event, init_args: {weights: {view: 0.1, cart: 0.3, purchase: 1, return: 0}}}
        - {class_path: Recency, init_args: {half_life: 8}}
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray
from graphrec.data.cleaning.expressions import judged
from graphrec.data.engine.rows import A_DAY, number, seconds
from graphrec.data.interactions import Columns
from graphrec.data.tables.files import closest, some
from graphrec.data.weights.happened import Happened
from graphrec.data.weights.refusals import complete, more, no_column, refused
from graphrec.errors import InputError, check_above, check_at_least, check_finite

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Event", "Quantity", "Rating", "Recency", "RowWeight"]

_DAYS = {"days": 1.0, "weeks": 7.0}
_SHOWN = 6


@dataclass(frozen=True)
class RowWeight(ABC):
    """A weight of each row of the training part; 0 leaves the row out of the graph."""

    reads: ClassVar[tuple[str, ...]] = ()
    """Columns of which it needs one."""
    kinds: ClassVar[tuple[str, ...]] = ()
    """Names of the events that it is for; none if it is for all rows."""

    @abstractmethod
    def weigh(self, rows: ir.Table) -> ir.Value:
        """Express what a row weighs; missing for one without a value to weigh.

        Args:
            rows: The training part of the log, with a column of `reads`; no other row may be known here.
        """

    def of_rows(self, rows: pd.DataFrame) -> FloatArray:
        """Weigh the rows of the training part, 0 or more each. Shape ``[rows]``.

        Args:
            rows: The training part of the log, with `Columns`; no other row may be known here.

        Raises:
            InputError: If a column is missing, or a row has no value or a negative weight.
        """
        if not self.is_read_in(rows):
            raise _no_column(rows, self.reads[0], self)
        read = [column for column in self.reads if column in rows]
        said = judged(rows, read, lambda table: table.mutate(**{Columns.WEIGHT: self.weigh(table)}))
        return complete(rows, read[0], said[Columns.WEIGHT].to_numpy(dtype=np.float64))

    def is_read_in(self, rows: pd.DataFrame) -> bool:
        """Tell whether rows have what it needs."""
        return not self.reads or any(column in rows for column in self.reads)

    def of_event(self, event: Happened) -> float:
        """Weigh what happened after training, as its row would weigh; 1 where an event has no such value."""
        rows = pd.DataFrame({Columns.EVENT: [event.kind], Columns.QUANTITY: [event.quantity]})
        return float(self.of_rows(rows)[0]) if self.is_read_in(rows) else 1.0

    def faded(self, days: float) -> float:
        """Tell what is left, so many days later, of a weight that training knew."""
        return 1.0

    def is_target(self, log: pd.DataFrame) -> BoolArray | None:
        """Mark the rows that are to be predicted; nothing if this weight does not tell."""
        return None

    def targets_in(self, rows: ir.Table) -> ir.BooleanValue | None:
        """Express which rows are to be predicted; nothing if this weight does not tell."""
        return None

    def targets_event(self, kind: str) -> bool | None:
        """Tell whether events of a kind are to be predicted; nothing if this weight does not tell."""
        return None


@dataclass(frozen=True)
class Rating(RowWeight):
    """The rating, times a scale; what is rated below a bound weighs 0.

    Args:
        scale: Weight of a rating of 1; 0.2 makes five stars weigh 1.
        zero_below: Ratings below this weigh 0, and their rows leave the graph; none if missing.
        missing: Weight of a row without a rating, one that cleaning filled among them. If missing, a filled
            rating weighs as it is, and a row that has none at all is refused.
    """

    reads: ClassVar[tuple[str, ...]] = (Columns.RATING,)
    scale: float = 1.0
    zero_below: float | None = None
    missing: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_above(0, scale=self.scale)
        check_finite(zero_below=self.zero_below or 0)
        check_at_least(0, missing=self.missing or 0)

    def weigh(self, rows: ir.Table) -> ir.Value:
        """See base class."""
        rating = number(rows, Columns.RATING)
        weight = rating * self.scale
        if self.zero_below is not None:
            weight = (rating < self.zero_below).ifelse(0.0, weight)
        return weight if self.missing is None else weight.fill_null(float(self.missing))

    def of_rows(self, rows: pd.DataFrame) -> FloatArray:
        """See base class; a rating that cleaning filled is none where `missing` says what such rows weigh."""
        if self.missing is None or Columns.RATING_MISSING not in rows:
            return super().of_rows(rows)
        given = rows[Columns.RATING].where(rows[Columns.RATING_MISSING] == 0)
        return super().of_rows(rows.assign(**{Columns.RATING: given}))


@dataclass(frozen=True)
class Quantity(RowWeight):
    """How many were bought: ``log(1 + quantity)``, or the quantity as it is.

    Args:
        form: ``log1p``, so that a hundred pieces do not weigh a hundred times one, or ``as_is``.
        missing: Weight of a row without a quantity; such a row is refused if missing. A source fills in the
            median of the item where it can, and such rows weigh that.
    """

    reads: ClassVar[tuple[str, ...]] = (Columns.QUANTITY,)
    form: Literal["log1p", "as_is"] = "log1p"
    missing: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.form not in ("log1p", "as_is"):
            raise InputError(f"{self.form!r} is no form", column="form", hint="give log1p or as_is")
        check_at_least(0, missing=self.missing or 0)

    def weigh(self, rows: ir.Table) -> ir.Value:
        """See base class."""
        quantity = number(rows, Columns.QUANTITY)
        # a return has no logarithm; it is refused as it is
        lifted = (quantity < 0).ifelse(quantity, (1.0 + (quantity < 0).ifelse(0.0, quantity)).ln())
        weight = lifted if self.form == "log1p" else quantity
        return weight if self.missing is None else weight.fill_null(float(self.missing))

    def of_event(self, event: Happened) -> float:
        """See base class."""
        return math.log1p(event.quantity) if self.form == "log1p" else event.quantity


@dataclass(frozen=True)
class Recency(RowWeight):
    """Half as much for each half-life before the last row of the training part.

    Args:
        half_life: Age at which a row weighs a half.
        unit: ``weeks`` or ``days``. A log that has weeks but no times knows ages in whole weeks.
    """

    reads: ClassVar[tuple[str, ...]] = (Columns.TIMESTAMP, Columns.WEEK)
    half_life: float = 8.0
    unit: Literal["weeks", "days"] = "weeks"

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_above(0, half_life=self.half_life)
        if self.unit not in get_args(Literal["weeks", "days"]):
            raise InputError(f"{self.unit!r} is no unit", column="unit", hint="give weeks or days")

    def weigh(self, rows: ir.Table) -> ir.Value:
        """See base class."""
        timed = Columns.TIMESTAMP in rows.columns
        time = seconds(rows) / float(A_DAY) if timed else number(rows, Columns.WEEK) * 7.0
        half_lives = (time.max().as_scalar() - time) / (self.half_life * _DAYS[self.unit])
        return (half_lives * -np.log(2.0)).exp()

    def of_event(self, event: Happened) -> float:
        """See base class."""
        return self.faded(event.age)

    def faded(self, days: float) -> float:
        """See base class."""
        return float(2.0 ** (-days / (self.half_life * _DAYS[self.unit])))


@dataclass(frozen=True)
class Event(RowWeight):
    """A weight for each kind of event, and which kinds are what is predicted.

    Validation and test hold the events of `target` alone, and only what was the target counts as bought:
    an item that was viewed is new to its user still.

    Args:
        weights: Name of an event, as column ``event`` has it → its weight; 0 leaves such rows out.
        target: Events that are to be predicted.
    """

    reads: ClassVar[tuple[str, ...]] = (Columns.EVENT,)
    weights: dict[str, float]
    target: tuple[str, ...] = ("purchase",)

    def __post_init__(self) -> None:
        """Check the ranges; a code such as 1 is a name, too, which a YAML gives as a number."""
        object.__setattr__(self, "weights", {str(name): one for name, one in self.weights.items()})
        object.__setattr__(self, "target", tuple(map(str, self.target)))
        object.__setattr__(self, "kinds", tuple(self.weights))
        if not self.weights:
            raise InputError("no event has a weight", column="weights", hint="give {view: 0.1, purchase: 1}")
        for name, weight in self.weights.items():
            check_at_least(0, **{f"weights.{name}": weight})
        if not self.target:
            raise InputError("nothing is to be predicted", column="target", hint="give [purchase]")
        for name in self.target:
            if name not in self.weights:
                hint = f"give target: [...] of {', '.join(self.weights)}"
                raise InputError(f"the event {name!r} has no weight", column="target", hint=hint)

    def weigh(self, rows: ir.Table) -> ir.Value:
        """See base class."""
        import ibis

        event, nothing = rows[Columns.EVENT].cast("string"), ibis.null("float64")
        named = ((name, ibis.literal(one, "float64")) for name, one in self.weights.items())
        return event.cases(*named, else_=nothing)

    def of_event(self, event: Happened) -> float:
        """See base class; an event of a kind that has no weight counts nothing."""
        return self.weights.get(event.kind, 0.0)

    def targets_event(self, kind: str) -> bool:
        """See base class."""
        return kind in self.target

    def of_rows(self, rows: pd.DataFrame) -> FloatArray:
        """See base class."""
        events = _events(rows, self)
        return super().of_rows(rows.assign(**{Columns.EVENT: events}))

    def targets_in(self, rows: ir.Table) -> ir.BooleanValue:
        """Express which rows are of what is to be predicted."""
        return rows[Columns.EVENT].cast("string").isin(list(self.target))

    def is_target(self, log: pd.DataFrame) -> BoolArray:
        """See base class."""
        events = _events(log, self)
        unknown = (events.notna() & ~events.isin(list(self.weights))).to_numpy()
        if unknown.any():
            raise self._unknown(log, events, unknown)
        found: BoolArray = events.isin(list(self.target)).to_numpy()
        return found

    def _unknown(self, log: pd.DataFrame, events: pd.Series[Any], unknown: BoolArray) -> InputError:
        """Name the events without a weight, and where the first stands."""
        names, given = list(events[unknown].unique()), list(self.weights)
        several = (
            f"the events {some(names, _SHOWN)} have" if len(names) > 1 else f"the event {names[0]!r} has"
        )
        hint = f"add {'them' if len(names) > 1 else 'it'} to weights, 0 leaves such rows out"
        hint = f"{hint}; {closest(names[0], given, 'given are')}"
        return refused(log, unknown, Columns.EVENT, f"{several} no weight", hint)


def _events(rows: pd.DataFrame, asked: RowWeight) -> pd.Series[Any]:
    """Take the events, of which none may be missing."""
    if Columns.EVENT not in rows:
        raise _no_column(rows, Columns.EVENT, asked)
    events = rows[Columns.EVENT]
    missing = events.isna().to_numpy()
    if missing.any():
        what = f"no event is named{more(missing)}"
        raise refused(rows, missing, Columns.EVENT, what, "say what they are, or take them out")
    return events.astype("str")


def _no_column(rows: pd.DataFrame, column: str, asked: RowWeight) -> InputError:
    what, hint = no_column(column, type(asked).__name__, asked.reads)
    return InputError(what, file=rows.attrs.get("file"), column=column, hint=hint)
