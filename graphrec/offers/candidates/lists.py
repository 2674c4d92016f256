"""The shop's own lists: which items and users a scenario is for, besides the rule that it is like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from graphrec.arrays import BoolArray
from graphrec.data.choice.known import counted, examples, item_codes
from graphrec.data.interactions import Columns, IdMap
from graphrec.data.joins import join, known_codes
from graphrec.data.tables.kinds import Kind
from graphrec.data.tables.read import Table, TextFormat, load_table
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.offers.candidates.eligibility import Eligibility
from graphrec.offers.scenarios import Scenario

KINDS: dict[str, Kind] = {
    "include": "item_list",
    "exclude": "item_list",
    "users": "user_list",
    "launch": "items",
}
"""Keys of a scenario that name tables, and what those are."""


@dataclass(frozen=True)
class ScenarioTables:
    """The tables that a scenario names.

    Args:
        paths: Key → its file, for messages.
        tables: Key → its rows.
    """

    paths: Mapping[str, Path | str]
    tables: Mapping[str, Table]

    @classmethod
    def read(cls, scenario: Scenario) -> ScenarioTables:
        """Read them.

        Raises:
            InputError: If one cannot be used.
        """
        given = {key: file for key in KINDS if (file := getattr(scenario, key)) is not None}
        text = TextFormat(scenario.delimiter, encoding=scenario.encoding)
        tables = {
            key: load_table(file, scenario.columns, kind=KINDS[key], text=text) for key, file in given.items()
        }
        return cls(given, tables)

    def narrowed(self, eligible: Eligibility, users: IdMap, items: IdMap, rule: str) -> Eligibility:
        """Keep what the lists name of what a rule chooses, and tell of ids that the log does not know.

        Args:
            eligible: What the rule chooses.
            users: Those of training.
            items: The catalogue.
            rule: Its name, for messages.

        Raises:
            InputError: If a list names nothing of the log, or nothing is left.
        """
        for key in ("include", "exclude", "users"):
            if key not in self.tables:
                continue
            if key == "users":
                eligible = replace(eligible, users=self._kept(key, self._users(users), eligible.users, rule))
            else:
                kept = self._kept(key, self._items(key, items), eligible.items, rule)
                eligible = replace(eligible, items=kept)
        return eligible

    def _kept(self, key: str, listed: BoolArray, before: BoolArray, rule: str) -> BoolArray:
        """Keep what a list names, or what it does not, and say how many."""
        kept = np.asarray(before & (~listed if key == "exclude" else listed), dtype=np.bool_)
        self._tell(key, kept, listed, before, rule)
        return kept

    def _items(self, key: str, items: IdMap) -> BoolArray:
        ids = self.tables[key].frame[Columns.ITEM]
        return items.marked(item_codes(ids, items, self.paths[key], Columns.ITEM))

    def _users(self, users: IdMap) -> BoolArray:
        ids, file = self.tables["users"].frame[Columns.USER], self.paths["users"]
        codes = known_codes(ids, users.ids)
        unknown = ids[codes < 0].drop_duplicates()
        if len(ids) and (codes < 0).all():
            join(ids, users.ids, file=file, column=Columns.USER)
        if len(unknown):
            who = counted(ids.nunique(), "user")
            note(f"{file}: {len(unknown):,} of {who} were not in training, such as {examples(unknown)}")
        return users.marked(codes)

    def _tell(self, key: str, kept: BoolArray, listed: BoolArray, before: BoolArray, rule: str) -> None:
        """Say how many of a list the rule chooses, too; refuse a list that leaves nothing."""
        noun, number = "user" if key == "users" else "item", int(listed.sum())
        if not kept.any():
            what = f"no {noun} is left: the rule {rule} chooses none but these"
            if key != "exclude":
                what = f"the rule {rule} chooses none of {counted(number, noun)}"
            hint = "write like: promotion for all that are listed" if key != "exclude" else "list fewer"
            raise InputError(what, file=self.paths[key], column=key, hint=hint)
        if key == "exclude":
            note(f"{self.paths[key]}: {counted(number, noun)} left out, {int(kept.sum()):,} remain")
        elif not before.all():
            said = f"{int(kept.sum()):,} of {counted(number, noun)}"
            note(f"{self.paths[key]}: {said} are chosen by the rule {rule}, too; like: promotion takes all")
        else:
            note(f"{self.paths[key]}: only for {counted(number, noun)}")
