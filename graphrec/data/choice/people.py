"""Whom a request is for: people that a model knows, people with a history of their own, and others."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, IntArray
from graphrec.data.choice.history import History
from graphrec.data.choice.known import as_text, counted, examples
from graphrec.data.interactions import Columns, IdMap, RawData
from graphrec.data.joins import as_known, differences, known_codes
from graphrec.data.tables.files import closest
from graphrec.data.tables.read import Table
from graphrec.errors import InputError
from graphrec.notices import note, warn


@dataclass(frozen=True)
class People:
    """People in the order they were asked for.

    Args:
        ids: As text, each once.
        codes: Of the model, −1 for whom it does not know. Shape ``[n]``.
        trained: Who has purchases in training, or features that stand for them. Shape ``[n]``.
    """

    ids: pd.Series[str]
    codes: IntArray
    trained: BoolArray = field(repr=False)

    @classmethod
    def asked(cls, given: Table | None, history: History | None, users: IdMap, active: BoolArray) -> People:
        """Find those of a list, else those of a history, else all that the model knows.

        Args:
            given: A list of users.
            history: What people bought.
            users: Whom the model knows.
            active: Which of them it knows something of. Shape ``[U]``.
        """
        if given is not None:
            ids = given.frame[Columns.USER]
        elif history is not None:
            ids = history.log[Columns.USER]
        else:
            ids = pd.Series(as_text(users).ids, dtype="str")
        ids = as_known(ids.drop_duplicates().reset_index(drop=True), users.ids).drop_duplicates()
        codes = known_codes(ids, users.ids)
        return cls(ids.reset_index(drop=True), codes, (codes >= 0) & active[codes])

    def tell_unknown(self, without: BoolArray, users: IdMap) -> None:
        """Say who is neither known to the model nor has a history.

        Args:
            without: Whom the most bought items are for. Shape ``[n]``.
            users: Whom the model knows.
        """
        if not without.any():
            return
        who = self.ids[without]
        what = f"{len(who):,} of {counted(len(self.ids), 'user')} bought nothing in training or in --history"
        said = f"such as {examples(who)}: they get the most bought items"
        if without.all():  # perhaps they are written in another way
            said += f"; {differences(who, users.ids, 'the request')}"
        note(f"{what}, {said}")


@dataclass(frozen=True)
class Segments:
    """Groups of users, in which other items are popular.

    Args:
        column: Their column in a table of users.
        of_user: Id, as text → segment, as text.
    """

    column: str
    of_user: pd.Series[str]

    @classmethod
    def read(cls, column: str, given: Table | None, file: str | Path | None, source: RawData) -> Segments:
        """Take a column of the table of users that is given, and of the data's for others.

        Raises:
            InputError: If there is no table, or no such column in it.
        """
        tables = [given.frame if given is not None else None, source.users]
        found = [frame for frame in tables if frame is not None]
        if not found:
            what, hint = "the data has no table of users", "give one with --user_table"
            raise InputError(what, column="--segment", hint=hint)
        if column not in found[0]:
            hint = closest(column, [str(name) for name in found[0].columns], "the table of users has")
            raise InputError(f"there is no column {column!r}", file=file, column="--segment", hint=hint)
        parts = [
            frame[frame[column].notna() & frame[Columns.USER].notna()].set_index(Columns.USER)[column]
            for frame in found
            if column in frame
        ]
        joined = pd.concat(parts).astype("str")
        joined.index = joined.index.astype("str")
        return cls(column, joined[~joined.index.duplicated()])

    def codes(self, users: IdMap, trained: IdMap) -> tuple[IntArray, IntArray, int]:
        """Give numbers to the segments that have a user in training, −1 to any other.

        Args:
            users: For whom items are wanted.
            trained: The users of the model.

        Returns:
            Segments of `users`, segments of `trained`, and how many segments there are.
        """
        theirs, ours = (
            as_known(pd.Series(as_text(ids).ids, dtype="str"), self.of_user.index).map(self.of_user)
            for ids in (users, trained)
        )
        names = IdMap.from_values(ours.dropna())
        return names.codes(theirs), names.codes(ours), len(names)


def tell_unknown_users(users: pd.Series[str], known: pd.Series[str], file: Path) -> None:
    """Say which users of a file on exclusions nobody knows."""
    unknown = users[~as_known(users, known).isin(known)].drop_duplicates()
    if len(unknown):
        shown = examples(unknown)
        warn(f"{len(unknown):,} of {users.nunique():,} users are not known, such as {shown}", file=file)


def most_bought(users: IntArray, items: IntArray, segment: IntArray, count: int, size: int) -> IntArray:
    """Count the distinct buyers of each item in each segment, and of all in the last row.

    Args:
        users: User of each distinct pair of training. Shape ``[E]``.
        items: Its item. Shape ``[E]``.
        segment: Of each user, −1 for none. Shape ``[U]``.
        count: Number of segments ``S``.
        size: Number of items ``I``.

    Returns:
        Shape ``[S + 1, I]``.
    """
    buyers = np.zeros((count + 1, size), dtype=np.int64)
    inside = segment[users] >= 0
    np.add.at(buyers, (segment[users][inside], items[inside]), 1)
    np.add.at(buyers[-1], items, 1)
    return buyers
