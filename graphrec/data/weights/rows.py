"""What a row of the log weighs: by its rating, its quantity, its age or its event.

In YAML each is named by its class, and several are multiplied::

    weights:
      rows:
        - {class_path: Event, init_args: {weights: {view: 0.1, cart: 0.3, purchase: 1, return: 0}}}
        - {class_path: Recency, init_args: {half_life: 8}}
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray
from graphrec.data.cleaning.expressions import judged
from graphrec.data.engine.rows import A_DAY, number, seconds
from graphrec.data.interactions import Columns, place_in_file
from graphrec.data.tables.files import closest, some
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
        return _complete(rows, read[0], said[Columns.WEIGHT].to_numpy(dtype=np.float64))

    def is_read_in(self, rows: pd.DataFrame) -> bool:
        """Tell whether rows have what it needs."""
        return not self.reads or any(column in rows for column in self.reads)

    def is_target(self, log: pd.DataFrame) -> BoolArray | None:
        """Mark the rows that are to be predicted; nothing if this weight does not tell."""
        return None

    def targets_in(self, rows: ir.Table) -> ir.BooleanValue | None:
        """Express which rows are to be predicted; nothing if this weight does not tell."""
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


def refused(rows: pd.DataFrame, where: BoolArray, column: str, what: str, hint: str) -> InputError:
    """Make the mistake of some rows, which names the first of them."""
    file, row = place_in_file(rows, where)
    return InputError(what, file=file, row=row, column=column, hint=hint)


def _more(where: BoolArray) -> str:
    """Say in how many more rows it is so."""
    more = int(where.sum()) - 1
    return f", and so in {more:,} more row{'s' if more > 1 else ''}" if more else ""


def _events(rows: pd.DataFrame, asked: RowWeight) -> pd.Series[Any]:
    """Take the events, of which none may be missing."""
    if Columns.EVENT not in rows:
        raise _no_column(rows, Columns.EVENT, asked)
    events = rows[Columns.EVENT]
    missing = events.isna().to_numpy()
    if missing.any():
        what = f"no event is named{_more(missing)}"
        raise refused(rows, missing, Columns.EVENT, what, "say what they are, or take them out")
    return events.astype("str")


def _no_column(rows: pd.DataFrame, column: str, asked: RowWeight) -> InputError:
    what, hint = no_column(column, asked)
    return InputError(what, file=rows.attrs.get("file"), column=column, hint=hint)


def no_column(column: str, asked: RowWeight) -> tuple[str, str]:
    """Say that the log lacks what a weight reads, and what to do."""
    name, either = type(asked).__name__, " or ".join(asked.reads)
    if len(asked.reads) > 1:
        what = f"the weight {name} needs times, and the log has none"
        return what, f"map a column to {either}, or leave {name} out of weights"
    what = f"the weight {name} needs this column, and the log has none"
    return what, f"map it: columns: {{{column}: ...}}, or leave {name} out of weights"


def _complete(rows: pd.DataFrame, column: str, weight: FloatArray) -> FloatArray:
    """Refuse rows without a weight, and those with one below 0."""
    absent = np.isnan(weight)
    if absent.any():
        what = f"there is no {column} to weigh{_more(absent)}"
        hint = "say what such rows weigh, missing: 1, or take them out"
        raise refused(rows, absent, column, what, hint)
    negative = weight < 0
    if negative.any():
        what = f"a row cannot weigh {weight[negative][0]:g}{_more(negative)}"
        hint = "take such rows out" + (", or give zero_below: 0" if column == Columns.RATING else "")
        raise refused(rows, negative, column, what, hint)
    return weight
