"""What is wrong with rows that cannot be weighed, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray
from graphrec.data.interactions import Columns, place_in_file
from graphrec.errors import InputError


def refused(rows: pd.DataFrame, where: BoolArray, column: str, what: str, hint: str) -> InputError:
    """Make the mistake of some rows, which names the first of them."""
    file, row = place_in_file(rows, where)
    return InputError(what, file=file, row=row, column=column, hint=hint)


def more(where: BoolArray) -> str:
    """Say in how many more rows it is so."""
    rest = int(where.sum()) - 1
    return f", and so in {rest:,} more row{'s' if rest > 1 else ''}" if rest else ""


def no_column(column: str, name: str, reads: Sequence[str]) -> tuple[str, str]:
    """Say that the log lacks what a weight reads, and what to do."""
    either = " or ".join(reads)
    if len(reads) > 1:
        what = f"the weight {name} needs times, and the log has none"
        return what, f"map a column to {either}, or leave {name} out of weights"
    what = f"the weight {name} needs this column, and the log has none"
    return what, f"map it: columns: {{{column}: ...}}, or leave {name} out of weights"


def complete(rows: pd.DataFrame, column: str, weight: FloatArray) -> FloatArray:
    """Refuse rows without a weight, and those with one below 0."""
    absent = np.isnan(weight)
    if absent.any():
        what = f"there is no {column} to weigh{more(absent)}"
        hint = "say what such rows weigh, missing: 1, or take them out"
        raise refused(rows, absent, column, what, hint)
    negative = weight < 0
    if negative.any():
        what = f"a row cannot weigh {weight[negative][0]:g}{more(negative)}"
        hint = "take such rows out" + (", or give zero_below: 0" if column == Columns.RATING else "")
        raise refused(rows, negative, column, what, hint)
    return weight
