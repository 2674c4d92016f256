"""A SQLite file that several processes and threads write: who opens it, how, and what goes wrong."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from weakref import WeakSet

from graphrec.errors import InputError
from graphrec.serving.state.store import StoreDown

MARK = 0x67726563
"""``grec``: what the header of a store's file names as its program."""
SCHEMA = 1
"""Number of the tables' form; a store of a later one is refused."""
PATIENCE = 5.0
"""Seconds that a writer waits for the others."""
_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
_CLOSED_TO_US = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")

_TABLES = """
CREATE TABLE horizon (
    name TEXT PRIMARY KEY, budget REAL, price REAL, starts REAL, seconds REAL, periods INTEGER,
    most INTEGER, current INTEGER, opened INTEGER DEFAULT 1, spent REAL DEFAULT 0, offers INTEGER DEFAULT 0,
    accepted INTEGER DEFAULT 0, last INTEGER DEFAULT 0);
CREATE TABLE period (horizon TEXT, period INTEGER, spent REAL, PRIMARY KEY (horizon, period));
CREATE TABLE stock (horizon TEXT, item TEXT, units REAL, promised REAL, PRIMARY KEY (horizon, item));
CREATE TABLE offer (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE, horizon TEXT, user TEXT, item TEXT, rate REAL, spend REAL,
    units REAL, accepted INTEGER DEFAULT 0);
CREATE INDEX offer_of ON offer (horizon, user);
CREATE TABLE event (
    n INTEGER PRIMARY KEY, id TEXT, user TEXT, item TEXT, kind TEXT, time REAL, quantity REAL,
    amount REAL, offer TEXT);
CREATE INDEX event_of ON event (user, time, n);
CREATE TABLE seen (id TEXT PRIMARY KEY, told REAL) WITHOUT ROWID;
CREATE INDEX seen_at ON seen (told);
CREATE TABLE shopper (user TEXT PRIMARY KEY, told REAL) WITHOUT ROWID;
CREATE INDEX shopper_at ON shopper (told);
"""


class _Connection(sqlite3.Connection):
    """A connection that a weak set can hold."""


class SqliteFile:
    """Opens a connection for each thread, and says in one line what goes wrong.

    A commit is in the file before it is acknowledged, so a killed process loses none.

    Args:
        path: Of the file; made for its owner alone if it is not there.

    Raises:
        InputError: If it is damaged, of another program, of a later schema, or may not be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._mine = threading.local()
        self._all: WeakSet[_Connection] = WeakSet()
        self._inherited: list[object] = []
        self._process = os.getpid()
        self._made = self._make()
        with self._named(opening=True):
            self._connection()

    @contextmanager
    def transaction(self, *, writes: bool = True) -> Iterator[sqlite3.Connection]:
        """Do all of it or nothing, while no other writer does anything.

        Raises:
            StoreDown: If it cannot be done now.
            InputError: If the file is damaged.
        """
        with self._named():
            connection = self._connection()
            try:
                connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in list(self._all):
            connection.close()
        self._mine = threading.local()

    def _make(self) -> int:
        """Make the file if need be, readable by its owner alone, and number it."""
        hint = "give the path of a file in a folder that you may write"
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            if self.path.stat().st_size == 0:
                self.path.chmod(0o600)
            return self.path.stat().st_ino
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise InputError(f"cannot keep state there: {why}", file=self.path, hint=hint) from None

    def _connection(self) -> _Connection:
        if self._process != os.getpid():  # closing what a fork inherited would harm its owner
            self._inherited.append((self._mine, self._all))
            self._mine, self._all, self._process = threading.local(), WeakSet(), os.getpid()
        try:
            if self.path.stat().st_ino != self._made:
                raise FileNotFoundError
        except OSError:
            raise StoreDown(f"{self.path}: the file was moved or removed; start the service anew") from None
        found: _Connection | None = getattr(self._mine, "connection", None)
        if found is None:
            found = self._opened()
            self._mine.connection = found
            self._all.add(found)
        return found

    def _opened(self) -> _Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=PATIENCE,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
            factory=_Connection,
        )
        try:
            self._check_and_make_tables(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_and_make_tables(self, connection: sqlite3.Connection) -> None:
        mark, schema, tables = _header(connection)
        if not tables:
            _to_wal(connection)
            connection.execute("BEGIN IMMEDIATE")
            if not _header(connection)[2]:  # another process may have been first
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {MARK}")
                connection.execute(f"PRAGMA user_version = {SCHEMA}")
            connection.execute("COMMIT")
            mark, schema, tables = _header(connection)
        if mark != MARK:
            hint = "give a path that is not there yet"
            raise InputError("this SQLite file is of another program", file=self.path, hint=hint)
        if schema != SCHEMA:
            hint = "use the version of graphrec that made it, or give a path that is not there yet"
            raise InputError(f"its schema is {schema}, not {SCHEMA}", file=self.path, hint=hint)
        connection.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def _named(self, *, opening: bool = False) -> Iterator[None]:
        """Say what SQLite says as this package does."""
        try:
            yield
        except sqlite3.Error as error:
            kind = str(getattr(error, "sqlite_errorname", ""))
            if kind.startswith(_DAMAGED):
                hint = "put back a copy, or move it away: a new one begins empty"
                raise InputError("it is no SQLite file, or damaged", file=self.path, hint=hint) from None
            if opening and kind.startswith(_CLOSED_TO_US):
                hint = "the service writes it and makes files beside it: change who may"
                raise InputError(f"it cannot be written ({error})", file=self.path, hint=hint) from None
            raise StoreDown(f"{self.path}: {error}") from None


def _header(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Read mark, schema and number of tables."""
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return int(mark), int(schema), int(tables)


def _to_wal(connection: sqlite3.Connection) -> None:
    """Let readers go on while one writes; SQLite does not wait for others here."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > ends:
                raise
            time.sleep(0.01)
