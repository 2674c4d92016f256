"""Find a file or the files of a folder, or say what is there instead."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from graphrec.data.tables.unpacked import content_of, named_suffix
from graphrec.errors import InputError

PARQUET = (".parquet", ".pq", ".parq")
DELIMITERS = {
    ".csv": ",",
    ".dat": "::",
    **dict.fromkeys((".tsv", ".txt", ".tab", ".data", ".inter", ".user", ".item"), "\t"),
}
"""Delimiter by the suffix of a text file."""
_OTHER_TABLES = {"_delta_log": "Delta", ".hoodie": "Hudi"}
"""Folders that say which of the files beside them still count: read alone, those hold deleted rows."""
_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Part:
    """One file of a table.

    Args:
        path: The file.
        folders: Column → value of the folders it lies in, where they are named ``month=1``.
    """

    path: Path
    folders: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def is_parquet(self) -> bool:
        """Whether its name or its content says so."""
        return self.path.suffix.lower() in PARQUET or content_of(self.path) == "parquet"


def parts_of(path: Path) -> list[Part]:
    """List the files that make a table, in the order of their names.

    Raises:
        InputError: If there is no such file, it cannot be read, or a folder holds no table.
    """
    if not path.is_dir():
        _must_be_a_file(path)
        return [Part(path)]
    found = [part for part in _inside(path, path) if part.path.stat().st_size]
    tables = [part for part in found if part.is_parquet]
    texts = [part for part in found if named_suffix(part.path) in DELIMITERS]
    if tables and texts:
        hint = (
            f"name one of them: {some([str(part.path.relative_to(path)) for part in (tables[0], texts[0])])}"
        )
        raise InputError("this folder holds Parquet and text files", file=path, hint=hint)
    parts = tables or texts or [part for part in found if not part.path.suffix]
    if not parts:
        inside = some(sorted(entry.name for entry in path.iterdir())) or "nothing"
        raise InputError("this directory holds no table", file=path, hint=f"there is {inside} in it")
    for part in parts:
        _must_be_a_file(part.path)
    return parts


def _inside(folder: Path, top: Path) -> Iterator[Part]:
    """List files below a folder; what begins with a dot or an underscore is none of the data."""
    for entry in sorted(folder.iterdir()):
        if entry.name in _OTHER_TABLES:
            what = (
                f"this is a {_OTHER_TABLES[entry.name]} table, whose files also hold rows that were deleted"
            )
            raise InputError(what, file=top, hint="export it to one Parquet file")
        if entry.is_dir() and ("=" in entry.name or not entry.name.startswith((".", "_"))):
            yield from _inside(entry, top)
        elif entry.is_file() and not entry.name.startswith((".", "_")):
            yield Part(entry, _named_folders(entry.relative_to(top).parts[:-1]))


def _named_folders(names: Sequence[str]) -> dict[str, str | None]:
    pairs = [name.split("=", 1) for name in names if "=" in name]
    return {unquote(key): None if value == _NULL else unquote(value) for key, value in pairs}


def _must_be_a_file(path: Path) -> None:
    """Refuse a missing, an empty and an unreadable file."""
    if not path.exists():
        folder = path.parent
        if not folder.is_dir():
            raise InputError(
                "there is no such file", file=path, hint=f"the folder {folder} does not exist either"
            )
        names = sorted(entry.name for entry in folder.iterdir())
        raise InputError(
            "there is no such file", file=path, hint=closest(path.name, names, "that folder has")
        )
    if not path.is_file():
        raise InputError("this is no regular file", file=path, hint="give a file or a folder of files")
    if not os.access(path, os.R_OK):
        raise InputError("this file may not be read", file=path, hint=f"allow it: chmod u+r {path}")
    if path.stat().st_size == 0:
        raise InputError("the file is empty", file=path, hint="give a file with a header and rows")


def closest(name: str, names: Iterable[str], introduction: str) -> str:
    """Make a hint for a wrong name: the closest right one, and which there are."""
    candidates = list(names)
    close = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    listed = f"{introduction} {some(candidates)}" if candidates else f"{introduction} nothing"
    return f"did you mean {close[0]!r}? {listed}" if close else listed


def some(names: Sequence[str], most: int = 12) -> str:
    """List the first of many names, and say how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
