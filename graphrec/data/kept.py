"""A log that a command needs several times, and reads once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec

from graphrec.data.interactions import RawData

_Arguments = ParamSpec("_Arguments")
_read: ContextVar[dict[str, RawData] | None] = ContextVar("read", default=None)
"""What was read by the arguments; None where nothing is kept."""


@contextmanager
def each_read_once() -> Iterator[None]:
    """Keep what sources read until the block ends: the same arguments give the same log again."""
    token = _read.set({})
    try:
        yield
    finally:
        _read.reset(token)


def kept(source: Callable[_Arguments, RawData]) -> Callable[_Arguments, RawData]:
    """Let a source give what it has read already, within `each_read_once`."""

    @functools.wraps(source)
    def reading(*args: _Arguments.args, **options: _Arguments.kwargs) -> RawData:
        found = _read.get()
        if found is None:
            return source(*args, **options)
        key = repr((source.__name__, args, sorted(options.items())))
        if key not in found:
            found[key] = source(*args, **options)
        return found[key]

    return reading
