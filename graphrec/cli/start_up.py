"""How a process that is a command of graphrec begins: threads, memory, and imports without the collector.

Nothing of it is set by ``import graphrec``: a notebook or a service keeps its own.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

own_process: ContextVar[bool] = ContextVar("own_process", default=False)
"""Whether what is alive may be set aside, once: the process runs a command, and nothing has run in it yet."""


_SMALL_BYTES, _FREE_BYTES = 32 << 20, 256 << 20
"""The largest table that malloc is to keep, which is the most it can, and how much may lie free."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # in malloc.h of glibc


def let_waiting_threads_sleep() -> None:
    """Tell OpenMP, before torch loads it, how often its threads look for work before they sleep.

    By themselves they do so 300,000 times, and of two programs on the same cores each waits for the threads
    of the other: two fits at once took nearly four times as long as one. 10,000 cost a lone one nothing.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def keep_freed_memory() -> None:
    """Tell malloc to keep what a step frees, up to 256 MB of it; where it is not that of glibc, nothing.

    By itself it gives memory back as soon as two tables lie free at the end, and the next product asks for
    it again: a tenth of a step of three layers.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _SMALL_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _FREE_BYTES)


def give_back_freed_memory() -> None:
    """Hand what lies free back to the system, after a load that took much for a moment; glibc alone can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


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
