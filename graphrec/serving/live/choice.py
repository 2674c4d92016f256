"""Which items a filter lets through, by codes that are found once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.data.joins import as_known, known_codes
from graphrec.data.tables.files import closest
from graphrec.data.tables.kinds import STOCK
from graphrec.errors import InputError
from graphrec.serving.live.answers import Filter
from graphrec.serving.live.ids import TextIds

_SHOWN = 200
"""Values that are looked through for a close one, in a message."""


@dataclass(frozen=True)
class Attribute:
    """The values of an attribute.

    Args:
        code: Value, as text → its number.
        of_item: Number of each item's value, −1 for none. Shape ``[I]``.
    """

    code: Mapping[str, int]
    of_item: IntArray


class ItemChoices:
    """Knows the items by id, by attribute and by stock.

    Args:
        ids: Of the items.
        table: Their attributes, with ``item_id``; None where there are none.
    """

    def __init__(self, ids: TextIds, table: pd.DataFrame | None) -> None:
        self.ids, self.attributes = ids, {}
        self.stock: FloatArray | None = None
        if table is None:
            return
        texts = pd.Series(table[Columns.ITEM]).astype("str")
        places = known_codes(as_known(texts, ids.known), ids.known)
        for name in map(str, table.columns):
            if name != Columns.ITEM:
                self.attributes[name] = _attribute(table[name], places, len(ids.texts))
        if STOCK in table and pd.api.types.is_numeric_dtype(table[STOCK]):
            self.stock = np.full(len(ids.texts), np.nan)
            self.stock[places[places >= 0]] = table[STOCK].to_numpy(dtype=np.float64)[places >= 0]

    def allowed(self, only: Filter) -> BoolArray | None:
        """Mark the items that may be listed; None for all. Shape ``[I]``.

        Raises:
            InputError: If an item, an attribute or a value is unknown.
        """
        found = None
        if only.items is not None:
            found = np.zeros(len(self.ids.texts), dtype=np.bool_)
            found[self._codes(only.items, "items")] = True
        for name, values in only.where.items():
            found = _both(found, self._with(name, values))
        if only.in_stock and self.stock is not None:
            found = _both(found, ~(self.stock <= 0))
        if only.exclude:
            found = np.ones(len(self.ids.texts), dtype=np.bool_) if found is None else found
            found[self._codes(only.exclude, "exclude")] = False
        return found

    def _codes(self, items: Iterable[str], role: str) -> list[int]:
        return [self.code(item, role) for item in items]

    def code(self, item: str, role: str = "items") -> int:
        """Find the code of an item.

        Raises:
            InputError: If there is none.
        """
        found = self.ids.find(item)
        if found < 0:
            hint = closest(item, self.ids.texts[:_SHOWN], "the catalogue has")
            raise InputError(f"there is no item {item!r}", column=role, hint=hint)
        return found

    def _with(self, name: str, values: Iterable[str]) -> BoolArray:
        """Mark the items whose attribute has one of some values."""
        if (attribute := self.attributes.get(name)) is None:
            known = list(self.attributes)
            hint = closest(name, known, "the items have") if known else "the items have no attributes"
            raise InputError(f"there is no attribute {name!r}", column="where", hint=hint)
        marks = np.zeros(len(attribute.code) + 1, dtype=np.bool_)  # the last is of items without a value
        for value in values:
            if (code := attribute.code.get(value)) is None:
                hint = closest(value, list(attribute.code)[:_SHOWN], f"values of {name} are")
                raise InputError(f"no item has the {name} {value!r}", column="where", hint=hint)
            marks[code] = True
        found: BoolArray = marks[attribute.of_item]
        return found


def _attribute(column: pd.Series, places: IntArray, size: int) -> Attribute:
    codes, values = pd.factorize(column.astype("str").where(column.notna()))
    of_item = np.full(size, -1, dtype=np.int64)
    of_item[places[places >= 0]] = codes[places >= 0]
    return Attribute({str(value): code for code, value in enumerate(values)}, of_item)


def _both(first: BoolArray | None, second: BoolArray) -> BoolArray:
    return second if first is None else first & second
