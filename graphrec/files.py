"""Writing a file so that nobody ever sees half of it: under a temporary name, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.errors import InputError


def write_atomically(path: str | Path, write: Callable[[Path], Any]) -> Path:
    """Let `write` fill a temporary file beside `path` and rename it; on failure nothing is left.

    Args:
        path: The file; its folder is made if need be.
        write: Called with the temporary path.

    Raises:
        InputError: If the path is a folder or cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError("this is a folder", file=target, mend="give the name of a file")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise InputError(
            f"cannot be written ({error.strerror})", file=target, mend="choose another folder"
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 text."""
    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_parquet(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a table to Parquet, without its index."""
    return write_atomically(path, lambda temporary: frame.to_parquet(temporary, index=False))
