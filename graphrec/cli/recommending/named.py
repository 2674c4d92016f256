"""Whom or what a command line names: a file of ids, or the ids themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.cli.table_options import table_file
from graphrec.errors import InputError

if TYPE_CHECKING:
    from graphrec.data.places.frames import FrameFile


def split_ids(given: Sequence[str] | None, option: str) -> tuple[Path | str | None, list[str]]:
    """Tell a file from ids.

    One word is a file if there is one of that name, or if it ends as tables do; all else are ids.

    Args:
        given: The words.
        option: Where they were given, for messages.

    Raises:
        InputError: If a file stands among several words, or a word is empty.
    """
    words = list(given or [])
    if not all(word.strip() for word in words):
        raise InputError("an id is empty", column=option, hint="leave it out")
    files = [word for word in words if _is_file(word)]
    if files and len(words) > 1:
        hint = "give one file, or ids alone"
        raise InputError(f"{files[0]!r} is a file among other words", column=option, hint=hint)
    return (table_file(files[0]), []) if files else (None, words)


def _is_file(word: str) -> bool:
    from graphrec.data.places.database import is_database
    from graphrec.data.tables.files import DELIMITERS, PARQUET, is_pattern
    from graphrec.data.tables.unpacked import named_suffix

    if is_database(word):
        return True
    try:
        return named_suffix(Path(word)) in (*DELIMITERS, *PARQUET) or Path(word).exists() or is_pattern(word)
    except OSError:  # longer than any name of a file
        return False


def ids_as_file(ids: Sequence[str], column: str) -> FrameFile:
    """Put ids of the command line in the place of a file, so that they are read as those of one."""
    import pandas as pd

    from graphrec.data.places.frames import FrameFile

    return FrameFile.of(pd.DataFrame({column: list(ids)}), "the command line")
