"""Columns that reasons add to lists."""

from __future__ import annotations

import pandas as pd

SHOWN = 3
"""Reasons of each row."""
REASON, OTHERS, REST = "reason", "others", "rest"
PEOPLE = {f"people_{place}": pd.Int64Dtype() for place in range(1, SHOWN + 1)}
"""Whole numbers, of which some are missing."""


def reason_columns() -> list[str]:
    """List the columns that reasons add, in their order."""
    each = [f"{part}_{place}" for place in range(1, SHOWN + 1) for part in ("because", "share", "people")]
    return [REASON, *each, OTHERS, REST]


def listed(words: list[str]) -> str:
    """Put words into one phrase: ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
