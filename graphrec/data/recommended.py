"""Lists of recommendations that any library wrote: a table, or the text form of LightGCN's papers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.arrays import AnyArray, IntArray
from graphrec.data.datasets.lightgcn_txt import read_lists
from graphrec.data.interactions import Columns, IdMap
from graphrec.data.joins import as_known, join
from graphrec.data.tables.kinds import LIST_RANK, LIST_SCORE
from graphrec.data.tables.read import TextFormat, load_table
from graphrec.errors import InputError

_NUMBERS = re.compile(rb"(\xef\xbb\xbf)?\d+( \d+)*\s*")
_FILTERED = -3e38
"""Scores below are no scores: implicit marks what it filtered by the lowest number of 32 bits."""


@dataclass(frozen=True)
class Recommended:
    """The lists of one file.

    Args:
        file: The file.
        frame: ``user_id`` and ``item_id`` as text, and ``rank`` or ``score`` or both; neither where the
            order of the file is that of the lists.
    """

    file: str | Path
    frame: pd.DataFrame

    @property
    def order(self) -> str:
        """What the lists are ordered by."""
        return next((name for name in (LIST_RANK, LIST_SCORE) if name in self.frame), "the order of the file")

    def doubtful(self) -> int:
        """Count the users whose scores rise where their ranks fall."""
        if not {LIST_RANK, LIST_SCORE} <= set(self.frame):
            return 0
        sorted_rows = self.frame.sort_values([Columns.USER, LIST_RANK])
        rises = sorted_rows.groupby(Columns.USER)[LIST_SCORE].diff() > 0
        return int(sorted_rows.loc[rises, Columns.USER].nunique())


@dataclass(frozen=True)
class CodedLists:
    """Lists in the codes of a log.

    Args:
        users: Codes of the users. Shape ``[n]``.
        items: Their items, best first, −1 where a list has ended. Shape ``[n, L]``.
        strangers: Users of the file whom the log does not know.
        tied: Lists in which two items have one score and no rank.
    """

    users: IntArray
    items: IntArray
    strangers: int
    tied: int


def is_lists(file: str | Path, text: TextFormat) -> bool:
    """Tell whether a file is in the text form of LightGCN's papers: ``user item item ...``, whole numbers.

    Args:
        file: The file.
        text: How it is to be read as a table; a delimiter says that it is one.
    """
    file = Path(file)
    if text.delimiter is not None or file.suffix.lower() != ".txt" or not file.is_file():
        return False
    with file.open("rb") as lines:
        return _NUMBERS.fullmatch(next((line for line in lines if line.strip()), b"")) is not None


def read_recommended(file: str | Path, columns: Mapping[str, str | None], text: TextFormat) -> Recommended:
    """Read the lists of a file and check that each has every item once.

    Args:
        file: A table with ``user_id``, ``item_id`` and ``rank`` or ``score``; or see `is_lists`.
        columns: Our name → the file's name.
        text: How to read a text file.

    Raises:
        InputError: If the file cannot be used, an item or a rank stands twice in a list, or nothing orders
            the lists.
    """
    if is_lists(file, text):
        path = Path(file)
        frame = read_lists(path)
        lines = frame["line"].to_numpy()
        frame = frame[[Columns.USER, Columns.ITEM]].astype("str")
        _refuse(frame.duplicated(), "item", frame, lambda place: (path, int(lines[place])))
        return Recommended(file, frame)
    table = load_table(file, columns, kind="recommendations", text=text)
    frame = table.frame
    orders = [name for name in (LIST_RANK, LIST_SCORE) if name in frame]
    if not orders:
        hint = "map one of them, as --columns rank=position or score=prediction"
        raise InputError("neither rank nor score: nobody knows the order of the lists", file=file, hint=hint)
    _refuse(frame.duplicated([Columns.USER, Columns.ITEM]), "item", frame, table.rows.place)
    if LIST_RANK in frame:
        _refuse(frame.duplicated([Columns.USER, LIST_RANK]), LIST_RANK, frame, table.rows.place)
    if LIST_SCORE in frame and (filtered := frame[LIST_SCORE] < _FILTERED).any():
        where, row = table.rows.place(int(filtered.to_numpy().argmax()))
        what = f"{int(filtered.sum()):,} scores are the lowest number there is, which marks a filtered item"
        raise InputError(what, file=where, row=row, column=LIST_SCORE, hint="take these rows out")
    return Recommended(file, frame)


def _refuse(
    twice: pd.Series[bool], what: str, frame: pd.DataFrame, place: Callable[[int], tuple[Path, int]]
) -> None:
    """Raise `InputError` for the first row whose item or rank its user's list has already."""
    if not twice.any():
        return
    at = int(twice.to_numpy().argmax())
    file, row = place(at)
    user, value = frame[Columns.USER].iloc[at], frame[Columns.ITEM if what == "item" else what].iloc[at]
    more = f" ({int(twice.sum()):,} such rows)" if twice.sum() > 1 else ""
    said = f"{value!r}" if what == "item" else f"{value:g}"
    hint = (
        "keep one of the rows" if what == "item" else "number a list 1, 2, 3, ..., or leave rank out: rank="
    )
    column = Columns.ITEM if what == "item" else what
    message = f"the list of user {user!r} has the {what} {said} twice{more}"
    raise InputError(message, file=file, row=row, column=column, hint=hint)


def coded(lists: Recommended, users: IdMap, items: IdMap, ties: IntArray) -> CodedLists:
    """Bring lists into codes, each from its best item to its last.

    Args:
        lists: As they were read.
        users: Codes of the users of the log.
        items: Codes of the items.
        ties: The items in the order in which equal scores are ranked. Shape ``[I]``.

    Raises:
        InputError: If no user or no item is one of the log's.
    """
    frame = lists.frame
    user = users.codes(join(frame[Columns.USER], users.ids, file=lists.file, column=Columns.USER))
    item = items.codes(as_known(frame[Columns.ITEM], items.ids))
    known = user >= 0
    strangers = int(frame.loc[~known, Columns.USER].nunique())
    user, item = user[known], item[known]
    place = np.empty(len(items), dtype=np.int64)
    place[ties] = np.arange(len(items))
    order = lists.order
    if order not in frame:
        key: AnyArray = np.arange(len(user))
    else:
        key = frame.loc[known, order].to_numpy() * (1 if order == LIST_RANK else -1)
    sorted_rows = np.lexsort((place[item], key, user))
    user, item, key = user[sorted_rows], item[sorted_rows], key[sorted_rows]
    alike = (user[1:] == user[:-1]) & (key[1:] == key[:-1])
    tied = len(np.unique(user[1:][alike]))
    return CodedLists(*_matrix(user, item), strangers, tied)


def _matrix(user: IntArray, item: IntArray) -> tuple[IntArray, IntArray]:
    """Lay lists out as rows. ``[rows]`` and ``[rows]``, sorted by user, to ``[n]`` and ``[n, L]``."""
    listed, start, length = np.unique(user, return_index=True, return_counts=True)
    matrix = np.full((len(listed), int(length.max(initial=0))), -1, dtype=np.int64)
    row = np.repeat(np.arange(len(listed)), length)
    matrix[row, np.arange(len(user)) - start[row]] = item
    return listed, matrix
