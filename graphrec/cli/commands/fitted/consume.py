"""``graphrec consume``: events from a stream into the store that a service reads."""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from graphrec.cli.commands import COMMANDS
from graphrec.errors import InputError

EXAMPLE = """examples:
  graphrec consume 'redis://localhost:6379/0?stream=events' --store redis://localhost:6379/0
  graphrec consume kafka://broker:9092/events --store sqlite:state.db
  graphrec consume 'kafka://broker:9092/events?group=shop&config=kafka.json' --store sqlite:state.db --once
"""
_EVERY = 60.0
"""Seconds between two lines that say how far it is."""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "consume",
        help=COMMANDS["consume"],
        description="Read events from a stream of Redis or a topic of Kafka, and keep each once in the store"
        " of a service. Start as many as needed; one that is killed loses nothing. A message that is no event"
        " is put aside with the reason: in the stream NAME:dead, or the topic TOPIC.dead.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "stream",
        metavar="STREAM",
        help="redis://host:6379/0?stream=NAME (default events) or kafka://broker:9092/TOPIC; consumers of one"
        " group=NAME share the messages out (default graphrec)",
    )
    parser.add_argument(
        "--store",
        required=True,
        metavar="STORE",
        help="of the service: sqlite:state.db or redis://host:6379/0",
    )
    parser.add_argument("--once", action="store_true", help="end when no message is left, as in a cron job")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Consume until a signal, and say how much."""
    from graphrec.notices import note
    from graphrec.serving.state.opening import check_store, open_store
    from graphrec.serving.state.store import StoreDown
    from graphrec.serving.state.streams.consume import Counts, consume
    from graphrec.serving.state.streams.opening import open_stream

    check_store(options.store)
    try:
        stream, store = open_stream(options.stream), open_store(options.store)
    except StoreDown as error:
        raise InputError(str(error), hint="start it, then this command again") from None
    counts, told = Counts(), time.monotonic()

    def stops() -> bool:
        nonlocal told
        if time.monotonic() - told > _EVERY:
            told = time.monotonic()
            note(str(counts))
        return bool(asked)

    with _signals() as asked:
        try:
            consume(stream, store, stops, once=options.once, counts=counts)
        finally:
            note(str(counts))
            store.close()
        with suppress(StoreDown):  # what it had is given to another
            stream.close()


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Take SIGTERM and SIGINT as the wish to stop after the batch in hand; the second SIGINT interrupts."""
    asked: list[int] = []

    def ask(number: int, frame: object) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {one: signal.signal(one, ask) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
