"""Imports at the start of a command, without the garbage collector, which would look through them in vain."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

own_process: ContextVar[bool] = ContextVar("own_process", default=False)
"""Whether what is alive may be set aside, once: the process runs a command, and nothing has run in it yet."""


@contextmanager
def importing() -> Iterator[None]:
    """Pause the collector while torch, Lightning and the like are imported; then set aside what they made.

    They make some millions of objects that live as long as the process. To collect while they are made costs
    a second, and to look through them once more at the end of the process another one.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if own_process.get():
            gc.freeze()
            own_process.set(False)  # what a first fit leaves in circles must still be collected
        if enabled:
            gc.enable()
