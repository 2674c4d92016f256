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
from graphrec.response.personal.offers import Personal
from graphrec.response.personal.people import attribute_features, rating_features
from graphrec.response.shelf import Shelf, build_shelf
from graphrec.response.visits import Visits

Placed = tuple[str, FloatArray, IntArray, bool]
"""Name, table over weeks, line of the table for each pair, and whether it is history."""


@dataclass(frozen=True)
class Panel:
    """Rows of (user, item, week) with features; everything has the same order.

    Args:
        rows: ``user_id``, ``item_id``, ``week``, ``bought``, ``rate`` and ``affinity``. The rate is what was
            off the regular price in all. The affinity is the share of the value that the user saved before
            the first row. Personal offers add their rate as ``personal``, and ``propensity``. Length ``n``.
        features: Shape ``[n, F]``.
        names: Names of the features, ``F`` of them.
        groups: Codes of the groups of item or user. Shape ``[n, G]``.
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


@dataclass(frozen=True)
class Asked:
    """What is asked for beside the histories of user, item and pair.

    Args:
        groups: ``user_id`` and columns of the item attributes, the finest first: the response is pooled over
            them, and a pair's history with the groups of its item makes features.
        people: Columns of the user attributes that are features.
    """

    groups: Sequence[str] = ()
    people: Sequence[str] = ()


def build_panel(
    source: RawData,
    visits: Visits,
    promotions: pd.DataFrame | None = None,
    asked: Asked | None = None,
    rolling: bool = True,
    personal: Personal | None = None,
) -> Panel:
    """Compute the features of every row of `visits`; takes some seconds and shows a bar.

    Args:
        source: The log with prices, and the attributes of users and items.
        visits: The pairs and weeks.
        promotions: See `build_shelf`.
        asked: Groups and attributes; none if missing.
        rolling: Whether a row may know all weeks before its own, as a shop does; if not, all rows know the
            weeks before the first row alone.
        personal: Personal offers of the pairs. A row's rate is what is off the regular price in all: the
            personal rate is taken of what the shelf asks for, ``1 - (1 - shelf)(1 - personal)``.

    Raises:
        InputError: If a column is missing.
    """
    asked = asked or Asked()
    shelf = build_shelf(source.log, visits.items, visits.weeks, promotions)
    pair, column = visits.rows
    seen_from = column if rolling else np.full_like(column, visits.history_end)
    names, columns = [], []
    # a line of text: in a notebook rich's own form leaves a warning about ipywidgets in the cell
    console = Console(stderr=True, force_jupyter=False)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("Features of the response", total=None)
        for name, table, line, history in feature_tables(source, visits, shelf, asked, personal):
            columns.append(table[line[pair], seen_from if history else column].astype(np.float32))
            names.append(name)
            bar.advance(task)
    rows = _rows(source, visits, shelf, personal)
    codes = pair_groups(source, visits, asked.groups, rows)
    sizes = tuple(int(level.max()) + 1 for level in codes.T)
    return Panel(rows, np.stack(columns, axis=1), tuple(names), codes[pair], sizes)


def feature_tables(
    source: RawData, visits: Visits, shelf: Shelf, asked: Asked, personal: Personal | None = None
) -> Iterator[Placed]:
    """Compute every feature as a table over weeks, one at a time to spare memory."""
    each, log = np.arange(len(visits.user)), source.log
    level_of = {name: _group_of(source, name) for name in asked.groups if name != Columns.USER}
    of_users, of_items = rating_features(visits, log)
    histories = [
        (of.pair_features(visits), each),
        (of.deal_features(visits, shelf), each),
        (of.user_features(visits, log), visits.user),
        (of.item_features(visits, shelf), visits.item),
        *((of.group_features(visits, log, level, name), each) for name, level in level_of.items()),
        (of_users, visits.user),
        (of_items, visits.item),
        *([] if personal is None else [(personal.features(visits), each)]),
        (attribute_features(visits, source.users, asked.people), visits.user),
    ]
    for features, line in histories:
        for name, table in features:
            yield name, table, line, True
    for name, table in of.shelf_features(shelf):
        yield name, table, visits.item, False
    for name, level in level_of.items():
        yield f"{name}_rival_depth", of.rival_depth(visits.items, shelf, level), visits.item, False


def pair_groups(source: RawData, visits: Visits, groups: Sequence[str], rows: pd.DataFrame) -> IntArray:
    """Find the codes of each pair's groups among those of the rows of a panel, −1 if new. ``[P, G]``."""
    codes = np.empty((len(visits.user), len(groups)), dtype=np.int64)
    known = IdMap.from_values(rows[Columns.ITEM]).ids
    for level, name in enumerate(groups):
        if name == Columns.USER:
            codes[:, level] = IdMap.from_values(rows[name]).codes(visits.users.ids)[visits.user]
            continue
        group_of = _group_of(source, name)
        map_of = IdMap.from_values(group_of.reindex(known))
        codes[:, level] = map_of.codes(group_of.reindex(visits.items.ids))[visits.item]
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


def _rows(source: RawData, visits: Visits, shelf: Shelf, personal: Personal | None) -> pd.DataFrame:
    pair, column = visits.rows
    user, item = visits.user[pair], visits.item[pair]
    rows = pd.DataFrame(
        {
            Columns.USER: visits.users.ids[user],
            Columns.ITEM: visits.items.ids[item],
            Columns.WEEK: column + 1,
            "bought": visits.bought[pair, column],
            "rate": shelf.depth[item, column],
            "affinity": of.first_affinity(visits, source.log)[user],
        }
    )
    if personal is None:
        return rows
    rate = personal.rate[pair, column]
    both = 1.0 - (1.0 - rows["rate"]) * (1.0 - rate)
    return rows.assign(rate=both, personal=rate, propensity=personal.propensity[pair, column])
