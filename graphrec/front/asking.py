"""What Python asks a fitted model for, out of ids, frames and files; and an exported model that is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from graphrec.cli.experiment.exports import load_export
from graphrec.cli.frames import read_users
from graphrec.cli.table_options import table_file
from graphrec.data.choice.history import Histories, History, HistoryFile
from graphrec.data.choice.items import FILES, ItemFiles
from graphrec.data.interactions import Columns
from graphrec.data.places.frames import Frame, FrameFile
from graphrec.data.tables.kinds import BOOST
from graphrec.data.tables.read import Table, TextFormat, load_table
from graphrec.errors import InputError, check_at_least
from graphrec.front.arguments import check_kind
from graphrec.front.surroundings import at_work
from graphrec.models.base import ItemSet
from graphrec.serving.bundle import is_bundle
from graphrec.serving.request import Request
from graphrec.serving.similar import SimilarRequest

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
    new_items: Any = None,
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
    tables = {
        "items": only,
        "exclude": _list(exclude, "exclude"),
        "item_table": given_table(item_table, "items"),
    }
    tables["boost"] = _boost(boost)
    own, new = given_table(user_table, "users"), given_table(new_items, "new_items")
    return Asked(
        Request(
            people,
            None if history is None else _history(history, people),
            segment,
            None if own is None else load_table(own, {}, kind="users", text=_FORM),
            own,
            ItemFiles.read({name: tables[name] for name in FILES}, where, {}, _FORM),
            None if new is None else load_table(new, {}, kind="items", text=_FORM),
            new or "",
            explain,
            name_column,
        ),
        item_set,
    )


def asked_alike(
    asked: Any, k: Any, only: Any, *, exclude: Any = None, where: str | None = None,
    item_table: Any = None, boost: Any = None,
) -> SimilarRequest:  # fmt: skip
    """Read the arguments of `Run.similar` and `Exported.similar`.

    Raises:
        InputError: If one has the wrong type, is out of its range or changes nothing.
    """
    check_kind(k, (int,), "whole number", "k", "give 1 or more")
    check_at_least(1, k=k)
    given = _list(asked, "items")
    tables = {"items": _list(only, "items"), "exclude": _list(exclude, "exclude")}
    tables |= {"item_table": given_table(item_table, "items"), "boost": _boost(boost)}
    items = ItemFiles.read({name: tables[name] for name in FILES}, where, {}, _FORM)
    items.check_for_everybody()
    table = None if given is None else load_table(given, {}, kind="item_list", text=_FORM)
    return SimilarRequest(table, str(given), items)


def users_file(given: Any) -> str | Path | None:
    """Take a list of users as a file, or as a frame in the place of one.

    Args:
        given: Ids, a frame, or a file.

    Raises:
        InputError: If it is none of these.
    """
    if given is None or isinstance(given, str | Path | Frame):
        return given_table(given, "users")  # type: ignore[no-any-return]
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
    if given is None or isinstance(given, str | Path | Frame):
        return given_table(given, role)
    hint = 'give ids, as ["S1"], a frame or a file with a column item_id'
    ids = _ids(given, role, hint, empty="give ids, or leave it out")
    return FrameFile.of(pd.DataFrame({Columns.ITEM: ids}), role)


def _boost(given: Any) -> Any:
    if isinstance(given, Mapping):
        given = pd.DataFrame({Columns.ITEM: list(given), BOOST: list(given.values())})
    return given_table(given, "boost")


def given_table(given: Any, role: str) -> Any:
    """Take a path, the address of a database or a frame as a file; raise `InputError` for anything else."""
    if isinstance(given, Frame):
        return FrameFile.of(given, role)
    if given is None or isinstance(given, str | Path):
        return table_file(given) if isinstance(given, str) else given
    raise InputError(f"a {type(given).__name__} is no table", column=role, hint="give a frame or a file")


def _history(given: Any, people: Table | None) -> Histories:
    """Read what people bought: a log, or the items of one person.

    Raises:
        InputError: If it is none of these, or is of one person and several are asked for.
    """
    if isinstance(given, str | Path | Frame):
        return HistoryFile(given_table(given, "history"), {}, _FORM)
    hint = 'give the items of one person, as ["S1", "S2"], or a log with user_id and item_id'
    ids = _ids(given, "history", hint, empty="give items, or leave it out")
    who = [SOMEBODY] if people is None else people.frame[Columns.USER].drop_duplicates().tolist()
    if len(who) > 1:
        hint = "give a log with user_id and item_id, or name one user"
        what = f"this is the history of one person, and {len(who)} are asked for"
        raise InputError(what, column="history", hint=hint)
    bought = pd.DataFrame({Columns.USER: who[0], Columns.ITEM: [str(one) for one in ids]}, dtype="str")
    return History("the history", bought)  # nothing in it can be wrong: it has no times and no numbers


class Exported:
    """A model that ``graphrec export`` packed; `graphrec.load` makes it.

    Args:
        path: The zip file or folder.
        trust: Whether it may name code that is not graphrec's.

    Raises:
        InputError: If it is damaged, or names code that it may not.
    """

    def __init__(self, path: str | Path, trust: bool = False) -> None:
        self.path, self._told = Path(path), set[str]()
        with at_work("recommend", [], self._told):
            self.task, self.data = load_export(self.path, trust)

    @property
    def about(self) -> Mapping[str, Any]:
        """Model, run, data, sizes and fingerprints, as the manifest has them."""
        return {key: value for key, value in self.data.about.items() if key != "files"}

    def recommend(
        self,
        users: Any = None,
        k: int = 20,
        items: Any = "new",
        *,
        history: Any = None,
        exclude: Any = None,
        where: str | None = None,
        item_table: Any = None,
        boost: Any = None,
        segment: str | None = None,
        user_table: Any = None,
        new_items: Any = None,
        explain: bool = False,
        name_column: str | None = None,
    ) -> pd.DataFrame:
        """Rank the items of users; arguments and columns are those of `Run.recommend`.

        Raises:
            InputError: If an argument is out of its range.
        """
        with at_work("recommend", [], self._told):
            found = asked(
                users, history, k, items, exclude=exclude, where=where, item_table=item_table,
                boost=boost, segment=segment, user_table=user_table, new_items=new_items,
                explain=explain, name_column=name_column,
            )  # fmt: skip
            frame, _ = found.request.lists(self.task, self.data, k, found.item_set)
            frame.attrs = self.data.result_source(self.path)
        return frame

    def similar(
        self,
        items: Any = None,
        k: int = 10,
        *,
        only: Any = None,
        exclude: Any = None,
        where: str | None = None,
        item_table: Any = None,
        boost: Any = None,
    ) -> pd.DataFrame:
        """List the items that are most alike; arguments and columns are those of `Run.similar`.

        Raises:
            InputError: If an argument is out of its range.
        """
        with at_work("similar", [], self._told):
            found = asked_alike(
                items, k, only, exclude=exclude, where=where, item_table=item_table, boost=boost
            )
            frame, _ = found.lists(self.task, self.data, k)
            frame.attrs = self.data.result_source(self.path)
        return frame

    def __repr__(self) -> str:
        """Show model and place."""
        return f"Exported({self.about['model']} of {self.about['run']!r}, {str(self.path)!r})"


def exported(given: Any, trust: bool, others: Mapping[str, Any]) -> Exported | None:
    """Load what is given to `graphrec.load` if it is an exported model; None if it is a log.

    Args:
        given: A path, or a frame.
        trust: Whether it may name code that is not graphrec's.
        others: The other arguments, which only a log takes.

    Raises:
        InputError: If an argument would change nothing.
    """
    if not isinstance(given, str | Path) or not is_bundle(given):
        if trust:
            hint = "leave it out: a log holds no code"
            raise InputError("only an exported model is trusted", column="trust", hint=hint)
        return None
    for name, value in others.items():
        if value is not None:
            what = "this is an exported model, which takes no such argument"
            raise InputError(what, column=name, hint="leave it out: the model has its data")
    return Exported(given, trust)
