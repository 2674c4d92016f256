"""The bounds of a temporal split: read as the column has its times, and checked against the log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pandas as pd

from graphrec.errors import InputError

_KEYS = {"train": "train_end", "valid": "val_end", "test": "test_end"}


def bounds(given: Mapping[str, int | str | None], time: pd.Series[Any], file: str | None) -> dict[str, Any]:
    """Find the last moment of each part.

    Args:
        given: Last week or date of the parts train, valid and test, in this order; the last may be None,
            which is the end of the log.
        time: Weeks, or times without a zone (UTC).
        file: Of the log, for messages.

    Raises:
        InputError: If a bound does not fit the column, lies beyond the log or before the one it follows.
    """
    dated = pd.api.types.is_datetime64_any_dtype(time)
    last = time.max()
    ends = {part: last if end is None else _bound(end, _KEYS[part], dated) for part, end in given.items()}
    _check_order(ends, given)
    first = time.min()
    if len(time) and ends["train"] < first:
        raise InputError(
            f"the training part of the split is empty: train_end {given['train']} is before the log begins"
            f" ({_said(first)})",
            file=file,
            column="train_end",
            hint=f"give one from {_said(first)} to {_said(last)}",
        )
    for part, later in pairwise(ends):
        asked = given[later] is not None and ends[later] == ends[part]
        if len(time) and ends[part] >= last and not asked:
            raise InputError(
                f"the {_NAMES[later]} part of the split is empty: {_KEYS[part]} {given[part]} leaves nothing"
                f" of the log, whose last is {_said(last)}",
                file=file,
                column=_KEYS[part],
                hint=f"give one before {_said(last)}",
            )
    return ends


_NAMES = {"valid": "validation", "test": "test"}


def _check_order(ends: Mapping[str, Any], given: Mapping[str, int | str | None]) -> None:
    for part, later in pairwise(ends):
        if given[later] is not None and ends[later] < ends[part]:
            raise InputError(
                f"{_KEYS[later]} {given[later]} is before {_KEYS[part]} {given[part]}",
                column=_KEYS[later],
                hint="give bounds that rise: train_end, val_end, test_end",
            )


def _bound(end: int | str, key: str, dated: bool) -> Any:
    """Find the last moment of a week or date; a date without a time of day means that whole day."""
    try:
        if not dated:
            return int(end)
        return _moment(str(end))
    except (ValueError, OverflowError) as error:
        kind = "an ISO date such as 2024-03-31" if dated else "the number of a week"
        raise InputError(f"{end!r} does not fit the column", column=key, hint=f"give {kind}") from error


def _moment(end: str) -> pd.Timestamp:
    if "W" in end.upper():  # a week has no one day
        raise ValueError(end)
    moment = dt.datetime.fromisoformat(end)
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
    whole_day = "T" not in end and " " not in end
    rest = dt.timedelta(days=1, microseconds=-1) if whole_day else dt.timedelta(0)
    return pd.Timestamp(moment + rest)


def _said(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if isinstance(moment, pd.Timestamp) else f"week {moment:.0f}"
