"""Sources: one plain function per format, each returning `RawData`.

In YAML a source is named by its path, its arguments follow::

    class_path: graphrec.data.sources.table
    init_args: {path: purchases.csv, columns: {user_id: customer, item_id: sku, timestamp: date}}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from graphrec.data.cleaning import (
    Cleaner,
    CleaningStep,
    clean,
    clip_above_group_median,
    cover_ids,
    drop_duplicates,
    drop_missing,
    fill_attributes,
    fill_by_group_median,
)
from graphrec.data.complete_journey import complete_journey
from graphrec.data.interactions import Columns, RawData
from graphrec.data.joins import as_known, join
from graphrec.data.lightgcn_txt import lightgcn_txt
from graphrec.data.movielens import movielens
from graphrec.data.synthetic import synthetic
from graphrec.data.table_kinds import MONEY
from graphrec.data.tables import Kind, TextFormat, load_table
from graphrec.errors import InputError

__all__ = ["complete_journey", "lightgcn_txt", "movielens", "recbole", "synthetic", "table"]


def table(
    path: str,
    columns: dict[str, str | None] | None = None,
    users: str | None = None,
    items: str | None = None,
    valid_path: str | None = None,
    test_path: str | None = None,
    name: str | None = None,
    delimiter: str | None = None,
    outlier_factor: float | None = 20.0,
    encoding: str | None = None,
    names: list[str] | None = None,
) -> RawData:
    """Read any log of purchases from a CSV, TSV or Parquet file and clean it.

    Use it for your own shop's data: one row per purchase, with a user, an item and whatever else is known.
    Column names are mapped by `columns`; what is missing, doubled or abnormal is mended and counted.

    Rows without user, item, week or timestamp and exact duplicates are removed; a missing quantity, price or
    rating becomes the median of its item; quantities and prices above `outlier_factor` medians of their item
    are lowered to that bound. A log with ``timestamp`` but no ``week`` gets one: 1 + whole weeks since its
    first day.

    Args:
        path: The log, or its training part where `test_path` is given.
        columns: Our name → the file's name, for those that differ; null leaves a column out. Ours:
            user_id, item_id, timestamp (ISO or seconds since 1970), week, basket_id, interaction_id (must be
            unique), quantity, rating, price, regular_price, shelf_price (money per unit), part.
        users: Table of attributes, one row per user.
        items: Table of attributes, one row per item.
        valid_path: Log of the validation part of a given split.
        test_path: Log of the test part of a given split.
        name: Name of the data set; the file's name if missing.
        delimiter: Of the text files; comma for .csv and tab for .tsv and .txt if missing.
        outlier_factor: See above; ``null`` keeps all values.
        encoding: Of the text files, for example ``latin-1``; UTF-8 if missing.
        names: Columns of logs without a header, in their order.

    Raises:
        InputError: If a file or a value in it cannot be used.
    """
    if outlier_factor is not None and outlier_factor <= 1:
        raise InputError(
            f"{outlier_factor} must be > 1", column="outlier_factor", mend="give 20, or null for none"
        )
    text = TextFormat(delimiter, encoding=encoding)
    of_log = replace(text, names=tuple(names) if names is not None else None)
    parts = {"train": path, "valid": valid_path, "test": test_path}
    given = {part: file for part, file in parts.items() if file}
    tables = {part: load_table(file, columns, text=of_log) for part, file in given.items()}
    log = _joined({part: table.frame for part, table in tables.items()})
    log, steps = clean(log, _log_cleaners(log, outlier_factor))
    steps = (*(step for table in tables.values() for step in table.steps), *steps)
    log = _with_week(log)
    log.attrs.update({"file" if part == "train" else part: file for part, file in given.items()})
    beside: dict[Kind, str | None] = {"users": users, "items": items}
    attributes = {
        kind: _attributes(file, kind, log, columns, text) if file else (None, ())
        for kind, file in beside.items()
    }
    (user_table, user_steps), (item_table, item_steps) = attributes["users"], attributes["items"]
    return RawData(
        name=name or Path(path).name.partition(".")[0],
        log=log,
        users=user_table,
        items=item_table,
        steps=(*steps, *user_steps, *item_steps),
        file=str(path),
    )


def recbole(
    path: str,
    columns: dict[str, str | None] | None = None,
    name: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> RawData:
    """Read RecBole's atomic files: ``NAME.inter``, with ``NAME.user`` and ``NAME.item`` where they exist.

    Use it for the many public data sets that exist in this format. Column types in the header
    (``user_id:token``) are left off; cleaning is that of `table`, without outliers.

    Args:
        path: The ``.inter`` file.
        columns: Our name → the file's name, for those that differ, e.g. ``{item_id: business_id}``.
        name: Name of the data set; the file's name if missing.
        delimiter: Between fields; a tab if missing.
        encoding: Of the text; UTF-8 if missing.

    Raises:
        InputError: If a file or a value in it cannot be used.
    """
    if Path(path).suffix != ".inter":
        raise InputError(
            "this is not an .inter file", file=path, mend="name the .inter file, or use the source table"
        )
    beside = {suffix: Path(path).with_suffix(suffix) for suffix in (".user", ".item")}
    users, items = (str(file) if file.is_file() else None for file in beside.values())
    return table(
        path,
        columns=columns,
        users=users,
        items=items,
        name=name,
        delimiter=delimiter,
        outlier_factor=None,
        encoding=encoding,
    )


def _joined(logs: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One log; where the split was given each row says which part it is from."""
    if len(logs) == 1:
        return logs["train"]
    for column in (Columns.USER, Columns.ITEM):
        known = logs["train"][column]
        logs = {part: log.assign(**{column: as_known(log[column], known)}) for part, log in logs.items()}
    return pd.concat([log.assign(**{Columns.PART: part}) for part, log in logs.items()], ignore_index=True)


