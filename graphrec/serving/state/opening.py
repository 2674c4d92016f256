"""A store by its address."""

from __future__ import annotations

from pathlib import Path

from graphrec.errors import InputError
from graphrec.serving.state.address import options_of
from graphrec.serving.state.keeping import KEPT, Keeping
from graphrec.serving.state.redis import OPTIONS, RedisStore
from graphrec.serving.state.redis_server import SCHEMES, Address
from graphrec.serving.state.sqlite import SqliteStore
from graphrec.serving.state.store import Store

_FILES = (".db", ".sqlite", ".sqlite3")
_FORMS = "give sqlite:state.db or redis://host:6379/0"


def open_store(address: str) -> Store:
    """Open the store that an address names.

    Args:
        address: ``sqlite:state.db``, a path that ends in ``.db``, ``.sqlite`` or ``.sqlite3``, or
            ``redis://host:6379/0``. Behind it, ``?history_days=90&events=100`` and the other names of
            `graphrec.serving.state.keeping.Keeping` say how much is kept.

    Raises:
        InputError: If it names none, or one that cannot be used.
        StoreDown: If the store does not answer.
    """
    if address.partition(":")[0] in SCHEMES:
        return RedisStore(address)
    return SqliteStore(*_file(address))


def check_store(address: str) -> None:
    """Refuse an address that names no store, without opening one.

    Raises:
        InputError: If it names none.
    """
    if address.partition(":")[0] in SCHEMES:
        Keeping.of(Address.of(address, OPTIONS).options)
    else:
        _file(address)


def _file(address: str) -> tuple[Path, Keeping]:
    """Read the address of a file, and what is kept in it."""
    place, _, query = address.partition("?")
    scheme, colon, rest = place.partition(":")
    options = options_of(query, KEPT, "--store")
    if colon and scheme == "sqlite":
        return _path(rest, address), Keeping.of(options)
    if place.endswith(_FILES) and "://" not in place:
        return Path(place), Keeping.of(options)
    raise InputError(f"{address!r} names no store", column="--store", hint=_FORMS)


def _path(rest: str, address: str) -> Path:
    """Take the path behind ``sqlite:``, also as SQLAlchemy writes it: three slashes before a path."""
    path = rest.removeprefix("///") if rest.startswith("//") else rest
    if not path or (rest.startswith("//") and not rest.startswith("///")) or path == ":memory:":
        raise InputError(f"{address!r} names no file", column="--store", hint=_FORMS)
    return Path(path)
