"""The facts of a training log that features are made of: tables that an engine computes once and keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from graphrec.arrays import AnyFloatArray, FloatArray
from graphrec.data.engine import facts
from graphrec.data.engine.backends import DuckDB, Engine
from graphrec.data.engine.edges import PerEdge, edges
from graphrec.data.engine.rows import ITEM, TRIP, USER, WEEK, last_seconds, prepared
from graphrec.data.features.encoding import Block
from graphrec.data.interactions import Columns, IdMap, Interactions
from graphrec.errors import InputError

if TYPE_CHECKING:
    import ibis.expr.types as ir

CODE = "code"


@dataclass(frozen=True)
class Span:
    """What is one number for the whole log.

    Args:
        first: First week; nothing for a log without weeks.
        last: Last week.
        rating: Mean of all ratings.
        has_hours: Whether times have a time of day.
    """

    first: float | None = None
    last: float | None = None
    rating: float | None = None
    has_hours: bool = False

    @property
    def middle(self) -> float | None:
        """Week up to which a row counts as early."""
        return None if self.first is None or self.last is None else (self.first + self.last) / 2


@dataclass(frozen=True)
class LogFacts:
    """The facts of a log, each computed when it is first asked for.

    Args:
        engine: Where they are computed.
        rows: As `prepared`: what is to be predicted.
        user_ids: In the order of the codes.
        item_ids: In the order of the codes.
        codes: For each of `USER` and `ITEM` a table of ``id`` and ``code``; the rows have codes if missing.
        all_rows: Rows of other events, too.
        own: Columns of the log.
        per_edge: What weights of rows become in an edge, where the rows have weights.
    """

    engine: Engine
    rows: ir.Table
    user_ids: IdMap
    item_ids: IdMap
    codes: Mapping[str, ir.Table] | None = None
    all_rows: ir.Table | None = None
    own: tuple[str, ...] = ()
    per_edge: PerEdge = "sum"

    @classmethod
    def of(cls, train: Interactions, engine: Engine | None = None) -> LogFacts:
        """Take the columns that the training part of a log has.

        Args:
            train: With rows of all events, if weights tell them apart.
            engine: DuckDB in one thread if missing, so that equal rows give equal facts to the last digit.
        """
        engine = engine or DuckDB(threads=1)
        targets = train.targets()
        rows = _table(engine, targets.frame)
        every = rows if targets is train or Columns.EVENT not in train.frame else _table(engine, train.frame)
        return cls(engine, rows, train.users, train.items, None, every, tuple(map(str, train.frame)))

    @property
    def users(self) -> int:
        """Number of users."""
        return len(self.user_ids)

    @property
    def items(self) -> int:
        """Number of items."""
        return len(self.item_ids)

    def has(self, *columns: str) -> bool:
        """Tell whether the rows have columns."""
        return set(columns) <= set(self.rows.columns)

    def has_own(self, column: str) -> bool:
        """Tell whether the log has a column, and not only what stands in for it."""
        return column in self.own

    @cached_property
    def span(self) -> Span:
        """What is one number for the whole log."""
        found = self.engine.fetched(facts.span(self.rows)).to_pylist()[0]
        return Span(
            found.get("first"), found.get("last"), found.get("rating"), (found.get("of_day") or 0.0) > 0
        )

    @cached_property
    def edges(self) -> ir.Table:
        """Rows of each user and item; see `edges`."""
        return self._kept(edges(self.rows, self.per_edge, self.span.middle))

    @cached_property
    def by_user(self) -> ir.Table:
        """Sums over the rows of each user; see `sums`."""
        return self._kept(facts.sums(self.rows, USER))

    @cached_property
    def by_item(self) -> ir.Table:
        """Sums over the rows of each item; see `sums`."""
        return self._kept(facts.sums(self.rows, ITEM))

    @cached_property
    def trips(self) -> ir.Table | None:
        """Visits of each user; nothing where neither baskets nor weeks tell."""
        return self._kept(facts.trips(self.rows)) if self.has(TRIP) else None

    @cached_property
    def weekly_items(self) -> ir.Table:
        """Facts of each item in each week; see `weekly_items`."""
        return self._kept(facts.weekly_items(self.rows))

    def coded(self, table: ir.Table) -> ir.Table:
        """Put codes in the place of ids."""
        if self.codes is None:
            return table
        for side, codes in self.codes.items():
            if side in table.columns:
                code = codes.rename({side: "id", f"{side}_{CODE}": CODE})
                table = table.join(code, side).drop(side).rename({side: f"{side}_{CODE}"})
        return table

    def _kept(self, table: ir.Table) -> ir.Table:
        return self.engine.kept(self.coded(table))

    def everyone(self, side: str) -> ir.Table:
        """List all users or all items, also those without a row."""
        count = self.users if side == USER else self.items
        return self.engine.table(pa.table({side: np.arange(count, dtype=np.int64)}))

    def columns(self, side: str, tables: list[ir.Table | None], found: Any) -> dict[str, AnyFloatArray]:
        """Compute columns of users or items from tables of facts, in the order of the codes.

        Args:
            side: `USER` or `ITEM`.
            tables: One row per user or item each; those that are missing are passed over.
            found: Makes named columns of the joined table.

        Returns:
            NaN where a value is not known. Shape ``[n]`` each.
        """
        joined = self.everyone(side)
        for table in tables:
            if table is not None:
                joined = beside(joined, table, side)
        named: dict[str, ir.Value] = found(joined)
        if not named:
            return {}
        short = {f"c{place}": value.cast("float64") for place, value in enumerate(named.values())}
        rows = self.engine.fetched(joined.select(side, **short))
        place = rows.column(side).to_numpy()
        columns: dict[str, AnyFloatArray] = {}
        for name, code in zip(named, short, strict=True):
            values: FloatArray = np.full(len(place), np.nan)
            values[place] = rows.column(code).to_pandas().to_numpy(dtype=np.float64, na_value=np.nan)
            columns[name] = values
        return columns

    def sold(self) -> AnyFloatArray:
        """Count the rows of each item. Shape ``[I]``."""
        return self.columns(ITEM, [self.by_item], lambda item: {"rows": item.rows.fill_null(0.0)})["rows"]


def beside(table: ir.Table, other: ir.Table, key: str) -> ir.Table:
    """Join a table of facts to another one, keeping all rows of the first."""
    other = other.rename({"joined_key": key})
    return table.left_join(other, table[key] == other["joined_key"]).drop("joined_key")


def ratio(numerator: ir.Value, denominator: ir.Value) -> ir.Value:
    """Divide; missing where the denominator is 0."""
    return numerator / denominator.nullif(0.0)


def log_of(value: ir.Value) -> ir.Value:
    """Compute log(1 + value): counts and money are skewed; below 0 counts as 0."""
    import ibis

    return ibis.cases((value.isnull(), ibis.null("float64")), (value > 0, (1.0 + value).ln()), else_=0.0)


def there(block: Block, key: str, group: str, needs: Mapping[str, str]) -> Block:
    """Check that a group that somebody named has a column.

    Args:
        block: The group's.
        key: ``user_groups`` or ``item_groups``.
        group: Its name.
        needs: What each group is made of; one that is not named here may be empty.

    Raises:
        InputError: If it has none.
    """
    if block.names or group not in needs:
        return block
    what = f"the group {group!r} is made of {needs[group]}, which the data lacks"
    raise InputError(what, column=key, hint="map those columns, or leave the group out")


def saved_share(before: ir.Value, after: ir.Value) -> ir.Value:
    """Compute the share of a value that a reduction took off, in 0..1."""
    return (1.0 - ratio(after, before)).clip(lower=0.0, upper=1.0)


_READ = (
    *(Columns.USER_CODE, Columns.ITEM_CODE, Columns.WEEK, Columns.TIMESTAMP, Columns.BASKET, Columns.EVENT),
    *(Columns.QUANTITY, Columns.RATING, Columns.PRICE, Columns.SHELF_PRICE, Columns.REGULAR_PRICE),
)


def _table(engine: Engine, frame: pd.DataFrame) -> ir.Table:
    """Hand the columns that facts are made of to the engine."""
    read = frame[[name for name in _READ if name in frame]]
    if Columns.BASKET in read:
        read = read.assign(**{Columns.BASKET: pd.factorize(read[Columns.BASKET])[0]})  # any type, as numbers
    log = engine.table(pa.Table.from_pandas(read, preserve_index=False))
    last = None
    if Columns.TIMESTAMP in read and WEEK not in read:
        last = engine.fetched(last_seconds(log)).column("last").to_pylist()[0]
    return engine.named(prepared(log, last))
