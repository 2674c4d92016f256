"""A store by its address."""

from __future__ import annotations

from pathlib import Path

from graphrec.errors import InputError
from graphrec.serving.state.redis import RedisStore
from graphrec.serving.state.redis_server import SCHEMES
from graphrec.serving.state.sqlite import SqliteStore
from graphrec.serving.state.store import Store

_FILES = (".db", ".sqlite", ".sqlite3")
_FORMS = "give sqlite:state.db or redis://host:6379/0"


def open_store(address: str) -> Store:
    """Open the store that an address names.

    Args:
        address: ``sqlite:state.db``, a path that ends in ``.db``, ``.sqlite`` or ``.sqlite3``, or
            ``redis://host:6379/0``.

    Raises:
        InputError: If it names none, or one that cannot be used.
        StoreDown: If the store does not answer.
    """
    scheme, colon, rest = address.partition(":")
    if colon and scheme == "sqlite":
        return SqliteStore(_path(rest, address))
    if colon and scheme in SCHEMES:
        return RedisStore(address)
    if address.endswith(_FILES) and "://" not in address:
        return SqliteStore(Path(address))
    raise InputError(f"{address!r} names no store", column="--store", hint=_FORMS)


def _path(rest: str, address: str) -> Path:
    """Take the path behind ``sqlite:``, also as SQLAlchemy writes it: three slashes before a path."""
    path = rest.removeprefix("///") if rest.startswith("//") else rest
    if not path or (rest.startswith("//") and not rest.startswith("///")) or path == ":memory:":
        raise InputError(f"{address!r} names no file", column="--store", hint=_FORMS)
    return Path(path)
