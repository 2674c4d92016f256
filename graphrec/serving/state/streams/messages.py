"""What a stream carries: one event in JSON a message, and what becomes of one that is none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from graphrec.errors import InputError
from graphrec.serving.state.checks import check_events
from graphrec.serving.state.events import Event

_FIELDS = tuple(field.name for field in fields(Event))
_TEXTS, _NUMBERS = ("id", "user", "item", "kind", "offer"), ("time", "quantity", "amount")
_LAST = 1e11
"""Seconds since 1970; a time beyond the year 5138 is in milliseconds."""


@dataclass(frozen=True)
class Message:
    """One entry of a stream.

    Args:
        source: Name of the stream.
        id: What the stream calls it; the same whenever it is read.
        text: JSON of the fields of an `Event`.
        time: When it was written, in seconds since 1970.
    """

    source: str
    id: str
    text: str
    time: float


@dataclass(frozen=True)
class Dead:
    """A message that is no event, and why."""

    message: Message
    reason: str


class Stream(Protocol):
    """Messages that several processes share out among them; one is given again until it is done."""

    @property
    def at_end(self) -> bool:
        """Whether no message was left when it was last read."""

    def read(self, wait: float) -> list[Message]:
        """Give the next messages, or none after some seconds.

        Raises:
            StoreDown: If the stream does not answer.
        """

    def done(self, messages: Sequence[Message], dead: Sequence[Dead]) -> None:
        """Take messages as read for good, and put those that are no events aside with the reason.

        Raises:
            StoreDown: If the stream does not answer; it may be asked again.
        """

    def close(self) -> None:
        """Let go of the connection."""


def event_of(message: Message) -> Event:
    """Read the event of a message; a missing id or time is that of the message.

    Raises:
        InputError: That says why it is none.
    """
    try:
        told = json.loads(message.text)
    except (ValueError, RecursionError):
        raise InputError("this is no JSON") from None
    if not isinstance(told, dict):
        raise InputError("this is no JSON object")
    for name in told:
        if name not in _FIELDS:
            raise InputError(
                "there is no such field", column=name[:50], hint=f"known are {', '.join(_FIELDS)}"
            )
    for name in ("user", "item"):
        if told.get(name) is None:
            raise InputError("it is missing", column=name)
    read: dict[str, Any] = {"id": f"{message.source}/{message.id}", "time": message.time}
    read |= {name: _text(name, told[name]) for name in _TEXTS if told.get(name) is not None}
    read |= {name: _number(name, told[name]) for name in _NUMBERS if told.get(name) is not None}
    event = Event(**read)
    check_events([event])
    if abs(event.time) > _LAST:
        raise InputError(f"{event.time:g} is no time", column="time", hint="give seconds since 1970")
    return event


def _text(name: str, value: object) -> str:
    """Take text; a whole number is an id, too."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InputError(f"{str(value)[:50]!r} is no text", column=name)


def _number(name: str, value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    raise InputError(f"{str(value)[:50]!r} is no number", column=name)
