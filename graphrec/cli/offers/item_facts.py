"""``graphrec offers --costs``: what the files tell of the items of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from graphrec.data.interactions import Columns
from graphrec.data.tables.files import closest
from graphrec.data.tables.kinds import STOCK
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.offers.limits.facts_in_force import ItemsOfLog, facts_in_force
from graphrec.offers.limits.item_facts import FactsTable

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData


def joined_facts(
    tables: Sequence[FactsTable],
    data: RecommenderData,
    weeks: Sequence[int] | None,
    mapped: Sequence[str] = (),
    unsold: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame | None, pd.Series[Any] | None]:
    """Find the facts of the items in some weeks, and the stock among them, by the ids of the log.

    Args:
        tables: As they were read.
        data: With the log and the attributes of its items.
        weeks: The weeks that are decided for; missing where it is not known when.
        mapped: Attributes of items that a mapping of columns names.
        unsold: Items with attributes that are offered and that the log does not know.

    Raises:
        InputError: If they cannot be told of the items.
    """
    ids = pd.Index(data.split.items.ids).astype("str")
    known_tables = [one for one in (data.source.items, unsold) if one is not None]
    attributes = None
    if known_tables:
        table = pd.concat(known_tables, ignore_index=True)
        table = table.set_index(table[Columns.ITEM].astype("str")).drop(columns=Columns.ITEM)
        attributes = table[~table.index.duplicated(keep="last")]
    if unsold is not None:
        ids = ids.append(pd.Index(unsold[Columns.ITEM].astype("str")).difference(ids))
    known = [] if attributes is None else list(map(str, attributes))
    for name in mapped:
        if name not in known:
            what = f"{name!r} is no column of these files and no attribute of the items"
            raise InputError(what, column="--columns", hint=closest(name, known, "attributes are"))
    found = facts_in_force(tables, ItemsOfLog(ids, attributes), weeks)
    _tell_of_lacking(found, tables)
    facts, stock = found.drop(columns=STOCK, errors="ignore"), found.get(STOCK)
    return facts if len(facts.columns) else None, None if stock is None else stock.dropna()


def _tell_of_lacking(found: pd.DataFrame, tables: Sequence[FactsTable]) -> None:
    """Count the items of which something is not told, and say what holds there."""
    who = str(tables[0].file) if len(tables) == 1 else "no file of --costs"
    tells = "tells no" if len(tables) == 1 else "tells"
    for name in map(str, found.columns):
        if lacking := int(found[name].isna().sum()):
            there = "which limits nothing" if name == STOCK else "what is assumed holds there"
            note(f"{who} {tells} {name} of {lacking:,} of {len(found):,} items: {there}")
