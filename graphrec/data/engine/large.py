"""A log in Parquet that no frame ever holds: edges and features come into memory, rows do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.arrays import Float32Array, FloatArray, IntArray
from graphrec.data.engine.backends import DuckDB, Engine
from graphrec.data.engine.codes import codes, ids_of
from graphrec.data.engine.edges import COUNT, FIRST, LAST, edges
from graphrec.data.engine.opened import LATER, ROWS, last_of, opened, purchases
from graphrec.data.engine.rows import ITEM, USER, WEEK, last_seconds, number, prepared, seconds
from graphrec.data.features.build import Features, features_of
from graphrec.data.features.log import LogFacts
from graphrec.data.features.options import FeatureOptions
from graphrec.data.interactions import Columns, IdMap, Interactions
from graphrec.data.weights.edges import EdgeWeights
from graphrec.data.weights.graph_rows import weighed_rows
from graphrec.errors import InputError
from graphrec.notices import note

if TYPE_CHECKING:
    import ibis.expr.types as ir

_CODES = {USER: Columns.USER, ITEM: Columns.ITEM}


@dataclass(frozen=True)
class Edges:
    """Distinct pairs of user and item, sorted, and what their rows say. Shape ``[E]`` each.

    Args:
        user: Codes.
        item: Codes.
        count: Rows of the pair.
        weight: By the weights that were given; missing where none were.
        first: Time of the first row: seconds since 1970, weeks where the log has no times; missing without.
        last: Time of the last row.
    """

    user: IntArray
    item: IntArray
    count: IntArray
    weight: Float32Array | None = field(default=None, repr=False)
    first: FloatArray | None = field(default=None, repr=False)
    last: FloatArray | None = field(default=None, repr=False)

    def __len__(self) -> int:
        """Count the pairs."""
        return len(self.user)


@dataclass(frozen=True)
class LargeLog:
    """The training part of a log in Parquet, as expressions; `read` opens one.

    Args:
        engine: Where they run.
        facts: Of what is to be predicted: what features are made of.
        rows: Of the graph, those of other events too.
        weights: Of the edges.
        account: Rows that were read, and rows that were left out by reason.
    """

    engine: Engine
    facts: LogFacts
    rows: ir.Table
    weights: EdgeWeights | None
    account: Mapping[str, int]

    @classmethod
    def read(
        cls,
        path: str | Path,
        columns: Mapping[str, str | None] | None = None,
        train_end: int | str | None = None,
        weights: EdgeWeights | None = None,
        engine: Engine | None = None,
    ) -> LargeLog:
        """Open a log, count its rows and give its ids their codes. Nothing but the ids comes into memory.

        Rows that are no purchases are left out as the source ``table`` does, and counted. Equal rows are not
        looked for, no value is filled, and none is lowered: clean the files first if they need it.

        Args:
            path: A Parquet file, a folder of them, or a pattern as ``sales/*.parquet``.
            columns: Our name → the file's name, for those that differ; None leaves a column out.
            train_end: Last week, date or moment of the training part, as in the split ``Temporal``; the
                whole log if missing.
            weights: Of the edges.
            engine: Where it is computed: DuckDB with four fifths of the memory if missing.

        Raises:
            InputError: If a file, a column or a value cannot be used, or no row is left.
        """
        engine, file = engine or DuckDB(), str(path)
        log = opened(path, columns or {}, engine)
        end = last_of(log, train_end, engine, file)
        told = purchases(log)
        if end is not None:
            time = number(told, WEEK) if WEEK in told.columns else seconds(told)
            told = told.mutate(why=told.why.coalesce((time > end).ifelse(LATER, None)))
        return cls.of(told, weights, engine, file)

    @classmethod
    def of(cls, told: ir.Table, weights: EdgeWeights | None, engine: Engine, file: str) -> LargeLog:
        """Take the rows that stay, see `graphrec.data.engine.opened.purchases`.

        Args:
            told: Rows with a column ``why``, missing for those that stay.
            weights: Of the edges.
            engine: Where it is computed.
            file: For messages.

        Raises:
            InputError: If no row is left.
        """
        account = _account(told, engine)
        rows = told.filter(told.why.isnull()).drop("why")
        if weights is not None:
            rows, weightless = weighed_rows(rows, weights, engine, file)
            account |= weightless
        _tell(account, file)
        return cls._of(rows, weights, engine, account, file)

    @classmethod
    def _of(
        cls, log: ir.Table, weights: EdgeWeights | None, engine: Engine, account: Mapping[str, int], file: str
    ) -> LargeLog:
        found = {side: engine.kept(codes(log, column)) for side, column in _CODES.items()}
        ids = {side: ids_of(found[side], engine, column, file) for side, column in _CODES.items()}
        pairs = {side: table.select("id", "code") for side, table in found.items()}
        every = _prepared(log, engine)
        bought, per_edge = every, "sum" if weights is None else weights.per_edge
        if weights is not None and (targets := weights.targets_in(log)) is not None:
            bought = _prepared(log.filter(targets), engine)
        own = tuple(log.columns)
        facts = LogFacts(engine, bought, ids[USER], ids[ITEM], pairs, every, own, per_edge)
        return cls(engine, facts, every, weights, account)

    @property
    def users(self) -> IdMap:
        """Ids of the users, as text."""
        return self.facts.user_ids

    @property
    def items(self) -> IdMap:
        """Ids of the items, as text."""
        return self.facts.item_ids

    @cached_property
    def _edges(self) -> ir.Table:
        """Edges of the graph; those of the facts where no event is told from another."""
        if self.rows is self.facts.rows:
            return self.facts.edges
        return self.engine.kept(self.facts.coded(edges(self.rows, self.facts.per_edge)))

    def edges(self) -> Edges:
        """Put the rows of each user and item together, and bring that into memory."""
        there: dict[str, type] = {USER: np.int32, ITEM: np.int32, COUNT: np.int32}
        optional: dict[str, type] = {Columns.WEIGHT: np.float32, FIRST: np.float64, LAST: np.float64}
        there |= {name: kind for name, kind in optional.items() if name in self._edges.columns}
        found: dict[str, Any] = self.engine.arrays(self._edges.order_by(USER, ITEM), there)
        weight, first, last = (found.get(name) for name in optional)
        return Edges(found[USER], found[ITEM], found[COUNT], weight, first, last)

    def interactions(self) -> Interactions:
        """Make what a graph is built on: one row for each edge, and its weight if there are weights.

        Where weights tell events apart, `Columns.TARGET` says which pairs have what is to be predicted.
        """
        found = self.edges()
        frame = pd.DataFrame({USER: found.user, ITEM: found.item}, dtype=np.int64, copy=False)
        if self.rows is not self.facts.rows:
            bought = self.engine.arrays(self.facts.edges, {USER: np.int64, ITEM: np.int64})
            keys = bought[USER] * len(self.items) + bought[ITEM]
            frame[Columns.TARGET] = (frame[USER] * len(self.items) + frame[ITEM]).isin(keys)
        train = Interactions(frame, self.users, self.items)
        return train if found.weight is None else replace(train, edge_weight=found.weight)

    def features(
        self,
        users: pd.DataFrame | None = None,
        items: pd.DataFrame | None = None,
        options: FeatureOptions | None = None,
    ) -> Features:
        """Build the features of every user and item; see `build_features`.

        Args:
            users: Attributes of users, with a column ``user_id`` of ids as text.
            items: Attributes of items, with a column ``item_id`` of ids as text.
            options: Groups and reduction; the defaults if missing.

        Raises:
            InputError: As `build_features` does, and if texts of the log are asked for.
        """
        options = options or FeatureOptions()
        if any(one.source == "log" for one in options.text):
            what, hint = "texts of a log in Parquet are not read", "put them into a table of items or users"
            raise InputError(what, column="text", hint=hint)
        pairs = pd.DataFrame({USER: [], ITEM: []}, dtype=np.int64)
        train = Interactions(pairs, self.users, self.items)
        train = train if options.informative is None else self.interactions()
        return features_of(self.facts, train, users, items, options)


def _prepared(log: ir.Table, engine: Engine) -> ir.Table:
    """Select what facts are made of, with ids in the place of codes."""
    last = None
    if Columns.TIMESTAMP in log.columns and WEEK not in log.columns:
        last = engine.fetched(last_seconds(log)).column("last")[0].as_py()
    return engine.named(prepared(log.rename(_CODES), last))


def _account(told: ir.Table, engine: Engine) -> dict[str, int]:
    """Count the rows, and those that are left out by reason."""
    found = engine.fetched(told.group_by("why").aggregate(rows=told.count())).to_pylist()
    why = {one["why"]: int(one["rows"]) for one in found}
    return {ROWS: sum(why.values())} | {name: rows for name, rows in sorted(why.items(), key=str) if name}


def _tell(account: Mapping[str, int], file: str) -> None:
    """Say what was left out, and refuse a log of which nothing is left."""
    left_out = {name: rows for name, rows in account.items() if name != ROWS and rows}
    said = ", ".join(f"{rows:,} {name}" for name, rows in left_out.items())
    left = account[ROWS] - sum(left_out.values())
    if not left:
        what = f"no interaction is left ({said or 'there was none'})"
        raise InputError(what, file=file, hint="check the columns and train_end")
    note(f"{file}: {account[ROWS]:,} rows, {left:,} in the training part" + (f"; {said}" if said else ""))
