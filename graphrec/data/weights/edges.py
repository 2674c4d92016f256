"""What an edge weighs: the weights of its rows, multiplied with each other and put together per edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from graphrec.arrays import Float32Array, FloatArray
from graphrec.data.interactions import Columns, Interactions
from graphrec.data.weights.rows import RowWeight, refused
from graphrec.errors import InputError

PerEdge = Literal["sum", "max", "last"]
_LEAST = 1e-12
"""Part of the largest weight below which a row counts as 0: single precision has no use for it."""
_LARGEST = 1e9


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
        """Add the column `Columns.TARGET` where a weight says which rows are to be predicted."""
        marks = [mark for one in self.rows if (mark := one.is_target(log)) is not None]
        return log.assign(**{Columns.TARGET: np.logical_and.reduce(marks)}) if marks else log

    def weighed(self, train: pd.DataFrame) -> pd.DataFrame:
        """Add the column `Columns.WEIGHT` to the rows of the training part, 0 for what leaves the graph.

        Raises:
            InputError: If a row cannot be weighed.
        """
        weight: FloatArray = np.ones(len(train))
        for one in self.rows:
            weight = weight * one.of_rows(train)
        wrong = ~(weight <= _LARGEST)
        if wrong.any():
            what = f"a row would weigh {weight[wrong][0]:g}"
            raise refused(train, wrong, "weights", what, f"scale it to {_LARGEST:g} or less")
        weight[weight < _LEAST * weight.max(initial=0.0)] = 0.0
        if len(train) and not weight.any():
            what, hint = "every training row weighs 0", "give the rows of the graph a weight above 0"
            raise InputError(what, file=train.attrs.get("file"), column="weights", hint=hint)
        return train.assign(**{Columns.WEIGHT: weight})

    def of_edges(self, train: Interactions) -> Float32Array:
        """Put the weights of the rows together, in the order of `Interactions.pairs`. Shape ``[E]``.

        Args:
            train: The training part, with `Columns.WEIGHT` above 0.
        """
        frame = train.frame
        times = [name for name in (Columns.TIMESTAMP, Columns.WEEK) if name in frame]
        if self.per_edge == "last" and times:
            frame = frame.sort_values(times[0], kind="stable")
        by_edge = frame.groupby([Columns.USER_CODE, Columns.ITEM_CODE], sort=True)[Columns.WEIGHT]
        found: Float32Array = np.array(by_edge.agg(self.per_edge), dtype=np.float32)
        return found

    def line(self, train: Interactions) -> str:
        """Write how the edges were weighed and what they weigh."""
        assert train.edge_weight is not None
        weight = train.edge_weight.astype(np.float64)
        names = " × ".join(type(one).__name__ for one in self.rows)
        span = f"{weight.min():.3g} to {weight.max():.3g}, {weight.mean():.3g} on average"
        rows = f" from {len(train):,} rows" if len(train) > len(weight) else ""
        return f"weights {names}, {self.per_edge} per edge: {len(weight):,} edges{rows} weigh {span}"