def _log_cleaners(log: pd.DataFrame, outlier_factor: float | None) -> Sequence[Cleaner]:
    times = [column for column in (Columns.TIMESTAMP, Columns.WEEK) if column in log]
    cleaners: list[Cleaner] = [
        partial(drop_missing, columns=[Columns.USER, Columns.ITEM]),
        *(partial(drop_missing, columns=[column]) for column in times),
        drop_duplicates,
    ]
    measures = [column for column in (Columns.QUANTITY, *MONEY) if column in log]
    for column in (*measures, *([Columns.RATING] if Columns.RATING in log else [])):
        cleaners.append(partial(fill_by_group_median, column=column, group=Columns.ITEM))
    if outlier_factor is not None:
        for column in measures:
            cleaners.append(
                partial(clip_above_group_median, column=column, group=Columns.ITEM, factor=outlier_factor)
            )
    return cleaners


def _with_week(log: pd.DataFrame) -> pd.DataFrame:
    if Columns.WEEK in log:
        return log.assign(**{Columns.WEEK: log[Columns.WEEK].astype("int64")})
    if Columns.TIMESTAMP not in log or log.empty:
        return log
    first_day = log[Columns.TIMESTAMP].min().normalize()
    return log.assign(**{Columns.WEEK: 1 + (log[Columns.TIMESTAMP] - first_day).dt.days // 7})


def _attributes(
    file: str, kind: Kind, log: pd.DataFrame, columns: dict[str, str | None] | None, text: TextFormat
) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
    key = Columns.USER if kind == "users" else Columns.ITEM
    table = load_table(file, columns, kind=kind, text=text)
    ids = join(table.frame[key], log[key], file=file, column=key, whole=True)
    attributes, steps = clean(
        table.frame.assign(**{key: ids}),
        [
            partial(drop_missing, columns=[key]),
            partial(fill_attributes, table=kind),
            partial(cover_ids, key=key, ids=log[key], table=kind),
        ],
    )
    return attributes, (*table.steps, *steps)
