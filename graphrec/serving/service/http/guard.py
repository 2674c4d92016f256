"""What stands before every route: its key, the size of what is sent, its id, its line in the log."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import MutableMapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graphrec.serving.service.http.keys import NEEDS, OPEN, Keys
from graphrec.serving.service.http.notes import Notes, begin
from graphrec.serving.service.http.refusals import Refused, our_fault, place_of, refusal
from graphrec.serving.service.logs import complain, say
from graphrec.serving.service.metrics import Metrics

MOST_BYTES = 1 << 20
"""Of the body of a request."""
_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_PATHS = frozenset((*NEEDS, *OPEN))
"""All others are one in the log and the metrics: a path may hold anything."""
_QUIET = ("/health", "/ready", "/metrics")
"""Asked every few seconds: their lines would hide the others."""


class Guard:
    """Lets a request through to the routes.

    Args:
        app: The routes.
        metrics: Counts.
        keys: Who may ask for what; None lets everybody.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, keys: Keys | None) -> None:
        self._app, self._metrics, self._keys = app, metrics, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, begun = time.perf_counter(), 500, False
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        notes = begin(scope, _request_id(headers))

        async def answer(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                given = [("x-request-id", notes.request_id), ("cache-control", "no-store")]
                message["headers"] = [*message["headers"], *((a.encode(), b.encode()) for a, b in given)]
            await send(message)

        try:
            self._check(scope["path"], headers, notes)
            await self._app(scope, self._bounded(receive), answer)
        except Refused as error:
            await refusal(error, notes.request_id)(scope, receive, answer)
        except Exception as error:  # the server would write its words to the log
            notes.fault = place_of(error)
            if not begun:
                await refusal(our_fault(), notes.request_id)(scope, receive, answer)
        finally:
            self._told(scope, status, time.perf_counter() - started, notes)

    def _check(self, path: str, headers: MutableMapping[bytes, str], notes: Notes) -> None:
        """Raise `Refused` for who may not ask, before anything of the body is read."""
        role = NEEDS.get(path)
        if self._keys is not None and role is not None:
            key = self._keys.of(_key(headers))
            if key is None:
                wrong = "this key is not known" if _key(headers) else "this needs a key"
                hint = "send the header Authorization: Bearer KEY"
                raise Refused(401, wrong, hint, headers={"WWW-Authenticate": "Bearer"})
            notes.caller = key.name
            if role not in key.roles:
                raise Refused(
                    403, f"this key lacks the role {role}", "ask who runs the service for one with it"
                )
        length = headers.get(b"content-length", "")
        if length.isdigit() and int(length) > MOST_BYTES:
            raise self._too_large()

    def _bounded(self, receive: Receive) -> Receive:
        """Count what arrives, for a body may come without its length."""
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> Refused:
        self._metrics.turned_away.labels("bytes").inc()
        return Refused(413, f"the body is larger than {MOST_BYTES:,} bytes", "send it in several requests")

    def _told(self, scope: Scope, status: int, seconds: float, notes: Notes) -> None:
        path = scope["path"] if scope["path"] in _PATHS else "other"
        self._metrics.requests.labels(path, str(status)).inc()
        self._metrics.seconds.labels(path).observe(seconds)
        if notes.degraded:
            self._metrics.degraded.labels(path).inc()
        if path in _QUIET and status < 400:
            return
        tell = complain if status >= 500 else say
        tell(
            "request",
            method=scope["method"],
            route=path,
            status=status,
            ms=round(1000 * seconds, 2),
            model=notes.version,
            caller=notes.caller,
            degraded=notes.degraded or None,
            fault=notes.fault,
            request_id=notes.request_id,
        )


def _request_id(headers: MutableMapping[bytes, str]) -> str:
    given = headers.get(b"x-request-id", "")
    return given if _ID.fullmatch(given) else secrets.token_hex(8)


def _key(headers: MutableMapping[bytes, str]) -> str:
    kind, _, key = headers.get(b"authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else ""
