"""Events from a stream of Redis or Valkey, shared out by a consumer group."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from graphrec.errors import InputError
from graphrec.notices import warn
from graphrec.serving.state.redis_server import Address
from graphrec.serving.state.streams.messages import Dead, Message

OPTIONS = ("stream", "group", "claim")
BATCH = 500
_FORGOTTEN = 3600.0
"""Seconds after which a consumer that has nothing pending is struck off."""


class RedisStream:
    """Reads entries whose field ``event`` is JSON; see `graphrec.serving.state.streams.messages.Stream`.

    What is no event goes to the stream ``NAME:dead``, with its id and the reason, the latest 10,000 or so.

    Args:
        address: ``redis://host:6379/0?stream=NAME``. ``&group=graphrec`` names the group. ``&claim=5``
            says after how many seconds the messages of a killed consumer are taken over.

    Raises:
        InputError: If the address is none, or the server refuses.
        StoreDown: If the server does not answer.
    """

    def __init__(self, address: str) -> None:
        self._at = Address.of(address, OPTIONS, "STREAM")
        self._stream, self._group = self._at.option("stream", "events"), self._at.option("group", "graphrec")
        self._claim = _seconds(self._at.option("claim", "5"))
        self._me = f"{socket.gethostname()}-{os.getpid()}"
        self._client = self._at.connect(patience=3.0, any_bytes=True)
        lua = files("graphrec.serving.state") / "lua"
        with self._at.named():
            self._done = self._client.register_script((lua / "done.lua").read_text(encoding="utf-8"))
            self._strike = self._client.register_script((lua / "strike.lua").read_text(encoding="utf-8"))
            self._make_group()
            self._strike(keys=[self._stream], args=[self._group, _FORGOTTEN * 1000, ""])
        self._claimed, self._cursor, self._at_end = 0.0, "0-0", False

    @property
    def at_end(self) -> bool:
        """Whether no message was left when it was last read."""
        return self._at_end

    def read(self, wait: float) -> list[Message]:
        """Give the next messages, first those that a killed consumer left, or none after some seconds."""
        with self._at.named():
            try:
                found = self._left_behind() or self._new(wait)
                self._at_end = not found
                return found
            except Exception as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                self._make_group()  # the server began anew
                return []

    def done(self, messages: Sequence[Message], dead: Sequence[Dead]) -> None:
        """Take messages as read for good, and put those that are no events aside with the reason."""
        why = {one.message.id: one.reason for one in dead}
        told = [part for one in messages for part in (one.id, why.get(one.id, ""), one.text)]
        with self._at.named():
            self._done(keys=[self._stream, f"{self._stream}:dead"], args=[self._group, *told])

    def close(self) -> None:
        """Let go of the connection; the group forgets this consumer, if nothing is pending."""
        with self._at.named():
            self._strike(keys=[self._stream], args=[self._group, 0, self._me])
        self._client.close()

    def _new(self, wait: float) -> list[Message]:
        block = max(int(1000 * wait), 1)
        found: Any = self._client.xreadgroup(self._group, self._me, {self._stream: ">"}, BATCH, block)
        return [self._message(*entry) for _, entries in found or () for entry in entries]

    def _left_behind(self) -> list[Message]:
        """Take over what was given to a consumer that did not get it done."""
        if self._cursor == "0-0" and time.monotonic() - self._claimed < self._claim:
            return []
        found: Any = self._client.xautoclaim(
            self._stream, self._group, self._me, int(1000 * self._claim), self._cursor, BATCH
        )
        self._cursor, self._claimed = found[0], time.monotonic()
        kept = [entry for entry in found[1] if entry[1] is not None]
        gone = len(found[1]) - len(kept) + (len(found[2]) if len(found) > 2 else 0)
        if gone:
            hint = "let the writer keep more: XADD ... MAXLEN ~ 1000000"
            warn(f"stream {self._stream}: {gone} messages were cut off before they were read", hint=hint)
        return [self._message(*entry) for entry in kept]

    def _message(self, name: str, fields: dict[str, str]) -> Message:
        return Message(self._stream, name, fields.get("event", ""), int(name.partition("-")[0]) / 1000)

    def _make_group(self) -> None:
        from redis.exceptions import ResponseError

        try:
            self._client.xgroup_create(self._stream, self._group, "0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.01 <= seconds <= 86_400:
        raise InputError(f"claim={text} is no number of seconds", column="STREAM", hint="give claim=5")
    return seconds
