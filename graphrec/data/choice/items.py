"""Which items may be recommended to whom, and what is added to their scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, Float32Array, IntArray
from graphrec.data.choice.condition import kept_by
from graphrec.data.choice.known import as_text, counted, distinct_pairs, item_codes
from graphrec.data.interactions import Columns, IdMap, RawData
from graphrec.data.joins import as_known, known_codes
from graphrec.data.tables.kinds import BOOST
from graphrec.data.tables.read import Kind, Table, TextFormat, load_table
from graphrec.errors import InputError
from graphrec.notices import note, warn

FILES: dict[str, Kind] = {
    "items": "item_list",
    "exclude": "exclusions",
    "boost": "boosts",
    "item_table": "items",
}
"""Options that name files on items, and what those are."""


@dataclass(frozen=True)
class ItemFiles:
    """What a request says of items, before the catalogue is known.

    Args:
        paths: Option → its file, for messages.
        tables: Option → its table.
        where: Condition on the table of items.
    """

    paths: Mapping[str, Path]
    tables: Mapping[str, Table]
    where: str | None = None

    @classmethod
    def read(
        cls,
        given: Mapping[str, Path | None],
        where: str | None,
        columns: Mapping[str, str | None],
        text: TextFormat,
    ) -> ItemFiles:
        """Read the files that are given.

        Args:
            given: Option → its file.
            where: The condition.
            columns: Our name → the file's name.
            text: How to read text files.

        Raises:
            InputError: If a file cannot be used, or a table is given that nothing asks about.
        """
        if given.get("item_table") is not None and where is None:
            hint = "give a condition with --where, or leave the table out"
            raise InputError("nothing asks about this table", column="--item_table", hint=hint)
        paths = {name: file for name, file in given.items() if file is not None}
        tables = {
            name: load_table(file, columns, kind=FILES[name], text=text) for name, file in paths.items()
        }
        return cls(paths, tables, where)

    def check_for_everybody(self) -> None:
        """Raise `InputError` if items are left out for single users, who do not ask here."""
        if "exclude" in self.tables and Columns.USER in self.tables["exclude"].frame:
            what, hint = "similar items are not of one user", "leave the column out: --columns user_id="
            raise InputError(what, file=self.paths["exclude"], column="--exclude", hint=hint)

    def choice(self, source: RawData, items: IdMap) -> ItemChoice:
        """Bring it into the codes of a catalogue; ids that it lacks are counted and named.

        Args:
            source: Has the table of items, where no other one is given.
            items: The catalogue.

        Raises:
            InputError: If a file names no item of the catalogue, or no item may be recommended.
        """
        marks = (self._listed(items), self._kept(source, items), self._for_everybody(items))
        given = [found for found in marks if found is not None]
        allowed = np.logical_and.reduce(given) if given else None
        if allowed is not None and not allowed.any():
            options = [f"--{name}" for name in ("items", "exclude") if name in self.paths]
            options += ["--where"] if self.where is not None else []
            what = "no item of the catalogue may be recommended"
            raise InputError(what, column=" and ".join(options), hint="let more items through")
        return ItemChoice(allowed, self._pairs(items), self._boost(items))

    def _codes(self, name: str, items: IdMap) -> IntArray:
        ids = self.tables[name].frame[Columns.ITEM]
        return item_codes(ids, items, self.paths[name], Columns.ITEM)

    def _listed(self, items: IdMap) -> BoolArray | None:
        return items.marked(self._codes("items", items)) if "items" in self.tables else None

    def _kept(self, source: RawData, items: IdMap) -> BoolArray | None:
        """Mark the items for which the condition is true. Shape ``[I]``."""
        if self.where is None:
            return None
        table, name = self._item_table(source)
        table = table[table[Columns.ITEM].notna()]
        ids = as_known(table[Columns.ITEM].astype("str"), items.ids)
        codes = item_codes(ids, items, name, Columns.ITEM)
        if missing := len(items) - len(np.unique(codes[codes >= 0])):
            lost = f"{missing:,} of {len(items):,} items of the catalogue"
            note(f"{lost} are not in {name}: --where leaves them out")
        kept = kept_by(self.where, table.assign(**{Columns.ITEM: ids})[codes >= 0])
        if kept.unknown:
            note(f"--where leaves {counted(kept.unknown, 'item')} out for want of a value that it asks for")
        return items.marked(as_text(items).codes(kept.ids))

    def _item_table(self, source: RawData) -> tuple[pd.DataFrame, str]:
        """Take the table that the condition is about, and its name for messages."""
        if "item_table" in self.tables:
            return self.tables["item_table"].frame, str(self.paths["item_table"])
        if source.items is None:
            what, hint = "the data has no table of items", "give one with --item_table"
            raise InputError(what, column="--where", hint=hint)
        if filled := sum(step.filled for step in source.steps if step.table == "items"):
            what = f"{filled:,} missing values of the data's table of items were filled in"
            warn(what, column="--where", hint="give the table as it is with --item_table")
        return source.items, "the data's table of items"

    def _for_everybody(self, items: IdMap) -> BoolArray | None:
        """Mark all but the items that are left out for everybody."""
        if "exclude" not in self.tables or Columns.USER in self.tables["exclude"].frame:
            return None
        return ~items.marked(self._codes("exclude", items))

    def _pairs(self, items: IdMap) -> pd.DataFrame | None:
        """List ``user_id`` and the item's code of pairs that are left out."""
        if "exclude" not in self.tables or Columns.USER not in self.tables["exclude"].frame:
            return None
        codes = self._codes("exclude", items)
        users = self.tables["exclude"].frame[Columns.USER]
        return pd.DataFrame({Columns.USER: users, Columns.ITEM_CODE: codes})[codes >= 0]

    def _boost(self, items: IdMap) -> Float32Array | None:
        if "boost" not in self.tables:
            return None
        codes, added = self._codes("boost", items), np.zeros(len(items), dtype=np.float32)
        known = codes >= 0
        added[codes[known]] = self.tables["boost"].frame[BOOST].to_numpy()[known]
        return added


@dataclass(frozen=True)
class ItemChoice:
    """Items in the codes of a catalogue.

    Args:
        allowed: Which may be recommended. Shape ``[I]``; None for all.
        pairs: ``user_id`` and the code ``item`` of what one user may not get.
        boost: What is added to the scores. Shape ``[I]``.
    """

    allowed: BoolArray | None = None
    pairs: pd.DataFrame | None = None
    boost: Float32Array | None = None

    @property
    def chooses(self) -> bool:
        """Whether anything is left out or favoured."""
        return not (self.allowed is None and self.pairs is None and self.boost is None)

    def without(self, pairs: pd.DataFrame) -> ItemChoice:
        """Leave out more pairs of ``user_id`` and ``item``."""
        found = [part for part in (self.pairs, pairs) if part is not None]
        return replace(self, pairs=pd.concat(found, ignore_index=True))

    def pairs_of(self, users: IdMap) -> IntArray:
        """List the pairs of some users that are left out, sorted, in codes. Shape ``[n, 2]``."""
        if self.pairs is None:
            return np.zeros((0, 2), dtype=np.int64)
        codes = known_codes(self.pairs[Columns.USER], users.ids)
        known = codes >= 0
        return distinct_pairs(codes[known], self.pairs[Columns.ITEM_CODE].to_numpy()[known])
