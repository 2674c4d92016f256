"""One command at a time in a folder: the second is told so instead of tearing the files of the first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from graphrec.errors import InputError

LOCK = ".lock"


@contextmanager
def locked(folder: Path, what: str = "run", other: str = "another folder or --run.id") -> Iterator[None]:
    """Hold a folder, which is made if need be, for as long as the block runs or the process lives.

    The system lets go of it when the process ends, however it ends.

    Args:
        folder: The folder.
        what: What is in it, for the message.
        other: What may be chosen instead, for the message.

    Raises:
        InputError: If another process holds it.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / LOCK
    handle = _taken(file)
    if handle is None:
        hint = f"wait until it ends, or choose {other}"
        raise InputError(f"another process is writing this {what}", file=folder, hint=hint)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(handle)
        if made:
            with suppress(OSError):  # unless something has been written
                folder.rmdir()


def _taken(file: Path) -> int | None:
    """Take the lock with a handle, or return None if somebody else holds it."""
    import fcntl

    while True:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError:  # a file system without locks: better no lock than no fit
            return handle
        if os.fstat(handle).st_nlink:  # else the one before has just let go of it and removed it
            return handle
        os.close(handle)
