"""Which events count, by the rules of training: kinds, weights, times, and returns that undo purchases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from graphrec.data.cleaning.returns import Returns
from graphrec.data.engine.rows import A_DAY
from graphrec.data.interactions import Columns, Interactions
from graphrec.data.week_numbers import first_day_of_week
from graphrec.data.weights.edges import PURCHASE, EdgeWeights
from graphrec.data.weights.happened import Happened
from graphrec.errors import InputError
from graphrec.serving.state.events import Event

RETURN = "return"
_ROUNDING = 1e-6


@dataclass
class Row:
    """An event that counts, as a row of the log.

    Args:
        item: Code.
        kind: Of the event.
        units: That are left of it.
        time: As the log of training counts: seconds since 1970, a week, or a place in the list.
        week: Number as the log has it; 0 where it has none.
        bought: Whether it is of what is predicted.
    """

    item: int
    kind: str
    units: float
    time: float
    week: int
    bought: bool


@dataclass(frozen=True)
class Happenings:
    """Events of one shopper that count.

    Args:
        rows: In the order of time.
        undone: Code of an item → how many rows of training its returns undo.
    """

    rows: list[Row] = field(default_factory=list)
    undone: dict[int, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything is different from training."""
        return bool(self.rows or self.undone)


@dataclass(frozen=True)
class Clock:
    """How training counts time.

    Args:
        column: What orders its rows; None where nothing does.
        last: Of its last row, in the unit of `Row.time`.
        last_week: Its last week; 0 where it has none.
        zero: Second since 1970 at which week 0 began; None where no row tells.
    """

    column: str | None
    last: float
    last_week: int
    zero: float | None

    @classmethod
    def of(cls, train: Interactions) -> Clock:
        """Read it off the rows of training."""
        frame = train.frame
        column = next((one for one in _TIMES if one in frame and frame[one].notna().any()), None)
        last = 0.0 if column is None else float(as_numbers(frame[column]).max())
        if Columns.WEEK not in frame:
            return cls(column, last, 0, None)
        week = int(frame[Columns.WEEK].max())
        try:
            first = first_day_of_week(frame, 0, "week")
        except InputError:
            return cls(column, last, week, None)
        return cls(column, last, week, pd.Timestamp(first).timestamp())

    def read(self, event: Event, place: int) -> tuple[float, int]:
        """Tell time and week of an event, neither before the last of training, for it is known since then."""
        week = self.last_week
        if self.zero is not None:
            week = max(week, int((event.time - self.zero) // (7 * A_DAY)))
        elif self.column == Columns.WEEK or self.last_week:
            week += 1
        if self.column == Columns.TIMESTAMP:
            return max(event.time, self.last), week
        return (float(week) if self.column == Columns.WEEK else self.last + 1 + place), week

    def age(self, time: float, last: float) -> float:
        """Count the days from a time to the last one."""
        unit = {Columns.TIMESTAMP: 1.0 / A_DAY, Columns.WEEK: 7.0}.get(self.column or "", 0.0)
        return (last - time) * unit


_TIMES = (Columns.TIMESTAMP, Columns.WEEK, Columns.ORDER)


def as_numbers(column: pd.Series) -> pd.Series:
    """Write times as seconds since 1970; numbers stay."""
    if not pd.api.types.is_datetime64_any_dtype(column):
        return column.astype("float64")
    return (column - pd.Timestamp(0)) / pd.Timedelta(seconds=1)


@dataclass(frozen=True)
class Counting:
    """Tells which events count.

    A purchase counts, and so does every kind that the weights of the model name, if it weighs more than 0.
    Other kinds, items that training does not know and units that are no number count nothing. A return, of
    that kind or with a quantity below 0, takes its units off the latest purchase: first of the same
    quantity, then of any. What is returned beyond the purchases of these events undoes the latest row of
    that item in training. Where the cleaning of the log drops returns, they count nothing.

    Args:
        clock: Of training.
        weights: Of its edges; None where all count alike.
        drops_returns: Whether the cleaning of the log leaves returns out and keeps their purchases.
    """

    clock: Clock
    weights: EdgeWeights | None
    drops_returns: bool

    @classmethod
    def of(cls, train: Interactions, weights: EdgeWeights | None, rules: Iterable[object]) -> Counting:
        """Take the rules of training."""
        drops = any(isinstance(rule, Returns) and rule.how == "drop" for rule in rules)
        return cls(Clock.of(train), weights, drops)

    def happened(self, events: Sequence[Event], code: Callable[[str], int]) -> Happenings:
        """Choose the events that count, and set returns against purchases.

        Args:
            events: Of one shopper, in any order.
            code: Of an item by its id; −1 if it has none.
        """
        found = Happenings()
        for place, event in enumerate(sorted(events, key=lambda one: one.time)):
            item, units = code(event.item), abs(event.quantity)
            if item < 0 or not 0 < units < float("inf"):
                continue
            if event.kind == RETURN or event.quantity < 0:
                if not self.drops_returns:
                    _undo(found, item, units)
                continue
            if self._counts(event.kind):
                time, week = self.clock.read(event, place)
                found.rows.append(Row(item, event.kind, units, time, week, self._is_bought(event.kind)))
        return replace(found, rows=[row for row in found.rows if row.units > _ROUNDING])

    def reads(self, kind: str) -> bool:
        """Tell whether events of a kind may change what is known of somebody."""
        if kind == RETURN:
            return not self.drops_returns
        return self._counts(kind) and (
            self.weights is None or self.weights.of_event(Happened(kind, 1.0, 0.0)) > 0
        )

    def _counts(self, kind: str) -> bool:
        if self.weights is None:
            return kind == PURCHASE
        return self._is_bought(kind) or self.weights.names(kind)

    def _is_bought(self, kind: str) -> bool:
        return kind == PURCHASE if self.weights is None else self.weights.targets_event(kind)


def _undo(found: Happenings, item: int, units: float) -> None:
    """Take returned units off the latest purchases of an item, then off training."""
    bought = [row for row in reversed(found.rows) if row.item == item and row.bought and row.units > 0]
    same = [row for row in bought if abs(row.units - units) < _ROUNDING]
    for row in (*same[:1], *bought):
        taken = min(units, row.units)
        row.units -= taken
        units -= taken
        if units <= _ROUNDING:
            return
    found.undone[item] = found.undone.get(item, 0) + 1
