"""From a stream into a store: each event once, whoever is killed on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from graphrec.errors import InputError
from graphrec.notices import warn
from graphrec.serving.state.events import Event
from graphrec.serving.state.store import Store, StoreDown
from graphrec.serving.state.streams.messages import Dead, Message, Stream, event_of

WAIT = 1.0
"""Seconds that a stream is waited for at a time."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two tries where stream or store is away."""

Answer = TypeVar("Answer")


@dataclass
class Counts:
    """What a consumer did so far.

    Args:
        new: Events that the store was not told before.
        repeated: Events that it knew.
        dead: Messages that were no events.
    """

    new: int = 0
    repeated: int = 0
    dead: int = 0

    def __str__(self) -> str:
        """Say it in a few words."""
        said = f"{self.new:,} new events, {self.repeated:,} told before"
        return said + (f", {self.dead:,} messages put aside" if self.dead else "")


def consume(
    stream: Stream,
    store: Store,
    stops: Callable[[], bool],
    *,
    once: bool = False,
    counts: Counts | None = None,
) -> Counts:
    """Post the events of a stream to a store until told to stop.

    A message is done only after the store has kept its event, and the store counts each id once. So a
    consumer that is killed loses and doubles nothing. While stream or store is away it waits.

    Args:
        stream: Where events come from.
        store: Where they go.
        stops: Asked between batches.
        once: Whether to end when no message is left.
        counts: Counted up as it goes.

    Raises:
        InputError: If the store cannot be used any more.
    """
    counts = counts or Counts()
    while not stops():
        messages = _patiently(lambda: stream.read(WAIT), stops)
        if messages:
            _take(stream, store, messages, stops, counts)
        elif once and messages is not None and stream.at_end:
            break
    return counts


def _take(
    stream: Stream, store: Store, messages: Sequence[Message], stops: Callable[[], bool], counts: Counts
) -> None:
    events, dead = _sorted_out(messages)
    told = _patiently(lambda: store.post(events), stops)
    if told is None:  # told to stop while the store was away: the messages are given again
        return
    _patiently(lambda: stream.done(messages, dead), stops)
    counts.new += sum(told)
    counts.repeated += len(told) - sum(told)
    counts.dead += len(dead)


def _sorted_out(messages: Sequence[Message]) -> tuple[list[Event], list[Dead]]:
    events, dead = [], []
    for message in messages:
        try:
            events.append(event_of(message))
        except InputError as error:
            reason = str(error).encode("utf-8", "replace").decode()  # it may repeat what is no Unicode
            dead.append(Dead(message, reason))
    return events, dead


def _patiently(call: Callable[[], Answer], stops: Callable[[], bool]) -> Answer | None:
    """Try until it works; None where it is told to stop before."""
    pause = 0.0
    while True:
        try:
            return call()
        except StoreDown as error:
            if not pause:
                warn(str(error), hint="waiting for it")
            if stops():
                return None
            pause = min(2 * pause or _FIRST_PAUSE, _LONGEST_PAUSE)
            time.sleep(pause)
