"""What Python asks a fitted model for, out of ids, frames and files: as ``graphrec recommend`` has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from graphrec.cli.frames import read_users
from graphrec.data.choice.items import FILES, ItemFiles
from graphrec.data.choice.people import History
from graphrec.data.interactions import Columns
from graphrec.data.places.frames import FrameFile
from graphrec.data.tables.kinds import BOOST
from graphrec.data.tables.read import Table, TextFormat, load_table
from graphrec.errors import InputError, check_at_least
from graphrec.front.arguments import check_kind
from graphrec.models.base import ItemSet
from graphrec.serving.request import Request

SOMEBODY = "somebody"
"""Who has a history without a name."""
_FORM = TextFormat()


@dataclass(frozen=True)
class Asked:
    """What was asked for, read.

    Args:
        request: Users and items.
        item_set: Which items are ranked.
    """

    request: Request
    item_set: ItemSet


def asked(
    users: Any,
    history: Any,
    k: Any,
    items: Any,
    *,
    exclude: Any = None,
    where: str | None = None,
    item_table: Any = None,
    boost: Any = None,
    segment: str | None = None,
    user_table: Any = None,
    explain: bool = False,
    name_column: str | None = None,
) -> Asked:
    """Read the arguments of `Run.recommend` and `Exported.recommend`, which say what each may be.

    Raises:
        InputError: If one has the wrong type, is out of its range or changes nothing.
    """
    check_kind(k, (int,), "whole number", "k", "give 1 or more")
    check_at_least(1, k=k)
    if name_column is not None and not explain:
        what, hint = "names stand in reasons, which are not asked for", "give explain=True, or leave it out"
        raise InputError(what, column="name_column", hint=hint)
    item_set, only = _items(items)
    people = read_users(users_file(users), {}, _FORM)
    tables = {"items": only, "exclude": _list(exclude, "exclude"), "item_table": _file(item_table, "items")}
    tables["boost"] = _boost(boost)
    own = None if user_table is None else _file(user_table, "users")
    return Asked(
        Request(
            people,
            None if history is None else _history(history, people),
            segment,
            None if own is None else load_table(own, {}, kind="users", text=_FORM),
            own,
            ItemFiles.read({name: tables[name] for name in FILES}, where, {}, _FORM),
            explain=explain,
            name_column=name_column,
        ),
        item_set,
    )


def users_file(given: Any) -> str | Path | None:
    """Take a list of users as a file, or as a frame in the place of one.

    Args:
        given: Ids, a frame, or a file.

    Raises:
        InputError: If it is none of these.
    """
    if given is None or isinstance(given, str | Path):
        return None if given is None else Path(given)
    if isinstance(given, pd.DataFrame):
        return FrameFile.of(given, "users")
    hint = 'give ids, as ["C17"], a frame or a file with a column user_id'
    ids = _ids(given, "users", hint, empty="give ids, or leave it out for all users")
    return FrameFile.of(pd.DataFrame({Columns.USER: ids}), "users")


def _ids(given: Any, role: str, hint: str, empty: str) -> list[Any]:
    if not isinstance(given, Iterable) or isinstance(given, bytes | str | Mapping):
        raise InputError(f"{given!r} is no list of {role}", column=role, hint=hint)
    ids = list(given)
    if not ids:
        raise InputError("the list is empty", column=role, hint=empty)
    return ids


def _items(given: Any) -> tuple[ItemSet, Any]:
    """Tell the name of a set of items from the only ones that may be listed."""
    if isinstance(given, str) and given in get_args(ItemSet):
        return given, None  # type: ignore[return-value]
    if isinstance(given, str) and not Path(given).exists():
        hint = "give all, repeat or new; or ids, a frame or a file of the only items"
        raise InputError(f"{given!r} is no set of items", column="items", hint=hint)
    return "new", _list(given, "items")


def _list(given: Any, role: str) -> Any:
    """Take ids of items as a frame in the place of a file."""
    if given is None or isinstance(given, str | Path | pd.DataFrame):
        return _file(given, role)
    hint = 'give ids, as ["S1"], a frame or a file with a column item_id'
    ids = _ids(given, role, hint, empty="give ids, or leave it out")
    return FrameFile.of(pd.DataFrame({Columns.ITEM: ids}), role)


def _boost(given: Any) -> Any:
    if isinstance(given, Mapping):
        given = pd.DataFrame({Columns.ITEM: list(given), BOOST: list(given.values())})
    return _file(given, "boost")


def _file(given: Any, role: str) -> Any:
    if isinstance(given, pd.DataFrame):
        return FrameFile.of(given, role)
    if given is None or isinstance(given, str | Path):
        return None if given is None else Path(given)
    raise InputError(f"a {type(given).__name__} is no table", column=role, hint="give a frame or a file")


def _history(given: Any, people: Table | None) -> History:
    """Read what people bought: a log, or the items of one person.

    Raises:
        InputError: If it is none of these, or is of one person and several are asked for.
    """
    if isinstance(given, str | Path):
        return History.read(Path(given), {}, _FORM)
    if isinstance(given, pd.DataFrame):
        return History.read(FrameFile.of(given, "history"), {}, _FORM)
    hint = 'give the items of one person, as ["S1", "S2"], or a log with user_id and item_id'
    ids = _ids(given, "history", hint, empty="give items, or leave it out")
    who = [SOMEBODY] if people is None else people.frame[Columns.USER].drop_duplicates().tolist()
    if len(who) > 1:
        hint = "give a log with user_id and item_id, or name one user"
        what = f"this is the history of one person, and {len(who)} are asked for"
        raise InputError(what, column="history", hint=hint)
    bought = pd.DataFrame({Columns.USER: who[0], Columns.ITEM: [str(one) for one in ids]}, dtype="str")
    return History("the history", bought)  # nothing in it can be wrong: it has no times and no numbers
