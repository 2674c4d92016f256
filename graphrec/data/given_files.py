"""A log whose parts are files of their own, all tables or all in the text form of LightGCN's papers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from graphrec.data.cleaning.account import clean
from graphrec.data.cleaning.mending import drop_duplicates
from graphrec.data.datasets.lightgcn_txt import read_lists
from graphrec.data.interactions import Columns, IdMap, Interactions, RawData
from graphrec.data.recommended import is_lists
from graphrec.data.sources import table
from graphrec.data.splitting import Split
from graphrec.data.tables.read import TextFormat
from graphrec.errors import InputError

PARTS = ("train", "valid", "test")


def read_parts(
    files: Mapping[str, str | Path],
    columns: Mapping[str, str | None],
    text: TextFormat,
    attributes: Mapping[str, str | None],
    min_rating: float = 0.0,
) -> RawData:
    """Read the parts of a log, each row with its part; cleaned as the source ``table`` cleans.

    Args:
        files: ``test``, and perhaps ``train`` and ``valid``. A test file with a column ``part`` may be all.
        columns: Our name → the file's name.
        text: How to read text files.
        attributes: Tables of ``users`` and ``items``, where there are any.
        min_rating: Rows rated below this are no purchases.

    Raises:
        InputError: If a file cannot be used, or the parts are of two forms.
    """
    forms = {part: is_lists(file, text) for part, file in files.items()}
    if len(set(forms.values())) > 1:
        lists, other = (
            next(files[part] for part, form in forms.items() if form is kind) for kind in (True, False)
        )
        what = f"this file is in the text form `user item item ...` and {other} is a table"
        raise InputError(what, file=lists, hint="give all parts in one form")
    if forms["test"]:
        return _of_lists(files, columns, attributes, min_rating)
    later = {part: str(file) for part, file in files.items()} if "train" in files else {}
    first = files.get("train", files["test"])
    raw = table(
        str(first),
        columns=dict(columns) or None,
        delimiter=text.delimiter,
        encoding=text.encoding,
        decimal=text.decimal,
        min_rating=min_rating,
        users=attributes.get("users"),
        items=attributes.get("items"),
        valid_path=later.get("valid"),
        test_path=later.get("test"),
    )
    if Columns.PART not in raw.log:
        raw.log[Columns.PART] = "test"
    return raw


def _of_lists(
    files: Mapping[str, str | Path],
    columns: Mapping[str, str | None],
    attributes: Mapping[str, str | None],
    min_rating: float,
) -> RawData:
    """Read parts in the text form."""
    given = {
        "--users": attributes.get("users"),
        "--items": attributes.get("items"),
        "--min_rating": min_rating,
    }
    for option, value in given.items():
        if value:
            raise InputError(
                "this holds for tables, and the parts are lists", column=option, hint="leave it out"
            )
    texts = {Columns.USER: "str", Columns.ITEM: "str"}
    logs = [
        read_lists(Path(file)).astype(texts).assign(**{Columns.PART: part}) for part, file in files.items()
    ]
    log = pd.concat(logs, ignore_index=True)
    log, steps = clean(log, [drop_duplicates])
    first = files.get("train", files["test"])
    return RawData(Path(first).resolve().parent.name, log, steps=steps, file=str(first))


def split_of(raw: RawData, more_items: pd.Series[str], refit: bool = False) -> Split:
    """Code the parts; users and items of all of them are known.

    Args:
        raw: With a column ``part``.
        more_items: Items that stand in no part, such as those that a list alone names.
        refit: Count the validation part to the training part.

    Raises:
        InputError: If there is no test row.
    """
    log = raw.log
    users = IdMap.from_values(log[Columns.USER])
    items = IdMap.from_values(pd.concat([log[Columns.ITEM], more_items]))
    part = log[Columns.PART].replace({"valid": "train"}) if refit else log[Columns.PART]
    train, valid, test = (Interactions.encode(log[part == name], users, items) for name in PARTS)
    if not len(test):
        raise InputError("no row is of the test part", file=raw.file, column=Columns.PART, hint="give --test")
    return Split(train, valid, test, {})
