"""The stores that the tests of state go through, each with its real file or server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import redis_server

from graphrec.serving.state.keeping import Keeping
from graphrec.serving.state.redis import RedisStore
from graphrec.serving.state.sqlite import SqliteStore
from graphrec.serving.state.store import Store

_NUMBERS = count()


@dataclass(frozen=True)
class Made:
    """A way to get an empty store."""

    new: Callable[[Callable[[], float], Keeping], Store]
    address: str
    own_clock: bool = False

    @contextmanager
    def fresh(self, clock: Callable[[], float], events: int = 500) -> Iterator[Store]:
        store = self.new(clock, Keeping(events=events))
        try:
            yield store
        finally:
            store.close()


@contextmanager
def _sqlite(folder: Path) -> Iterator[Made]:
    def new(clock: Callable[[], float], keeping: Keeping) -> Store:
        return SqliteStore(folder / f"{next(_NUMBERS)}.db", keeping, clock)

    yield Made(new, f"sqlite:{folder / 'state.db'}")


@contextmanager
def _redis(folder: Path) -> Iterator[Made]:
    with redis_server.running(folder) as server:

        def new(clock: Callable[[], float], keeping: Keeping) -> Store:
            return RedisStore(f"{server.address}?prefix=t{next(_NUMBERS)}", keeping, clock)

        yield Made(new, server.address, own_clock=True)


def makers() -> list[object]:
    """One parameter a store."""
    return [pytest.param(_sqlite, id="sqlite"), pytest.param(_redis, id="redis")]
