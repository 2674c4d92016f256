"""A Redis or Valkey server by its address, whose faults are said in one line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from graphrec.errors import InputError
from graphrec.serving.state.address import options_of
from graphrec.serving.state.store import StoreDown

if TYPE_CHECKING:
    from redis import Redis

PATIENCE = 0.5
"""Seconds that a connection and an answer may take."""
PASSWORD = "REDISCLI_AUTH"
"""The environment variable of the password, that of redis-cli."""
SCHEMES = ("redis", "rediss", "valkey", "valkeys")
_FORM = "give redis://host:6379/0, or rediss:// for TLS"


@dataclass(frozen=True)
class Address:
    """Where a server is.

    Args:
        host: Its name.
        port: Its port.
        database: Its number.
        user: Of an access list, if any.
        encrypted: Whether by TLS.
        options: What stands behind the question mark.
    """

    host: str
    port: int
    database: int
    user: str | None
    encrypted: bool
    options: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, text: str, allowed: tuple[str, ...], column: str = "--store") -> Address:
        """Read one.

        Raises:
            InputError: If it is none, holds a password, or has an option that is not allowed.
        """
        try:
            parts = urlsplit(text)
            port = parts.port or 6379
        except ValueError:
            raise InputError("this is no address", column=column, hint=_FORM) from None
        if parts.password is not None:
            raise InputError(
                "an address holds no password", column=column, hint=f"set {PASSWORD} in the environment"
            )
        database = parts.path.strip("/") or "0"
        if (
            parts.scheme not in SCHEMES
            or not parts.hostname
            or not (database.isascii() and database.isdigit())
        ):
            raise InputError(f"{text!r} names no server", column=column, hint=_FORM)
        options = options_of(parts.query, allowed, column)
        user = unquote(parts.username) if parts.username else None
        return cls(parts.hostname, port, int(database), user, parts.scheme in ("rediss", "valkeys"), options)

    def __str__(self) -> str:
        """Name the server in messages."""
        return f"redis at {self.host}:{self.port}/{self.database}"

    def option(self, name: str, default: str) -> str:
        """Give what an option says."""
        return dict(self.options).get(name, default)

    def connect(self, patience: float = PATIENCE, *, any_bytes: bool = False) -> Redis:
        """Prepare a client; it connects when it is first asked.

        Args:
            patience: Seconds that an answer may take.
            any_bytes: Whether what is read may be no UTF-8; it is written back as it was.

        Raises:
            InputError: If redis-py is not installed.
        """
        try:
            from redis import Redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ModuleNotFoundError:
            raise InputError("redis-py is not installed", hint="pip install 'graphrec[serve]'") from None
        return Redis(
            host=self.host,
            port=self.port,
            db=self.database,
            username=self.user,
            password=os.environ.get(PASSWORD) or None,
            ssl=self.encrypted,
            socket_timeout=patience,
            socket_connect_timeout=min(patience, PATIENCE),
            retry=Retry(NoBackoff(), 0),  # a caller answers without the store rather than wait
            protocol=2,
            decode_responses=True,
            encoding_errors="surrogateescape" if any_bytes else "strict",
        )

    @contextmanager
    def named(self) -> Iterator[None]:
        """Say what redis-py says as this package does.

        Raises:
            StoreDown: If the server does not answer or cannot do it now.
            InputError: If it refuses the user, or its keys are of another program.
        """
        from redis import exceptions

        try:
            yield
        except (exceptions.AuthenticationError, exceptions.NoPermissionError) as error:
            hint = f"set {PASSWORD}, and the user in the address"
            raise InputError(f"{self} refuses: {_first(error)}", hint=hint) from None
        except exceptions.ResponseError as error:
            if "WRONGTYPE" in str(error):
                hint = "give another database, or ?prefix=NAME"
                raise InputError(f"{self} holds keys of another program", hint=hint) from None
            if "NOAUTH" in str(error) or "WRONGPASS" in str(error):
                raise InputError(f"{self} refuses: {_first(error)}", hint=f"set {PASSWORD}") from None
            raise StoreDown(f"{self}: {_first(error)}") from None
        except (exceptions.RedisError, OSError) as error:
            raise StoreDown(f"{self}: {_first(error)}") from None


def _first(error: Exception) -> str:
    """Take the first line, without where in a script it was."""
    return str(error).partition("\n")[0].partition(" script: ")[0].strip()
