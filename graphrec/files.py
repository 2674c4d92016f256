"""Writing a file so that nobody ever sees half of it: under a temporary name, then renamed."""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where there is no room: a full disk, a full quota, a limit on a file's size."""
PART = ".part"
"""How the names of files end that are being written; they begin with a dot."""


def write_atomically(path: str | Path, write: Callable[[Path], Any]) -> Path:
    """Let `write` fill a temporary file beside `path` and rename it; on failure nothing is left.

    What is written reaches the disk before the name changes, so that even a power cut leaves the old file or
    the new one.

    Args:
        path: The file; its folder is made if need be.
        write: Called with the temporary path.

    Raises:
        InputError: If the path is no regular file or cannot be written, or the disk is full.
    """
    target = Path(path)
    check_regular(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = _beside(target)
    except OSError as error:
        raise cannot_be_written(target, error) from error
    mode = stat.S_IMODE((target if target.is_file() else temporary).stat().st_mode)
    try:
        write(temporary)
        temporary.chmod(mode)
        _flush(temporary)
        temporary.replace(target)
    except (OSError, RuntimeError) as error:  # torch hides the system's error in a RuntimeError
        reason = system_error(error)
        if reason is None:
            raise
        raise cannot_be_written(target, reason) from error
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)
    return target


def _beside(target: Path) -> tuple[int, Path]:
    """Make a temporary file beside another, locked while its handle is open; remove leftovers of the same.

    A file that nobody holds is what a killed command left.
    """
    prefix = f".{target.name[:40]}."
    for left in target.parent.glob(f"{glob.escape(prefix)}*{PART}"):
        with suppress(OSError), left.open("rb") as content:
            if _hold(content.fileno()):
                left.unlink()
    while True:
        temporary = target.with_name(f"{prefix}{secrets.token_hex(6)}{PART}")
        # the umask says who may read a new file; one that is there keeps its mode
        handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        if not _hold(handle) or os.fstat(handle).st_nlink:  # else another command took it for a leftover
            return handle, temporary
        os.close(handle)


def _hold(handle: int) -> bool:
    """Lock a file until its handle is closed; False if another process holds it or disks know no locks."""
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def check_regular(target: Path, option: str | None = None) -> None:
    """Raise `InputError` for what is there and no regular file: a folder, a link, a device, a pipe, a socket.

    Args:
        target: The file to write.
        option: Where it was given, for the message.
    """
    try:
        mode = target.lstat().st_mode
    except OSError as error:  # not there, or not to be seen; writing it will tell
        if error.errno == errno.ENAMETOOLONG:
            raise cannot_be_written(target, error) from error
        return
    except ValueError as error:  # a zero byte
        raise InputError("is no name of a file", column=option, hint="choose another name") from error
    if stat.S_ISDIR(mode):
        hint = f"give the name of a file, for example {target / 'result.parquet'}"
        raise InputError("this is a folder", file=target, column=option, hint=hint)
    if stat.S_ISLNK(mode):
        what = f"this is a link to {target.readlink()}"
        raise InputError(what, file=target, column=option, hint="give the file itself, or delete the link")
    if not stat.S_ISREG(mode):
        what = "this is no regular file but a device, a pipe or a socket"
        raise InputError(what, file=target, column=option, hint="give the name of a file")


def _flush(file: Path) -> None:
    """Put a file's content on the disk."""
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def system_error(error: BaseException | None) -> OSError | None:
    """Find the system's error behind an error, or None."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def cannot_be_written(file: str | Path, error: OSError) -> InputError:
    """Make the line about a file that the system does not let us write."""
    reason = error.strerror or str(error).partition("\n")[0]
    full = error.errno in FULL or "No space left" in reason
    hint = "make room on the disk and run the command again" if full else "choose another folder"
    return InputError(f"cannot be written ({reason})", file=file, hint=hint)


def remove_parts(folder: Path) -> None:
    """Remove what killed commands left half written in a folder; nobody else may be writing there."""
    for left in folder.glob(f".*{PART}"):
        left.unlink(missing_ok=True)


def sha256_of(file: str | Path) -> str:
    """Compute the SHA-256 of a file's content, in hexadecimal."""
    with Path(file).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 text."""
    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_parquet(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a table to Parquet, without its index."""
    return write_atomically(path, lambda temporary: frame.to_parquet(temporary, index=False))
