"""Ids of one file against those of the log: how many join, and what to do about those that do not.

Attributes, stock or past offers that join nothing would leave every row 'unknown', without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from graphrec.arrays import AnyArray, IntArray, once_per_array
from graphrec.data.tables.ids import without_zeros
from graphrec.errors import InputError
from graphrec.notices import warn

ENOUGH = 0.9
"""Share of the ids that should join; below it a line says so."""
_SHOWN = 3


def as_known(ids: pd.Series[str], known: Iterable[Any]) -> pd.Series[str]:
    """Write ids as the log does: 7 here is 7.0 there, where a file keeps that form beside other ids.

    Args:
        ids: Ids of a file in their common form (`graphrec.data.tables.ids`).
        known: Ids of the log, text or whole numbers.

    Returns:
        The ids, those that join as the log has them (as text), the others as they are.
    """
    there = _of_array(known) if isinstance(known, np.ndarray) else _Known(known)
    lost = ids.notna() & (there.texts.get_indexer(pd.Index(ids)) < 0)
    if not lost.any():
        return ids
    found = _short(ids[lost]).map(there.short)
    return ids.where(~lost, found.fillna(ids[lost]).reindex(ids.index))


def known_codes(ids: pd.Series[str], known: AnyArray) -> IntArray:
    """Find the places of ids in those of the log, whatever form either has; −1 for one that is not there.

    Args:
        ids: Ids of a file in their common form.
        known: Ids of the log, each once.
    """
    places: IntArray = _of_array(known).texts.get_indexer(pd.Index(as_known(ids, known)))
    return places.astype(np.int64)


class _Known:
    """Ids of the log as text.

    Args:
        known: The ids.
    """

    def __init__(self, known: Iterable[Any]) -> None:
        self.texts = _texts(known)

    @cached_property
    def short(self) -> pd.Series[Any]:
        """Written without the '.0' of a whole number → as the log has it, where that tells them apart."""
        of_short = pd.Series(self.texts, index=_short(pd.Series(self.texts, dtype="str")))
        return of_short[~of_short.index.duplicated(keep=False)]


_of_array = once_per_array(_Known)


def join(
    ids: pd.Series[str],
    known: Iterable[Any],
    *,
    file: str | Path,
    column: str,
    whole: bool = False,
) -> pd.Series[str]:
    """Write the ids of a file as the log does, and say where they do not join.

    Args:
        ids: Ids of a file.
        known: Ids of the log.
        file: The file, for messages.
        column: Its column.
        whole: Whether the file should hold every id of the log, as a table of attributes does. Otherwise it
            may hold few of them, or many others.

    Raises:
        InputError: If no id joins.
    """
    written = as_known(ids, known)
    texts, theirs = _texts(known), pd.Index(written.dropna().unique())
    joined = len(texts.intersection(theirs))
    if not joined:
        raise InputError(
            f"none of the {len(theirs):,} ids is one of the {len(texts):,} ids of the log",
            file=file,
            column=column,
            hint=differences(theirs, texts),
        )
    wanted = len(texts) if whole else min(len(texts), len(theirs))
    if joined < ENOUGH * wanted:
        only = (theirs.difference(texts), texts.difference(theirs))
        whose = "ids of the log are in this file" if whole else "ids join those of the log"
        warn(f"only {joined:,} of {wanted:,} {whose}", file=file, column=column, hint=differences(*only))
    return written


def _texts(known: Iterable[Any]) -> pd.Index[Any]:
    values: pd.Series[Any] = pd.Series(known)
    texts: pd.Index[Any] = pd.Index(values.dropna().unique()).astype("str")
    return texts


def _short(ids: pd.Series[str]) -> pd.Series[str]:
    """Write ids without the '.0' of a whole number."""
    texts = without_zeros(pa.array(ids, pa.large_string(), from_pandas=True))
    return pd.Series(texts.to_pandas(), dtype="str").set_axis(ids.index)


_DIFFERENCES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("leading zeros", lambda text: text.lstrip("0")),
    ("capital and small letters", str.casefold),
    (
        "what stands before the digits",
        lambda text: text.lstrip("".join({c for c in text if not c.isdigit()})),
    ),
)


def differences(theirs: Iterable[Any], ours: Iterable[Any], where: str = "the file") -> str:
    """Show some ids of both sides that do not join, and in what they differ.

    Args:
        theirs: Ids that are not the log's.
        ours: Ids of the log.
        where: What has the former.
    """
    theirs, ours = _texts(theirs), _texts(ours)
    said = f"{where} has {_some(theirs)}, the log has {_some(ours)}"
    for name, change in _DIFFERENCES:
        mine, other = {change(text) for text in ours[:10_000]}, {change(text) for text in theirs[:10_000]}
        if len(mine & other) > len(other) / 2:
            return f"{said}: they differ in {name}"
    return said


def _some(ids: pd.Index[Any]) -> str:
    return ", ".join(repr(str(text)) for text in sorted(ids)[:_SHOWN]) or "no id"
