"""Sources: one plain function per format, each returning `RawData`.

In YAML a source is named by its path, its arguments follow::

    class_path: graphrec.data.sources.table
    init_args: {path: purchases.csv, columns: {user_id: customer, item_id: sku, timestamp: date}}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.data.attributes import attributes_of
from graphrec.data.cleaning.declared import CleaningRule
from graphrec.data.cleaning.rules import UNREAD, apply_rules, still_told, to_be_cleaned, with_prices
from graphrec.data.datasets.complete_journey import complete_journey
from graphrec.data.datasets.lightgcn_txt import lightgcn_txt
from graphrec.data.datasets.movielens import MOVIELENS_LOGS, movielens
from graphrec.data.datasets.share_of_users import share_of_users
from graphrec.data.datasets.synthetic import synthetic
from graphrec.data.interactions import Columns, RawData
from graphrec.data.joins import as_known
from graphrec.data.kept import kept
from graphrec.data.places.database import is_database
from graphrec.data.places.given import name_of, str_of
from graphrec.data.purchases import (
    EqualRows,
    PurchaseRules,
    check_same_times,
    hints,
    keep_purchases,
    with_week,
)
from graphrec.data.tables.read import Kind, TextFormat, load_table
from graphrec.data.tables.sheets import check_text_options, in_two
from graphrec.errors import InputError

__all__ = ["complete_journey", "lightgcn_txt", "movielens", "recbole", "share_of_users", "synthetic", "table"]


@kept
def table(
    path: str | list[str],
    columns: dict[str, str | None] | None = None,
    users: str | None = None,
    items: str | None = None,
    valid_path: str | list[str] | None = None,
    test_path: str | list[str] | None = None,
    name: str | None = None,
    delimiter: str | None = None,
    outlier_factor: float | None = 20.0,
    encoding: str | None = None,
    names: list[str] | None = None,
    min_rating: float | None = 0.0,
    equal_rows: EqualRows | None = None,
    time_format: str | None = None,
    cleaning: list[CleaningRule] | None = None,
    decimal: str | None = None,
) -> RawData:
    """Read any log of purchases and clean it: CSV, TSV or Parquet, one file or many.

    Use it for your own shop's data: one row per purchase, with a user, an item and whatever else is known.
    Column names are mapped by `columns`; what is missing, doubled or abnormal is mended and counted.

    Rows without user, item, week or timestamp and exact duplicates are removed, and so is what is no
    purchase: returns (a quantity below 0, or a basket C536379 beside baskets 536379), rows of quantity 0 and
    ratings below `min_rating`. A missing quantity, price or rating becomes the median of its item, and stays
    missing where the item has none; in a log with ``event`` only a price does. Quantities and prices above
    `outlier_factor` medians of their item are lowered to that bound. What `cleaning` declares goes first. A
    log with ``timestamp`` but no ``week`` gets one: 1 + whole weeks since its first day.

    Args:
        path: The log, or its training part where `test_path` is given: a file, a folder of parts, a pattern
            such as ``sales/*.csv``, a list of these, or a table of a database
            (``sqlite:///shop.db?table=sales``; see `graphrec.data.places.database`).
        columns: Our name → the file's name, for those that differ; null leaves a column out. Ours:
            user_id, item_id, timestamp (see `time_format`), week, basket_id, interaction_id (must be unique),
            quantity, rating, price, regular_price, shelf_price (money per unit), event, review, part. Only
            named here: list_price, discount (money), discount_pct (of 100), which make the three prices.
        users: Table of attributes, one row per user.
        items: Table of attributes, one row per item.
        valid_path: Log of the validation part of a given split.
        test_path: Log of the test part of a given split; asks for the split ``Given``.
        name: Name of the data set; the file's name if missing.
        delimiter: Of the text files; comma for .csv and tab for .tsv and .txt if missing.
        outlier_factor: See above; ``null`` keeps all values.
        encoding: Of the text files, for example ``latin-1``; UTF-8 if missing.
        names: Columns of logs without a header, in their order.
        min_rating: Rows rated below this are no purchases: 4 keeps what was liked, ``null`` keeps all.
        equal_rows: ``drop`` or ``keep`` rows that equal an earlier one in all columns that are read. If
            missing, they are dropped, but kept in a log that has no time, basket or interaction_id.
        time_format: How ``timestamp`` is written. If missing, ISO 8601, seconds since 1970 (milli-, micro-
            and nanoseconds too), 20170131 and Excel's days are told apart. Else ``days``, ``excel``,
            ``seconds``, ``milliseconds``, ``microseconds``, ``nanoseconds`` or a pattern: ``%d/%m/%Y``.
        cleaning: Steps in their order, as ``[Returns, {class_path: Duplicates, init_args: {by: [order]}}]``:
            Duplicates, Returns, ZeroQuantities, Guests, Outliers, Missing, Prices, Ignore.
        decimal: Decimal sign of the text files, ``.`` or ``,``; a point if missing.

    Raises:
        InputError: If a file or a value in it cannot be used.
    """
    rules = PurchaseRules(min_rating, outlier_factor, equal_rows)
    text = TextFormat(delimiter, encoding=encoding, decimal=decimal)
    of_log = replace(text, names=tuple(names) if names is not None else None)
    parts = {"train": path, "valid": valid_path, "test": test_path}
    given = {part: str_of(file) for part, file in parts.items() if file is not None and file != ""}
    path = given["train"]
    check_text_options(text, [file for file in (*given.values(), users, items) if file])
    tables = {
        part: load_table(file, columns, text=of_log, time_format=time_format, cleaned=to_be_cleaned(cleaning))
        for part, file in given.items()
    }
    logs = {part: one.frame for part, one in tables.items()}
    check_same_times(logs, given)
    if time_format is not None and Columns.TIMESTAMP not in logs["train"]:
        hint = "map the column of times to timestamp, or leave time_format out"
        raise InputError("there are no times", file=path, column="time_format", hint=hint)
    log = _joined(logs, given)
    log.attrs = {"file" if part == "train" else part: file for part, file in given.items()}
    log.attrs[UNREAD] = unread = tables["train"].unread
    log, declared = apply_rules(log, with_prices(log, cleaning or ()))
    log, steps = keep_purchases(log, rules)
    log = with_week(log)
    log.attrs["times"] = tables["train"].times
    beside: dict[Kind, str | None] = {"users": users, "items": items}
    attributes = {
        kind: attributes_of(log, load_table(file, columns, kind=kind, text=text), kind, file)
        if file
        else (None, ())
        for kind, file in beside.items()
    }
    (user_table, user_steps), (item_table, item_steps) = attributes["users"], attributes["items"]
    read = [step for one in tables.values() for step in one.steps]
    return RawData(
        name=name or name_of(path),
        log=log,
        users=user_table,
        items=item_table,
        steps=(*read, *declared, *steps, *user_steps, *item_steps),
        file=str(path),
        hints=hints(log, rules, still_told(cleaning or (), unread)),
        rules=tuple(cleaning or ()),
        kept=rules,
    )


def recbole(
    path: str,
    columns: dict[str, str | None] | None = None,
    name: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    min_rating: float | None = 0.0,
    equal_rows: EqualRows | None = None,
    time_format: str | None = None,
    cleaning: list[CleaningRule] | None = None,
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
        min_rating: Rows rated below this are no purchases: 4 keeps what was liked, ``null`` keeps all.
        equal_rows: As in `table`.
        time_format: As in `table`.
        cleaning: As in `table`.

    Raises:
        InputError: If a file or a value in it cannot be used.
    """
    if Path(path).suffix != ".inter":
        raise InputError(
            "this is not an .inter file", file=path, hint="name the .inter file, or use the source table"
        )
    users, items = _beside(path)
    return table(
        path,
        columns=columns,
        users=users,
        items=items,
        name=name,
        delimiter=delimiter,
        outlier_factor=None,
        encoding=encoding,
        min_rating=min_rating,
        equal_rows=equal_rows,
        time_format=time_format,
        cleaning=cleaning,
    )


def _beside(path: str) -> tuple[str | None, str | None]:
    """Find the tables of users and items beside an ``.inter`` file, where they exist."""
    files = [Path(path).with_suffix(suffix) for suffix in (".user", ".item")]
    users, items = (str(file) if file.is_file() else None for file in files)
    return users, items


def source_of(file: str | list[str]) -> Callable[..., RawData]:
    """Choose the source that reads a file or folder, by what it is called; a table if nothing else."""
    if not isinstance(file, str) or is_database(file):
        return table
    path = Path(file)
    if file == complete_journey.__name__:
        return complete_journey
    if path.suffix == ".inter":
        return recbole
    if path.name in MOVIELENS_LOGS or any((path / name).is_file() for name in MOVIELENS_LOGS):
        return movielens
    return lightgcn_txt if (path / "train.txt").is_file() else table


def tables_of(arguments: Mapping[str, Any]) -> list[tuple[str, Kind]]:
    """List the files that `table` or `recbole` reads for some arguments, and what they are."""
    parts = (arguments.get(name) for name in ("path", "valid_path", "test_path"))
    logs = [str_of(given) for given in parts if given]
    users, items = arguments.get("users"), arguments.get("items")
    if not is_database(logs[0]) and Path(logs[0]).suffix == ".inter":
        users, items = _beside(logs[0])
    kinds: list[tuple[str | None, Kind]] = [*((file, "log") for file in logs), (users, "users")]
    return [(file, kind) for file, kind in (*kinds, (items, "items")) if file]


def _joined(logs: dict[str, pd.DataFrame], files: dict[str, str]) -> pd.DataFrame:
    """Join the parts to one log; where the split was given each row says which part it is from."""
    if len(logs) == 1:
        return logs["train"]
    if twice := in_two(files.values()):
        hint = "give each part its own file"
        raise InputError("two parts of the split are this file", file=twice, hint=hint)
    for part, log in logs.items():
        if Columns.PART in log:
            hint = "leave it out: columns: {part: null}, or leave valid_path and test_path out"
            what = "this column names parts, and so do the files"
            raise InputError(what, file=files[part], column=Columns.PART, hint=hint)
    for column in (Columns.USER, Columns.ITEM):
        known = logs["train"][column]
        logs = {part: log.assign(**{column: as_known(log[column], known)}) for part, log in logs.items()}
    return pd.concat([log.assign(**{Columns.PART: part}) for part, log in logs.items()], ignore_index=True)
