"""What an edge weighs: the weights of its rows, multiplied with each other and put together per edge."""

from __future__ import annotations

import functools as ft
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd
import pyarrow as pa

from graphrec.arrays import Float32Array, FloatArray
from graphrec.data.cleaning.expressions import ROW
from graphrec.data.engine.backends import DuckDB
from graphrec.data.engine.edges import PerEdge, weight_of_edge
from graphrec.data.interactions import Columns, Interactions
from graphrec.data.tables.files import some
from graphrec.data.weights.happened import Happened
from graphrec.data.weights.refusals import refused
from graphrec.data.weights.rows import RowWeight
from graphrec.errors import InputError

if TYPE_CHECKING:
    import ibis.expr.types as ir

LEAST = 1e-12
"""Part of the largest weight below which a row counts as 0: single precision has no use for it."""
LARGEST = 1e9
PURCHASE = "purchase"
"""The kind of event that every row tells of where a log names none."""


@dataclass(frozen=True)
class EdgeWeights:
    """How the training rows of a user and an item become the weight of their edge.

    Args:
        rows: What a row weighs; of several weights it is the product.
        per_edge: What the rows of one edge become: their ``sum``, their ``max``, or the ``last`` by time, in
            the order of the log where there is none.

    Raises:
        InputError: If there is no weight, two are of one kind, or `per_edge` is something else.
    """

    rows: list[RowWeight]
    per_edge: PerEdge = "sum"

    def __post_init__(self) -> None:
        """Check the arguments."""
        if not self.rows:
            raise InputError(
                "no weight is named", column="weights.rows", hint="name one, or leave weights out"
            )
        names = [type(one).__name__ for one in self.rows]
        twice = [name for place, name in enumerate(names) if name in names[:place]]
        if twice:
            raise InputError(f"{twice[0]} is given twice", column="weights.rows", hint="give it once")
        if self.per_edge not in get_args(PerEdge):
            hint = f"give {', '.join(get_args(PerEdge))}"
            raise InputError(f"{self.per_edge!r} is none", column="weights.per_edge", hint=hint)

    def marked(self, log: pd.DataFrame) -> pd.DataFrame:
        """Add the column `Columns.TARGET` where a weight says which rows are to be predicted.

        Raises:
            InputError: If a row has no known event, or none is to be predicted.
        """
        found = _marked(log, self.rows)
        if Columns.TARGET in found and not found[Columns.TARGET].any():
            named = some(sorted(log[Columns.EVENT].unique()), 6) if Columns.EVENT in log else "other rows"
            hint = f"the log has {named}: name one of them in target"
            what = "no row is what is to be predicted"
            raise InputError(what, file=log.attrs.get("file"), column=Columns.EVENT, hint=hint)
        return found

    def weighed(self, train: pd.DataFrame) -> pd.DataFrame:
        """Add the column `Columns.WEIGHT` to the rows of the training part, 0 for what leaves the graph.

        Raises:
            InputError: If a row cannot be weighed.
        """
        found = _weighed(train, self.rows)
        if len(train) and not found[Columns.WEIGHT].any():
            what, hint = "every training row weighs 0", "give the rows of the graph a weight above 0"
            raise InputError(what, file=train.attrs.get("file"), column="weights", hint=hint)
        return found

    def of_edges(self, train: Interactions) -> Float32Array:
        """Put the weights of the rows together, in the order of `Interactions.pairs`. Shape ``[E]``.

        Args:
            train: The training part, with `Columns.WEIGHT` above 0.
        """
        frame = train.frame
        order = [name for name in (Columns.TIMESTAMP, Columns.WEEK) if name in frame][:1]
        rows = pa.Table.from_pandas(
            frame[[Columns.USER_CODE, Columns.ITEM_CODE, Columns.WEIGHT, *order]], preserve_index=False
        )
        engine = DuckDB(threads=1)
        table = engine.table(rows.append_column(ROW, pa.array(np.arange(len(frame)))))
        pair = [Columns.USER_CODE, Columns.ITEM_CODE]
        weight = weight_of_edge(table, self.per_edge, [*order, ROW])
        edges = table.group_by(pair).aggregate(weight=weight).order_by(pair).select("weight")
        found: Float32Array = engine.fetched(edges).column("weight").to_numpy().astype(np.float32)
        return found

    def of_history(self, rows: Interactions) -> Interactions:
        """Weigh rows of people that training does not know as it was weighed; see `unread_in`.

        Raises:
            InputError: If a row cannot be weighed.
        """
        able = self._able(rows.frame)
        frame = _weighed(_marked(rows.frame, able), able)
        kept = frame[frame[Columns.WEIGHT] > 0].reset_index(drop=True)
        found = Interactions(kept, rows.users, rows.items)
        return replace(found, edge_weight=self.of_edges(found))

    def of_event(self, event: Happened) -> float:
        """Weigh what happened after training, as its row would weigh; 0 for what stays out of the graph."""
        return math.prod(one.of_event(event) for one in self.rows)

    def joined(self, known: float, days: float, events: Sequence[float]) -> float:
        """Put the weight of an edge of training and those of events since then together.

        Args:
            known: What the edge weighed; 0 if there was none.
            days: How long ago that was.
            events: What the events weigh, in the order of time.
        """
        known = known * math.prod(one.faded(days) for one in self.rows)
        counted = [weight for weight in events if weight > 0]
        if not counted:
            return known
        if self.per_edge == "last":
            return counted[-1]
        return known + math.fsum(counted) if self.per_edge == "sum" else max(known, *counted)

    def names(self, kind: str) -> bool:
        """Tell whether a weight is for events of a kind."""
        return any(kind in one.kinds for one in self.rows)

    def targets_event(self, kind: str) -> bool:
        """Tell whether events of a kind are of what is predicted; ``purchase`` is, where no weight tells."""
        told = [mark for one in self.rows if (mark := one.targets_event(kind)) is not None]
        return all(told) if told else kind == PURCHASE

    def targets_in(self, rows: ir.Table) -> ir.BooleanValue | None:
        """Express which rows are of what is to be predicted; nothing if no weight tells."""
        marks = [mark for one in self.rows if (mark := one.targets_in(rows)) is not None]
        return None if not marks else ft.reduce(operator.and_, marks)

    def bought_in(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Take the rows that are of what is to be predicted; all where none of their columns tells."""
        found = _marked(rows, self._able(rows))
        return found[found[Columns.TARGET]] if Columns.TARGET in found else rows

    def _able(self, rows: pd.DataFrame) -> list[RowWeight]:
        """List the weights that rows have a column for."""
        return [one for one in self.rows if one.is_read_in(rows)]

    def unread_in(self, rows: pd.DataFrame) -> list[str]:
        """Name the weights that rows have no column for."""
        return [type(one).__name__ for one in self.rows if not one.is_read_in(rows)]

    def line(self, train: Interactions) -> str:
        """Write how the edges were weighed and what they weigh."""
        assert train.edge_weight is not None
        weight = train.edge_weight.astype(np.float64)
        names = " × ".join(type(one).__name__ for one in self.rows)
        span = f"{weight.min():.3g} to {weight.max():.3g}, {weight.mean():.3g} on average"
        rows = f" from {len(train):,} rows" if len(train) > len(weight) else ""
        return f"weights {names}, {self.per_edge} per edge: {len(weight):,} edges{rows} weigh {span}"


def _marked(rows: pd.DataFrame, weights: Sequence[RowWeight]) -> pd.DataFrame:
    """Mark the rows that are of what is to be predicted, if a weight says which they are."""
    marks = [mark for one in weights if (mark := one.is_target(rows)) is not None]
    return rows.assign(**{Columns.TARGET: np.logical_and.reduce(marks)}) if marks else rows


def _weighed(rows: pd.DataFrame, weights: Sequence[RowWeight]) -> pd.DataFrame:
    """Multiply the weights of each row; what is next to none is none."""
    weight: FloatArray = np.ones(len(rows))
    for one in weights:
        weight = weight * one.of_rows(rows)
    wrong = ~(weight <= LARGEST)
    if wrong.any():
        what = f"a row would weigh {weight[wrong][0]:g}"
        raise refused(rows, wrong, "weights", what, f"scale it to {LARGEST:g} or less")
    weight[weight < LEAST * weight.max(initial=0.0)] = 0.0
    return rows.assign(**{Columns.WEIGHT: weight})
