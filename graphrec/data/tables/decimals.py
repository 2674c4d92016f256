"""Numbers with a decimal comma, as most of Europe writes them: 1.234,50."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from graphrec.data.tables.sheets import SheetRows
from graphrec.errors import InputError

_WITH_COMMA = r"[-+]?(?:\d{1,3}(?:\.\d{3})+|\d+)?(?:,\d+)?"
"""Points part thousands, in threes."""


def check_decimal(decimal: str | None) -> None:
    """Raise `InputError` if it is neither a point nor a comma."""
    if decimal not in (None, ".", ","):
        raise InputError(f"{decimal!r} is no decimal sign", column="decimal", hint="give ',' or '.'")


def with_points(
    frame: pd.DataFrame, rows: SheetRows, theirs: dict[str, str], numbers: Iterable[str]
) -> tuple[pd.DataFrame, list[InputError]]:
    """Write the numbers of some columns with a decimal point.

    Args:
        frame: Columns of text, in our names, index 0..n-1.
        rows: Where each row stands.
        theirs: Our name → the file's name.
        numbers: Columns of numbers. Any other column is one if all of its values look so.

    Returns:
        The table, and a problem for the first value of each column that has a decimal point.
    """
    problems, changed = [], {}
    for column in (name for name in theirs if frame[name].dtype == "str"):
        text: pd.Series[Any] = frame[column]
        fits = text.str.fullmatch(_WITH_COMMA).fillna(True).astype(bool)
        if column not in numbers and not (fits.all() and text.str.contains(",", regex=False).any()):
            continue
        pointed = np.flatnonzero(~fits & text.str.contains(r"^[-+]?\d*\.\d+$").fillna(False))
        if len(pointed):
            file, row = rows.place(int(pointed[0]))
            what = f"{text.iloc[pointed[0]]!r} has a decimal point, and decimal is ','"
            hint = "write it as the others, or leave decimal out"
            problems.append(InputError(what, file=file, row=row, column=theirs[column], hint=hint))
        plain = text.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
        changed[column] = text.mask(fits, plain)
    return frame.assign(**changed), problems
