"""What a log holds, in a few rows to print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from graphrec.data.cleaning.account import FILE, LINE, CleaningStep
from graphrec.data.interactions import Columns, RawData

_TIMES = (Columns.TIMESTAMP, Columns.WEEK)


def describe(raw: RawData) -> pd.DataFrame:
    """Measure size, density, span of time and repeats of a log.

    Returns:
        Columns ``what`` and ``value``, both text, ready to print.
    """
    log = raw.log
    users, items = log[Columns.USER].nunique(), log[Columns.ITEM].nunique()
    pairs = len(log[[Columns.USER, Columns.ITEM]].drop_duplicates())
    buyers = log.groupby(Columns.ITEM)[Columns.USER].nunique()
    rows = [
        ("name", raw.name),
        ("rows", f"{len(log):,}"),
        ("users", f"{users:,}"),
        ("items", f"{items:,}"),
        ("items with 10 or more buyers", f"{int((buyers >= 10).sum()):,}"),
        ("distinct pairs of user and item", f"{pairs:,}"),
        ("density", f"{pairs / (users * items):.4%}"),
        ("rows that repeat an earlier pair", f"{1 - pairs / len(log):.1%}"),
        *_spans(log),
        *_parts(log),
        *_tables(raw),
    ]
    return pd.DataFrame(rows, columns=["what", "value"])


def describe_columns(raw: RawData) -> pd.DataFrame:
    """Describe each column of the log in one row.

    Returns:
        ``column``, ``missing`` and ``distinct`` (counts), and ``min``, ``median``, ``max`` as text, empty for
        ids and columns of text.
    """
    rows = [_describe_column(raw.log[column]) for column in raw.log.columns if column not in (LINE, FILE)]
    return pd.DataFrame(rows, columns=["column", "missing", "distinct", "min", "median", "max"])


def cleaning_report(steps: Sequence[CleaningStep]) -> pd.DataFrame:
    """List what cleaning did, one row per step in order.

    Returns:
        ``step``, ``rows_before``, ``removed`` and ``filled``, the last three whole numbers. A step that
        ``cleaning:`` declares begins with its name.
    """
    rows = [
        (f"{step.rule}: {step.step}" if step.rule else step.step, step.rows_before, step.removed, step.filled)
        for step in steps
    ]
    return pd.DataFrame(rows, columns=["step", "rows_before", "removed", "filled"])


def _spans(log: pd.DataFrame) -> list[tuple[str, str]]:
    return [
        (column, f"{_said(log[column].min())} to {_said(log[column].max())}")
        for column in _TIMES
        if column in log
    ]


def _parts(log: pd.DataFrame) -> list[tuple[str, str]]:
    if Columns.PART not in log:
        return []
    counts = log[Columns.PART].value_counts(sort=False)
    return [(f"rows of the part {part}", f"{count:,}") for part, count in counts.items()]


def _tables(raw: RawData) -> list[tuple[str, str]]:
    tables = {"attributes of users": raw.users, "attributes of items": raw.items}
    return [(what, ", ".join(table.columns[1:])) for what, table in tables.items() if table is not None]


def _describe_column(values: pd.Series[Any]) -> tuple[str, int, int, str, str, str]:
    ordered = pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values)
    is_id = values.name in (Columns.USER, Columns.ITEM, Columns.BASKET)
    known = values.dropna()
    span = ("", "", "")
    if ordered and not is_id and len(known):
        span = (_said(known.min()), _said(known.median()), _said(known.max()))
    return (str(values.name), int(values.isna().sum()), int(values.nunique()), *span)


def _said(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d")
    return f"{value:,.2f}".removesuffix(".00")
