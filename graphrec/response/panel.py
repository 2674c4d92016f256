"""The rows that a response is learnt from, with everything that is known of each before its week."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import Progress

from graphrec.arrays import Float32Array, FloatArray, IntArray
from graphrec.data.interactions import Columns, IdMap, RawData
from graphrec.errors import InputError
from graphrec.response import visit_features as of
from graphrec.response.shelf import Shelf, build_shelf
from graphrec.response.visits import Visits

Placed = tuple[str, FloatArray, IntArray, bool]
"""Name, table over weeks, line of the table for each pair, and whether it is history."""

ROW_COLUMNS = [Columns.USER, Columns.ITEM, Columns.WEEK, "bought", "rate", "affinity"]


@dataclass(frozen=True)
class Panel:
    """Rows of (user, item, week) with features; everything has the same order.

    Args:
        rows: ``user_id``, ``item_id``, ``week``, ``bought``, ``rate`` (depth on the shelf) and ``affinity``
            (share of the value that the user saved before the first row). Length ``n``.
        features: Shape ``[n, F]``.
        names: Names of the features, ``F`` of them.
        groups: Codes of the item's groups. Shape ``[n, G]``.
        group_sizes: Number of groups at each level.
    """

    rows: pd.DataFrame
    features: Float32Array
    names: tuple[str, ...]
    groups: IntArray
    group_sizes: tuple[int, ...]

    def with_features(self, names: Sequence[str], columns: Float32Array) -> Panel:
        """Add more features to the same rows. `columns` is ``[n, new]``."""
        both = np.concatenate([self.features, columns], axis=1)
        return Panel(self.rows, both, (*self.names, *names), self.groups, self.group_sizes)


def build_panel(
    source: RawData,
    visits: Visits,
    promotions: pd.DataFrame | None = None,
    groups: Sequence[str] = (),
    rolling: bool = True,
) -> Panel:
    """Compute the features of every row of `visits`; takes some seconds and shows a bar.

    Args:
        source: The log with prices, and the attributes of the items.
        visits: The pairs and weeks.
        promotions: See `build_shelf`.
        groups: Columns of the item attributes, the finest first; a pair's history with the groups of its item
            makes features, and the groups are what the response is pooled over.
        rolling: Whether a row may know all weeks before its own, as a shop does; if not, all rows know the
            weeks before the first row alone.

    Raises:
        InputError: If a column is missing.
    """
    shelf = build_shelf(source.log, visits.items, visits.weeks, promotions)
    pair, column = visits.rows
    seen_from = column if rolling else np.full_like(column, visits.history_end)
    names, columns = [], []
    # a line of text: in a notebook rich's own form leaves a warning about ipywidgets in the cell
    console = Console(stderr=True, force_jupyter=False)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("Features of the response", total=None)
        for name, table, line, history in feature_tables(source, visits, shelf, groups):
            columns.append(table[line[pair], seen_from if history else column].astype(np.float32))
            names.append(name)
            bar.advance(task)
    rows = _rows(source, visits, shelf)
    codes = item_groups(source, visits.items, groups, IdMap.from_values(rows[Columns.ITEM]))
    sizes = tuple(int(level.max()) + 1 for level in codes.T)
    return Panel(rows, np.stack(columns, axis=1), tuple(names), codes[visits.item[pair]], sizes)


def feature_tables(source: RawData, visits: Visits, shelf: Shelf, groups: Sequence[str]) -> Iterator[Placed]:
    """Compute every feature as a table over weeks, one at a time to spare memory."""
    each, log = np.arange(len(visits.user)), source.log
    level_of = {name: _group_of(source, name) for name in groups}
    histories = [
        (of.pair_features(visits), each),
        (of.deal_features(visits, shelf), each),
        (of.user_features(visits, log), visits.user),
        (of.item_features(visits, shelf), visits.item),
        *((of.group_features(visits, log, level, name), each) for name, level in level_of.items()),
    ]
    for features, line in histories:
        for name, table in features:
            yield name, table, line, True
    for name, table in of.shelf_features(shelf):
        yield name, table, visits.item, False
    for name, level in level_of.items():
        yield f"{name}_rival_depth", of.rival_depth(visits.items, shelf, level), visits.item, False


def item_groups(source: RawData, items: IdMap, groups: Sequence[str], known: IdMap) -> IntArray:
    """Find the codes of each item's groups among those of the items of `known`, −1 if new. ``[I, G]``."""
    codes = np.empty((len(items), len(groups)), dtype=np.int64)
    for level, name in enumerate(groups):
        group_of = _group_of(source, name)
        map_of = IdMap.from_values(group_of.reindex(known.ids))
        codes[:, level] = map_of.codes(group_of.reindex(items.ids))
    return codes


def _group_of(source: RawData, name: str) -> pd.Series[str]:
    """Find the group of each item; items without one are a group together."""
    if name == Columns.ITEM:
        items = pd.Index(source.log[Columns.ITEM].unique())
        return pd.Series(items.astype(str), index=items)
    if source.items is None or name not in source.items:
        known = [] if source.items is None else list(source.items.columns)
        hint = f"choose among {', '.join(known)}" if known else "give a table of items with this column"
        raise InputError("items have no such attribute", column=name, hint=hint)
    return source.items.set_index(Columns.ITEM)[name].astype(str)


def _rows(source: RawData, visits: Visits, shelf: Shelf) -> pd.DataFrame:
    pair, column = visits.rows
    user, item = visits.user[pair], visits.item[pair]
    return pd.DataFrame(
        {
            Columns.USER: visits.users.ids[user],
            Columns.ITEM: visits.items.ids[item],
            Columns.WEEK: column + 1,
            "bought": visits.bought[pair, column],
            "rate": shelf.depth[item, column],
            "affinity": of.first_affinity(visits, source.log)[user],
        }
    )
