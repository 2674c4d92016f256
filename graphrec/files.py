"""Writing a file so that nobody ever sees half of it: under a temporary name, then renamed."""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterable
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
TABLES = {".parquet": None, ".csv": ",", ".tsv": "\t"}
"""Suffixes that a table can be written as, and what is between the fields of the text ones."""


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


def source_of(checkpoint: str | Path | None, split_sha256: str) -> dict[Any, str]:
    """Tell what a result is of: file and SHA-256 of the checkpoint, and the fingerprint of the split.

    A table keeps it as `DataFrame.attrs`, which Parquet files hold and pandas reads back.

    Args:
        checkpoint: The file; None of a model that was not loaded from one.
        split_sha256: `Split.sha256`.
    """
    split = {"split_sha256": split_sha256}
    if checkpoint is None or not Path(checkpoint).is_file():
        return split
    return {"checkpoint": Path(checkpoint).name, "checkpoint_sha256": sha256_of(checkpoint), **split}


def check_table_path(path: str | Path, option: str = "--out") -> None:
    """Refuse the name of a table that could not be written, before any work is done for it.

    Args:
        path: The file; its suffix says the format.
        option: Where the name was given, for the message.

    Raises:
        InputError: If the path is no regular file, lies below a file, or its suffix tells no known format.
    """
    target = Path(path)
    check_regular(target, option)
    try:
        above = next(parent for parent in target.absolute().parents if parent.exists())
    except OSError as error:
        raise cannot_be_written(target, error) from error
    if target.suffix.lower() not in TABLES:
        what = f"a table cannot be written as '{target.suffix}'" if target.suffix else "the suffix is missing"
        hint = f"end the name with one of {', '.join(TABLES)}"
        raise InputError(what, file=target, column=option, hint=hint)
    if not above.is_dir():
        raise InputError(f"{above} is no folder", file=target, column=option, hint="choose another folder")


def check_no_input(target: str | Path, inputs: Iterable[Any], option: str = "--out") -> None:
    """Refuse to write a result over what the command reads.

    Args:
        target: The file to write.
        inputs: What may name a file or folder that is read; anything else in it is passed over.
        option: Where the target was given, for the message.

    Raises:
        InputError: If the target is one of the files, or lies in one of the folders and is no result of ours.
    """
    target = Path(target)
    if not target.exists():
        return
    for given in inputs:
        if not isinstance(given, str | Path) or not given:
            continue
        try:
            is_read = os.path.samefile(target, given)
            is_read = is_read or (
                os.path.samefile(target.absolute().parent, given) and not _is_result(target)
            )
        except (OSError, ValueError):  # no name of a file
            continue
        if is_read:
            what = "this file is read here: the result would overwrite it"
            raise InputError(what, file=target, column=option, hint="choose another name")


def _is_result(path: Path) -> bool:
    """Tell whether a table says what it is of, as those that `write_table` wrote do."""
    if TABLES.get(path.suffix.lower()) is not None:
        return bool(told_of(path))
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return b"split_sha256" in (pq.read_schema(path).metadata or {}).get(b"PANDAS_ATTRS", b"")
    except (OSError, pa.ArrowException):
        return False


def write_table(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a table without its index, as the suffix says: Parquet, or text with commas or tabs.

    What a table keeps in `DataFrame.attrs` is in the Parquet file. For a text file it lies beside it, by the
    name that W3C's "CSV on the Web" gives: ``items.csv-metadata.json``.

    Raises:
        InputError: If the suffix tells no known format, or the path cannot be written.
    """
    check_table_path(path)
    delimiter = TABLES[Path(path).suffix.lower()]
    if delimiter is None:
        return write_parquet(frame, path)
    about = _about(path)
    check_regular(about)
    written = write_atomically(
        path,
        lambda temporary: frame.to_csv(
            temporary, sep=delimiter, index=False, encoding="utf-8", lineterminator="\n"
        ),
    )
    if frame.attrs:
        content = {"url": written.name, "sha256": sha256_of(written), **frame.attrs}
        write_text(about, json.dumps(content, indent=1) + "\n")
    return written


def _about(path: str | Path) -> Path:
    """Name the file that tells what a text table is of."""
    return Path(f"{path}-metadata.json")


def told_of(path: str | Path) -> dict[Any, Any]:
    """Read what `write_table` wrote beside a text table; empty if there is none or it is of another table."""
    try:
        content = json.loads(_about(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or content.get("sha256") != sha256_of(path):
        return {}
    return {key: value for key, value in content.items() if key not in ("url", "sha256")}


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 text."""
    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_parquet(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a table to Parquet, without its index."""
    return write_atomically(path, lambda temporary: frame.to_parquet(temporary, index=False))
