"""Which fact of an item holds, where tables tell it by item, by attribute and by week: the most specific."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray
from graphrec.data.interactions import Columns
from graphrec.data.joins import join
from graphrec.data.tables.kinds import COST, FUNDED_SHARE, MARGIN, MAX_RATE, MIN_MARGIN, STOCK
from graphrec.errors import InputError
from graphrec.notices import note, warn
from graphrec.offers.limits.item_facts import TOLD, FactsTable

STRICTEST = dict.fromkeys((COST, FUNDED_SHARE, MIN_MARGIN), "max")
STRICTEST |= dict.fromkeys((MARGIN, MAX_RATE, STOCK), "min")
"""Which of the values of several weeks holds, so that no week is crossed."""


@dataclass(frozen=True)
class ItemsOfLog:
    """The items that facts are told of.

    Args:
        ids: Their ids as text, each once.
        attributes: Their attributes by id; none if missing.
    """

    ids: pd.Index[Any]
    attributes: pd.DataFrame | None = None

    def by(self, name: str) -> pd.Series[Any]:
        """Find the id, or the value of an attribute as text, of each item. Shape ``[I]``."""
        if name == Columns.ITEM or self.attributes is None:
            return pd.Series(self.ids, index=self.ids)
        values = self.attributes[name].reindex(self.ids)
        return values.astype("str").where(values.notna())


@dataclass(frozen=True)
class _Layer:
    """Rows of one table that are equally specific.

    Args:
        table: Where they are from.
        by: Item id or attribute that they are told by.
        rows: Facts, ``week`` where they are told by week, indexed by the key as the log writes it.
        weekly: Whether they are told by week.
    """

    table: FactsTable
    by: str
    rows: pd.DataFrame
    weekly: bool

    @property
    def rank(self) -> tuple[bool, bool]:
        """Tell how specific they are; the lowest is the most specific."""
        return (self.by != Columns.ITEM, not self.weekly)

    @property
    def words(self) -> str:
        """Say by what they are told."""
        by = "item" if self.by == Columns.ITEM else self.by
        return f"{by} and week" if self.weekly else by

    def of(self, key: pd.Series[Any], week: int | None) -> pd.DataFrame:
        """Find what is told of each item in a week. Shape ``[I, facts]``."""
        rows = self.rows[self.rows[Columns.WEEK] == week] if self.weekly else self.rows
        found = rows[self.table.told].reindex(key.to_numpy())
        return found.set_axis(key.index, axis=0).reindex(columns=list(TOLD))


class _Found:
    """The facts of one week, filled from the most specific layer down."""

    def __init__(self, ids: pd.Index[Any]) -> None:
        self.frame = pd.DataFrame(np.nan, ids, list(TOLD))
        self.used: dict[int, BoolArray] = {}
        self.passed = 0

    def take(self, layers: Sequence[tuple[int, _Layer, pd.DataFrame]]) -> None:
        """Fill in what layers of one rank tell, where nothing more specific does."""
        same = pd.DataFrame(np.nan, self.frame.index, list(TOLD))
        of: dict[str, _Layer] = {}
        for _, layer, told in layers:
            _check_same(same, told, of, layer)
            of |= dict.fromkeys(layer.table.told, layer)
            same = same.fillna(told)
        priced = self.frame[[COST, MARGIN]].notna().any(axis=1)
        free = self.frame.isna()
        for name in (COST, MARGIN):
            free.loc[priced, name] = False
        for place, _, told in layers:
            self.used[place] = (told.notna() & free).any(axis=1).to_numpy(dtype=np.bool_)
        self.passed += int((same.notna() & ~free).to_numpy().sum())
        self.frame = self.frame.fillna(same.where(free))


def _check_same(same: pd.DataFrame, told: pd.DataFrame, of: dict[str, _Layer], layer: _Layer) -> None:
    """Refuse what two tables that are equally specific tell differently of one item."""
    for name in layer.table.told:
        others = [COST, MARGIN] if name in (COST, MARGIN) else [name]
        for other in others:
            both = same[other].notna() & told[name].notna()
            wrong = both & ((same[other] != told[name]) if other == name else True)
            if wrong.any():
                item = wrong.index[int(wrong.to_numpy().argmax())]
                what = f"item {item} has {name} {told.loc[item, name]:g} here and {other}"
                what += f" {same.loc[item, other]:g} in {of[other].table.file}"
                hint = "the two are equally specific: tell it in one of them"
                raise InputError(what, file=layer.table.file, column=name, hint=hint)


def facts_in_force(
    tables: Sequence[FactsTable], items: ItemsOfLog, weeks: Sequence[int] | None = None
) -> pd.DataFrame:
    """Find the facts of each item in the weeks that are decided for, and say where they are from.

    The most specific holds: item and week, item, attribute and week, attribute. Cost and margin are one fact.
    Where several weeks are decided for, the strictest of them holds (`STRICTEST`).

    Args:
        tables: What the shop tells.
        items: Of the log.
        weeks: The weeks that are decided for; missing where it is not known when.

    Returns:
        Columns of `TOLD` that are told, by item id. Shape ``[I, facts]``.

    Raises:
        InputError: If a table tells nothing of these items or weeks, or two tell different things of one.
    """
    layers = [layer for table in tables for layer in _layers(table, items, weeks)]
    times: Sequence[int | None] = [None]
    if any(layer.weekly for layer in layers) and weeks is not None:
        times = weeks
    keys = {layer.by: items.by(layer.by) for layer in layers}
    found = [_of_week(layers, keys, items.ids, week) for week in times]
    told = [name for name in TOLD if any(name in table.told for table in tables)]
    frame = pd.concat([one.frame[told] for one in found])
    if len(found) > 1:
        frame = frame.groupby(level=0, sort=False).agg({name: STRICTEST[name] for name in told})
    _tell(layers, found, times)
    return frame.reindex(items.ids)


def _of_week(
    layers: Sequence[_Layer], keys: dict[str, pd.Series[Any]], ids: pd.Index[Any], week: int | None
) -> _Found:
    found = _Found(ids)
    for rank in sorted({layer.rank for layer in layers}):
        found.take(
            [
                (place, layer, layer.of(keys[layer.by], week))
                for place, layer in enumerate(layers)
                if layer.rank == rank
            ]
        )
    return found


def _layers(table: FactsTable, items: ItemsOfLog, weeks: Sequence[int] | None) -> list[_Layer]:
    """Cut a table into rows of a week and rows of all weeks, keyed as the log writes ids and attributes."""
    by = _key_of(table, items)
    texts = table.frame[by].astype("str").where(table.frame[by].notna())
    missing = np.flatnonzero(texts.isna())
    if len(missing):
        raise table.refusal(int(missing[0]), by, "the value is missing", "complete the row or take it out")
    key = join(texts, items.by(by).dropna().unique(), file=table.file, column=by)
    _check_once(table, key, by)
    frame = table.frame.set_axis(key.to_numpy(), axis=0)
    if Columns.WEEK not in frame:
        return [_Layer(table, by, frame, weekly=False)]
    weekly = frame[Columns.WEEK].notna()
    if weekly.any():
        _check_weeks(table, frame.loc[weekly, Columns.WEEK], bool((~weekly).any()), weeks)
    parts = ((frame[weekly], True), (frame[~weekly], False))
    return [_Layer(table, by, rows, of_week) for rows, of_week in parts if len(rows)]


def _key_of(table: FactsTable, items: ItemsOfLog) -> str:
    """Find the column that says of what the facts are.

    Raises:
        InputError: If there is none, or more than one.
    """
    if Columns.ITEM in table.frame:
        return Columns.ITEM
    names = [] if items.attributes is None else [str(name) for name in items.attributes]
    known = [name for name in names if name not in (*TOLD, Columns.WEEK)]
    named = [name for name in known if name in table.frame]
    if len(named) == 1:
        if STOCK in table.frame:
            what = f"units on hand of a {named[0]} are not those of one item"
            hint = "tell stock by item_id, or leave it out: stock= after --columns"
            raise InputError(what, file=table.file, column=STOCK, hint=hint)
        return named[0]
    if named:
        what = f"{' and '.join(named)} are both attributes of items, and facts are told by one"
        hint = f"leave one out ({named[1]}= after --columns), or give item_id"
        raise InputError(what, file=table.file, column=named[1], hint=hint)
    if not known:
        what, hint = "the items of the log have no attribute to tell facts by", "give item_id, or map it"
    else:
        what = "nothing says of which items these facts are"
        hint = f"give item_id or an attribute of the items ({', '.join(known)}), or map it with --columns"
    raise InputError(what, file=table.file, column=Columns.ITEM, hint=hint)


def _check_once(table: FactsTable, key: pd.Series[Any], by: str) -> None:
    """Refuse a key, and in its weeks a key and week, that stands in two rows."""
    pairs = pd.DataFrame({"key": key.to_numpy()})
    if Columns.WEEK in table.frame:
        pairs[Columns.WEEK] = table.frame[Columns.WEEK].to_numpy()
    again = pairs.duplicated()
    if again.any():
        row = int(again.to_numpy().argmax())
        first = int((pairs == pairs.iloc[row]).all(axis=1).to_numpy().argmax())
        if Columns.WEEK in pairs and pd.isna(pairs[Columns.WEEK].iloc[row]):
            first = int(((pairs["key"] == pairs["key"].iloc[row]) & pairs[Columns.WEEK].isna()).argmax())
        line = table.rows.place(first)[1]
        what = f"'{pairs['key'].iloc[row]}' occurs more than once, it stands in row {line} already"
        if Columns.WEEK in pairs and pd.notna(pairs[Columns.WEEK].iloc[row]):
            what = f"{what} for week {pairs[Columns.WEEK].iloc[row]:.0f}"
        raise table.refusal(row, by, what, "keep one of the rows")


def _check_weeks(
    table: FactsTable, told: pd.Series[Any], has_others: bool, weeks: Sequence[int] | None
) -> None:
    """Refuse facts of weeks where none of them is decided for; say so where other rows hold."""
    span = f"weeks {told.min():.0f} to {told.max():.0f}"
    if weeks is None:
        hint = "name the week that is decided for with --week"
        what = f"facts are told of {span}, and the log has no weeks"
        raise InputError(what, file=table.file, column=Columns.WEEK, hint=hint)
    if told.isin(list(weeks)).any():
        return
    what = f"facts are told of {span}, and {said_weeks(weeks)} {_is(weeks)} decided for"
    if not has_others:
        hint = "add rows of that time, or rows without a week, which hold for all"
        raise InputError(what, file=table.file, column=Columns.WEEK, hint=hint)
    warn(what, file=table.file, column=Columns.WEEK, hint="its rows without a week hold")


def said_weeks(weeks: Sequence[int]) -> str:
    """Name weeks in words."""
    return f"week {weeks[0]}" if len(weeks) == 1 else f"weeks {weeks[0]} to {weeks[-1]}"


def _is(weeks: Sequence[int]) -> str:
    return "is" if len(weeks) == 1 else "are"


def _tell(layers: Sequence[_Layer], found: Sequence[_Found], times: Sequence[int | None]) -> None:
    """Say in one line how many items have facts, from where, and what was passed over."""
    used = [np.any([one.used[place] for one in found], axis=0) for place in range(len(layers))]
    known = np.any(used, axis=0)
    parts = [
        f"{int(mine.sum()):,} by {layer.words} ({Path(str(layer.table.file)).name})"
        for mine, layer in zip(used, layers, strict=True)
    ]
    weeks = [week for week in times if week is not None]
    of = f" in {said_weeks(weeks)}, the strictest week" if len(weeks) > 1 else ""
    of = f" in {said_weeks(weeks)}" if len(weeks) == 1 else of
    line = f"facts of {int(known.sum()):,} of {len(known):,} items{of}: {', '.join(parts)}"
    if passed := max(one.passed for one in found):
        line += f"; the most specific holds, so that {passed:,} other values do not"
    note(line)
