"""Which column of a file is which of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from graphrec.data.interactions import Columns
from graphrec.data.tables.files import closest, some
from graphrec.data.tables.kinds import KINDS, TableKind
from graphrec.data.tables.parquet import NAMELESS
from graphrec.data.tables.sheets import Sheet
from graphrec.errors import InputError

_KNOWN = tuple(dict.fromkeys(column for kind in KINDS.values() for column in kind.known))


def check_there(frame: pd.DataFrame, names: Iterable[str], noun: str, has: str = "it has") -> None:
    """Raise `InputError` for the first column that a table lacks.

    Args:
        frame: The table.
        names: Columns that are asked for, as the file names them.
        noun: What the table is called.
        has: How the columns that it has are announced.
    """
    for name in names:
        if name not in frame:
            hint = closest(name, list(map(str, frame.columns)), has)
            raise InputError(f"the {noun} has no such column", column=name, hint=hint)


def map_columns(
    path: str | Path,
    sheets: Sequence[Sheet],
    columns: Mapping[str, str | None],
    kind: TableKind,
    more: Sequence[str] = (),
) -> tuple[dict[str, str], list[InputError]]:
    """Map our name to the file's name for every column to read, or tell what is wrong with the mapping.

    Args:
        path: The table, for messages.
        sheets: Its files.
        columns: Our name → the file's name, or nothing for a column to leave out.
        kind: What the table is.
        more: Other columns to read under their own names, where the file has them.
    """
    problems = _wrong_keys(columns, kind)
    theirs, missing = _mapped(sheets[0], columns, kind)
    theirs |= _named_so(sheets[0], more)
    problems += missing
    for sheet in sheets[1:]:
        other = _mapped(sheet, columns, kind)[0] | _named_so(sheet, more)
        absent = {our for our, their in theirs.items() if their not in sheet.header}
        different = sorted((other.keys() ^ theirs.keys()) | absent)
        if different and not problems:
            first, lacks = (sheets[0], sheet) if different[0] in theirs else (sheet, sheets[0])
            what = f"this column is missing here and stands in {first.path}"
            column = theirs.get(different[0], different[0])
            hint = f"the files of {path} must be parts of one table: name one file"
            problems.append(InputError(what, file=lacks.path, column=column, hint=hint))
    return theirs, problems


def _named_so(sheet: Sheet, names: Sequence[str]) -> dict[str, str]:
    return {name: name for name in names if name in sheet.header}


def _wrong_keys(columns: Mapping[str, str | None], kind: TableKind) -> list[InputError]:
    known = _KNOWN if kind.attributes else kind.known
    shared = _KNOWN if kind is not KINDS["log"] else kind.known  # a mapping may serve several files
    problems = [
        InputError(
            f"{our!r} is not a column of {kind.noun}",
            column=f"columns.{our}",
            hint=closest(our, known, "known are"),
        )
        for our in columns
        if our not in shared
    ]
    for our in kind.required:
        if our in columns and columns[our] is None:
            what, hint = f"{kind.noun} needs this column", "map it or leave it out of columns"
            problems.append(InputError(what, column=f"columns.{our}", hint=hint))
    user, item = columns.get(Columns.USER), columns.get(Columns.ITEM)
    if user is not None and user == item:
        hint = "map user_id and item_id to two columns"
        problems.append(InputError(f"both ids are mapped to {user!r}", column="columns.item_id", hint=hint))
    return problems


def _mapped(
    sheet: Sheet, columns: Mapping[str, str | None], kind: TableKind
) -> tuple[dict[str, str], list[InputError]]:
    header = list(dict.fromkeys(sheet.header))
    relevant = {our: their for our, their in columns.items() if our in kind.known and their is not None}
    if kind is not KINDS["log"]:  # the log and the other tables may name the same id in two ways
        relevant = {our: their for our, their in relevant.items() if their in header or our in kind.optional}
    left_out = {our for our in kind.known if our in columns and columns[our] is None}
    named = [name for name in header if not NAMELESS.fullmatch(name)] if kind.attributes else []
    taken = {*relevant, *relevant.values(), *left_out}
    same = {
        name: name
        for name in (*kind.known, *named)
        if name in header and name not in (*taken, *kind.by_mapping)
    }
    theirs = relevant | same
    wanted = dict.fromkeys((*kind.required, *relevant))
    missing = [our for our in wanted if theirs.get(our, our) not in header]
    if missing and not any(our in header for our in kind.known) and _looks_like_data(sheet):
        return theirs, [_no_header(sheet, kind)]
    unnamed = kind is not KINDS["log"] and len(header) == len(kind.required) == 1
    if missing and unnamed:  # a list without a header
        return theirs, [_no_header(sheet, kind)]
    return theirs, [_missing(sheet, our, theirs.get(our, our), our in relevant, kind) for our in missing]


def _missing(sheet: Sheet, our: str, their: str, mapped: bool, kind: TableKind) -> InputError:
    hint = closest(their, [name for name in sheet.header if name.strip()], "the file has")
    hint += "" if mapped else f"; say which one it is: columns: {{{our}: ...}}"
    if kind is KINDS["log"] and sheet.named_in_row and not mapped:
        hint += ", or names: [...] if the first row is data"
    return InputError("this column is missing", file=sheet.path, column=their, hint=hint)


def _looks_like_data(sheet: Sheet) -> bool:
    """Tell whether a name is a number or a date, which nobody calls a column."""
    if not sheet.named_in_row:
        return False
    names = pd.Series([name for name in sheet.header if name.strip()], dtype="str")
    numbers = pd.to_numeric(names, errors="coerce").notna()
    dates = pd.to_datetime(names, format="ISO8601", errors="coerce", utc=True).notna()
    return bool((numbers | dates).any())


def _no_header(sheet: Sheet, kind: TableKind) -> InputError:
    hint = f"write a first row with the names {', '.join(kind.required)}, or map them with columns"
    if kind is KINDS["log"]:
        hint = "name the columns in their order, for example names: [user_id, item_id, timestamp]"
    said = some([repr(name) for name in sheet.header], 3)
    what = f"the first row looks like data and not like names: {said}"
    if not _looks_like_data(sheet):
        what = f"the first row is {said} and names no column"
    return InputError(what, file=sheet.path, row=1, hint=hint)
