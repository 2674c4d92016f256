"""Quotes in text files: which of them enclose a field, and which are characters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.data.tables.unpacked import open_bytes


def runs_over(record: list[str], mark: str) -> bool:
    """Tell whether a row over several lines has swallowed whole rows: its lines are rows by themselves.

    The quote that opens it is then a character that nobody doubled, as in ``7" single``.
    """
    place = next((place for place, field in enumerate(record) if "\n" in field), None)
    if place is None:
        return False
    pieces, last = record[place].split("\n"), len(record) - 1
    before = place + pieces[0].count(mark)
    after = pieces[1].count(mark) + (last - place if len(pieces) == 2 else 0)
    return before == after == last


def has_quotes(path: Path) -> bool:
    """Tell whether there is any in a file."""
    with open_bytes(path) as handle:
        return any(b'"' in block for block in iter(lambda: handle.read(1 << 20), b""))


def without_quotes(values: pd.Series[Any]) -> pd.Series[Any]:
    """Take off the quotes that enclose a whole field; others are characters."""
    inner = values.str.slice(1, -1).str.replace('""', "\0", regex=False)
    enclosed = values.str.startswith('"') & values.str.endswith('"') & (values.str.len() > 1)
    enclosed &= ~inner.str.contains('"', regex=False, na=False)
    bare = inner.str.replace("\0", '"', regex=False)
    return values.mask(enclosed.fillna(False).astype(bool), bare.mask(bare == ""))
