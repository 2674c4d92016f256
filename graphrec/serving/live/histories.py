"""What each shopper did in training, by arrays, and what events since then make of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphrec.arrays import BoolArray, Float32Array, FloatArray, IntArray
from graphrec.data.interactions import Columns, Interactions
from graphrec.data.weights.happened import Happened
from graphrec.graph import BipartiteGraph
from graphrec.models.answers.baskets import Basket, Baskets
from graphrec.serving.live.counting import Counting, Happenings, Row, as_numbers

_NOTHING = np.zeros(0, dtype=np.int64)


class Histories:
    """The rows of training by user.

    Args:
        train: The rows.
        graph: Of them, on the CPU.
        counting: How events are weighed.
    """

    def __init__(self, train: Interactions, graph: BipartiteGraph, counting: Counting) -> None:
        self.graph, self.counting = graph, counting
        self._items, self._start = graph.seen.items.numpy(), graph.seen.start.numpy()
        self._weight = None if graph.edge_weight is None else graph.edge_weight.numpy()
        self._mean = 1.0 if self._weight is None else float(self._weight.mean(dtype=np.float64))
        self._last = _last_times(train, counting.clock.column, len(self._items))
        self._bought = _marks(graph)
        order = np.argsort(graph.history_user.numpy(), kind="stable")
        self._row_item, self._row_week = (
            part.numpy()[order] for part in (graph.history_item, graph.history_week)
        )
        counts = np.bincount(graph.history_user.numpy(), minlength=graph.num_users)
        self._row_start = np.concatenate([[0], np.cumsum(counts)])

    def bought(self, user: int) -> IntArray:
        """List what a user bought in training, by code, ascending."""
        edges = slice(self._start[user], self._start[user + 1])
        found: IntArray = self._items[edges]
        return found if self._bought is None else found[self._bought[edges]]

    def basket(self, user: int, happened: Happenings) -> Basket:
        """Join the rows of training of a user, −1 for none, with what happened since then."""
        before = self._before(user)
        before = before if not happened.undone else _undone(before, happened)
        return before if not happened.rows else self._joined(before, happened.rows)

    def graph_of(self, baskets: Sequence[Basket]) -> Baskets:
        """Make a graph of some baskets."""
        return Baskets(baskets, self.graph, self._mean)

    def _before(self, user: int) -> Basket:
        if user < 0:
            weight = None if self._weight is None else np.zeros(0, dtype=np.float32)
            last = None if self._last is None else np.zeros(0)
            return Basket(_NOTHING, _NOTHING.astype(np.bool_), weight, last, _NOTHING, _NOTHING)
        edges = slice(self._start[user], self._start[user + 1])
        rows = slice(self._row_start[user], self._row_start[user + 1])
        items = self._items[edges]
        return Basket(
            items,
            np.ones(len(items), dtype=np.bool_) if self._bought is None else self._bought[edges],
            None if self._weight is None else self._weight[edges],
            None if self._last is None else self._last[edges],
            self._row_item[rows],
            self._row_week[rows],
        )

    def _joined(self, before: Basket, rows: list[Row]) -> Basket:
        """Add rows to a basket."""
        item = np.array([row.item for row in rows], dtype=np.int64)
        items, place = np.unique(np.concatenate([before.items, item]), return_inverse=True)
        old, new = place[: len(before.items)], place[len(before.items) :]
        bought = np.zeros(len(items), dtype=np.bool_)
        bought[old] = before.bought
        bought[new] |= [row.bought for row in rows]
        last = weight = None
        if before.last is not None:
            last = np.full(len(items), -np.inf)
            last[old] = np.nan_to_num(before.last, nan=-np.inf)
            np.maximum.at(last, new, [row.time for row in rows])
            last[np.isneginf(last)] = np.nan
        if before.weight is not None:
            weight = self._weighed(before, rows, old, new, len(items))
            kept = weight > 0
            items, bought, weight = items[kept], bought[kept], weight[kept]
            last = None if last is None else last[kept]
        return self._with_rows(Basket(items, bought, weight, last), before, item, rows)

    def _weighed(
        self, before: Basket, rows: list[Row], old: IntArray, new: IntArray, size: int
    ) -> Float32Array:
        """Weigh the edges, each of training as old as it is now; as `EdgeWeights.of_edges` does."""
        weights, clock = self.counting.weights, self.counting.clock
        assert weights is not None
        assert before.weight is not None
        last = max(row.time for row in rows)
        known, days = np.zeros(size), clock.age(clock.last, last)
        known[old] = before.weight
        told: dict[int, list[float]] = {}
        for place, row in zip(new.tolist(), rows, strict=True):
            weight = weights.of_event(Happened(row.kind, row.units, clock.age(row.time, last)))
            told.setdefault(place, []).append(weight)
        faded = [weights.joined(weight, days, told.get(place, [])) for place, weight in enumerate(known)]
        return np.array(faded, dtype=np.float32)

    def _with_rows(self, found: Basket, before: Basket, item: IntArray, rows: list[Row]) -> Basket:
        assert before.row_item is not None
        assert before.row_week is not None
        week = np.array([row.week for row in rows], dtype=np.int64)
        if self.graph.has_weeks:
            item, week = np.unique(np.stack([item, week]), axis=1)
            known = set(zip(before.row_item.tolist(), before.row_week.tolist(), strict=True))
            fresh = [pair not in known for pair in zip(item.tolist(), week.tolist(), strict=True)]
            item, week = item[fresh], week[fresh]
        return Basket(
            found.items, found.bought, found.weight, found.last,
            np.concatenate([before.row_item, item]), np.concatenate([before.row_week, week]),
        )  # fmt: skip


def _undone(before: Basket, happened: Happenings) -> Basket:
    """Take the latest rows of returned items out of a basket, and the items of which none is left."""
    assert before.row_item is not None
    assert before.row_week is not None
    rows = np.ones(len(before.row_item), dtype=np.bool_)
    gone = []
    for item, count in happened.undone.items():
        mine = np.flatnonzero(before.row_item == item)
        mine = mine[np.argsort(before.row_week[mine], kind="stable")]
        rows[mine[max(len(mine) - count, 0) :]] = False
        if count >= len(mine):
            gone.append(item)
    kept = ~np.isin(before.items, gone)
    weight = None if before.weight is None else before.weight[kept]
    last = None if before.last is None else before.last[kept]
    items, bought = before.items[kept], before.bought[kept]
    return Basket(items, bought, weight, last, before.row_item[rows], before.row_week[rows])


def _marks(graph: BipartiteGraph) -> BoolArray | None:
    """Mark the edges that are of what is predicted; None if all are. Shape ``[E]``."""
    if graph.bought is graph.seen:
        return None
    width = graph.num_items
    keys = graph.edge_user.numpy() * width + graph.edge_item.numpy()
    users = np.repeat(np.arange(graph.num_users), np.diff(graph.bought.start.numpy()))
    marks: BoolArray = np.isin(keys, users * width + graph.bought.items.numpy())
    return marks


def _last_times(train: Interactions, column: str | None, edges: int) -> FloatArray | None:
    """Find the last time of each pair, in the order of the edges, NaN if unknown. Shape ``[E]``."""
    if column is None:
        return None
    frame = train.frame
    time = as_numbers(frame[column]).to_numpy()
    key = frame[Columns.USER_CODE].to_numpy() * max(len(train.items), 1) + frame[Columns.ITEM_CODE].to_numpy()
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    found: FloatArray = np.fmax.reduceat(time[order], first) if len(first) else np.zeros(0)
    assert len(found) == edges
    return found
