"""A table or a query of a database in the place of a file, read and never written."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from graphrec.data.places.drivers.reading import Connection, Driver, NoRowsError
from graphrec.data.places.frames import FrameFile
from graphrec.data.tables.files import closest, must_be_a_file
from graphrec.data.tables.unpacked import content_of
from graphrec.errors import InputError

_DRIVERS = {"sqlite": "sqlite", "duckdb": "duck", "postgresql": "postgres", "postgres": "postgres"}
_READ = "SQLite (sqlite:///shop.db?table=sales), DuckDB (duckdb://) and PostgreSQL (postgresql://) are read"
_EXTRA = {"postgres": ("psycopg", "pip install 'graphrec[postgres]'")}
"""Drivers that are not always there: their package, and how to get it."""
_OTHERS = (
    "mysql",
    "mariadb",
    "mssql",
    "oracle",
    "snowflake",
    "bigquery",
    "redshift",
    "clickhouse",
    "mongodb",
)
"""Databases that are not read; their addresses are no patterns of files."""
_SCHEME = re.compile(rf"({'|'.join((*_DRIVERS, *_OTHERS))})(\+\w+)?://")
_QUERY = re.compile(r"(?:^|&)query=(.*)", re.DOTALL)
_PASSWORD = re.compile(r"\w+://[^/]*:[^/]*@")
_FORM = "sqlite:///shop.db?table=sales, or ?query=select ... at the end"


class Extract(FrameFile):
    """The rows of a table or query, as they were read."""

    first_row = 1
    noun = "database"


class DatabaseTable(str):
    """The address of a table or a query, such as ``sqlite:///shop.db?table=sales``; as text it is itself.

    The form is that of SQLAlchemy: three slashes before a file's path, four before one from the root, and
    ``postgresql://user@host:5432/name`` for a server. Behind it stands ``?table=NAME``, or ``?query=SELECT
    ...``, which goes on to the end as it is.
    """

    address: Address
    noun = "database"

    @classmethod
    def of(cls, text: str) -> DatabaseTable:
        """Take an address.

        Raises:
            InputError: If it is none, or holds a password.
        """
        found = cls(text)
        found.address = _parsed(text)
        return found

    def columns(self) -> list[str]:
        """Name its columns, without its rows.

        Raises:
            InputError: If the database cannot be opened, or does not have it.
        """
        with self._asked() as (connection, query):
            return connection.columns(query)

    def extract(self) -> Extract:
        """Read it.

        Raises:
            InputError: If the database cannot be opened, or the table or query cannot be read.
        """
        with self._asked() as (connection, query):
            found = Extract.holding(self.address.said, connection.rows(query))
        assert isinstance(found, Extract)
        return found

    @contextmanager
    def _asked(self) -> Iterator[tuple[Connection, str]]:
        """Open the database, and say in one line what it refuses."""
        address = self.address
        driver, problem = _driver(address), None
        try:
            with driver.open(address.where, dict(address.options)) as connection:
                try:
                    yield connection, address.sql(connection)
                except driver.errors as error:
                    problem = address.refused(error, connection)
        except driver.errors as error:
            problem = problem or address.not_opened(error)
        except NoRowsError:
            hint = "write one statement, select ... or with ... select ..."
            problem = InputError("this is no query", file=address.said, column="query", hint=hint)
        if problem is not None:
            raise problem from None  # a library's own words may repeat more than they should


@dataclass(frozen=True)
class Address:
    """What an address says.

    Args:
        kind: ``sqlite``, ``duckdb`` or ``postgresql``.
        where: The file, or the server as its library takes it.
        options: What else stands behind the question mark.
        table: Name of the table or view, with its schema if need be.
        query: The query.
    """

    kind: str
    where: str
    options: tuple[tuple[str, str], ...]
    table: str = ""
    query: str = ""

    @property
    def is_server(self) -> bool:
        """Whether it is no file."""
        return _DRIVERS[self.kind] == "postgres"

    @property
    def name(self) -> str:
        """Name of the table, or of the database."""
        return self.table.rpartition(".")[2] or Path(urlsplit(self.where).path).stem or "query"

    @property
    def said(self) -> str:
        """What messages call it."""
        place = self.where
        if self.is_server:
            server = urlsplit(self.where)
            place = f"{server.path.strip('/') or 'the database'} at {server.hostname or 'this machine'}"
            place += f":{server.port}" if server.port else ""
        return f"{f'table {self.table}' if self.table else 'query'} of {place} (rows from 1)"

    def sql(self, connection: Connection) -> str:
        """Write the query.

        Raises:
            InputError: If neither table nor query is named; the tables are listed.
        """
        if self.table:
            quoted = ".".join('"' + part.replace('"', '""') + '"' for part in self.table.split("."))
            return f"select * from {quoted}"
        if not self.query:
            hint = closest("", connection.tables(), "it has")
            raise InputError(f"no table is named; write {_FORM}", file=self.where, hint=hint)
        return self.query

    def refused(self, error: Exception, connection: Connection) -> InputError:
        """Say why a table or a query cannot be read, and what tables there are."""
        said = _words(error)
        if not self.table:
            hint = "correct the query; it may read, and no more"
            return InputError(f"the query is refused: {said}", file=self.said, column="query", hint=hint)
        try:
            there = connection.tables()
        except Exception:  # a server that went away, or a file that is none
            return self.not_opened(error)
        if self.table in there:
            return InputError(said, file=self.said, hint="see whether the table can be read elsewhere")
        hint = closest(self.table, there, "it has")
        return InputError(f"there is no table {self.table!r}", file=self.where, hint=hint)

    def not_opened(self, error: Exception) -> InputError:
        """Say why the database cannot be opened."""
        said = _words(error)
        hint = f"see whether this is a {self.kind} database, and that nothing else holds it"
        if self.is_server:
            hint = "give the password with PGPASSWORD or ~/.pgpass, and see whether the server answers"
        return InputError(f"the database cannot be read: {said}", file=self.where, hint=hint)


def _words(error: Exception) -> str:
    """Take what a library says in one line, without the statement it was asked to run."""
    said = " ".join(str(error).partition("\nLINE 1:")[0].split())
    return said[:200].rstrip(".?") or type(error).__name__


def is_database(given: object) -> bool:
    """Tell whether what was given for a table is the address of a database."""
    return isinstance(given, str) and _SCHEME.match(given) is not None


def _parsed(text: str) -> Address:
    """Take an address apart.

    Raises:
        InputError: If a part is wrong.
    """
    kind = text.partition("://")[0]
    if kind not in _DRIVERS:
        what = f"a database of {kind.partition('+')[0]} cannot be read here"
        if kind.partition("+")[0] in _DRIVERS:
            what = f"{kind} names a driver of another library"
        hint = f"{_READ}; export the table to Parquet or CSV from any other"
        raise InputError(what, file=f"{kind} address", hint=hint)
    where, _, rest = text.partition("?")
    query = _QUERY.search(rest)
    pairs = dict(parse_qsl(rest[: query.start()] if query else rest, keep_blank_values=True))
    _check_server(kind, where, text, pairs)
    table = pairs.pop("table", "")
    asked = query[1].strip().removesuffix(";").strip() if query else ""
    if table and query:
        raise InputError("both a table and a query are named", file=where, hint="name one of them")
    if _DRIVERS[kind] == "postgres":
        return Address(kind, where, tuple(pairs.items()), table, asked)
    if pairs:
        what = f"{next(iter(pairs))!r} is no part of this address"
        raise InputError(what, file=where, hint=f"write {_FORM}")
    file = where.partition("://")[2]
    if not file.startswith("/") or file == "/":
        hint = f"put three slashes before its path: {kind}:///{file or 'shop.db'}?table=sales"
        raise InputError("the address names no file", file=where, hint=hint)
    must_be_a_file(Path(file[1:]))
    if (found := content_of(Path(file[1:]))).lower() != kind and found:
        other = found.lower() in _DRIVERS
        hint = f"write {found.lower()}://{file}?table=NAME" if other else "name a database"
        raise InputError(f"this is no {kind} database but {found}", file=Path(file[1:]), hint=hint)
    return Address(kind, file[1:], (), table, asked)


def _check_server(kind: str, where: str, text: str, options: Mapping[str, str]) -> None:
    """Refuse an address with a password, which no message may repeat, and one that is none."""
    shown = f"{kind} address"
    if "password" in options or _PASSWORD.match(text):
        hint = "take it out, and give it with PGPASSWORD or ~/.pgpass"
        raise InputError("a password stands in this address", file=shown, hint=hint)
    try:
        _ = urlsplit(where).port
    except ValueError as error:
        hint = f"write {kind}://user@host:5432/name?table=sales"
        raise InputError("this is no address of a server", file=shown, hint=hint) from error


def _driver(address: Address) -> Driver:
    """Import what reads a kind of database.

    Raises:
        InputError: If it is not installed.
    """
    name = _DRIVERS[address.kind]
    try:
        driver: Driver = importlib.import_module(f"graphrec.data.places.drivers.{name}").DRIVER
    except ImportError as error:
        package, hint = _EXTRA[name]
        what = f"{address.kind} needs {package}, which is not installed"
        raise InputError(what, file=address.where, hint=hint) from error
    return driver
