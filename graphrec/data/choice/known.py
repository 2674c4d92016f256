"""Ids that a request names against those that the model knows: which are unknown is said, with examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.arrays import IntArray, once_per_array
from graphrec.data.interactions import IdMap
from graphrec.data.joins import join, known_codes
from graphrec.notices import note

_SHOWN = 3


def as_text(ids: IdMap) -> IdMap:
    """Write ids as text, whatever the log had; codes stay as they are."""
    return _texts(ids.ids)


_texts = once_per_array(lambda ids: IdMap(pd.Series(ids).astype("str").to_numpy(copy=True)))


def item_codes(ids: pd.Series[str], items: IdMap, file: str | Path, column: str) -> IntArray:
    """Find the codes of the items that a file names, −1 for one that is not in the catalogue; say how many.

    Args:
        ids: Of the file, in their common form.
        items: The catalogue.
        file: For messages.
        column: Its column.

    Raises:
        InputError: If none is in the catalogue.
    """
    codes = known_codes(ids, items.ids)
    if len(codes) and (codes < 0).all():
        join(ids, items.ids, file=file, column=column)
    unknown = ids[codes < 0].drop_duplicates()
    if len(unknown):
        shown = examples(unknown)
        note(f"{file}: {len(unknown):,} of {ids.nunique():,} items are not in the catalogue, such as {shown}")
    return codes


def examples(ids: pd.Series[str]) -> str:
    """Show the first of some ids."""
    return ", ".join(repr(str(name)) for name in ids.iloc[:_SHOWN])


def counted(number: int, noun: str) -> str:
    """Write a number and what it counts: ``1 user``, ``2 users``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def distinct_pairs(first: IntArray, second: IntArray) -> IntArray:
    """Sort pairs of codes, each once. ``[n]`` and ``[n]`` to ``[m, 2]``."""
    pairs: IntArray = np.unique(np.stack([first, second], axis=1), axis=0)
    return pairs
