"""Find a file, or those of a folder, a pattern or a list, or say what is there instead."""

from __future__ import annotations

import difflib
import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from graphrec.data.places.several import FileList
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
_WILD = re.compile(r"[*?[]")


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

    @property
    def is_zip(self) -> bool:
        """Whether it is an archive, whose only file says what it is."""
        return self.path.suffix.lower() == ".zip" and content_of(self.path) == "zip"


@dataclass(frozen=True)
class Found:
    """The files of a table.

    Args:
        parts: Those that are read, in the order of their names; files of a list in its order.
        empty: Files of no bytes, which hold no row.
        others: Files beside them that are no tables.
    """

    parts: tuple[Part, ...]
    empty: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def line(self, path: str | Path) -> str:
        """Say how many files are read and which are not; empty where one is all there is."""
        said = [f"{len(self.parts)} files are read as one table"] if len(self.parts) > 1 else []
        said += [f"empty and so without a row: {some(self.empty)}"] if self.empty else []
        said += [f"no table and not read: {some(self.others)}"] if self.others else []
        return f"{path}: {'; '.join(said)}" if said else ""


def parts_of(path: Path | FileList) -> tuple[Part, ...]:
    """List the files that make a table; see `look`."""
    return look(path).parts


def look(path: Path | FileList) -> Found:
    """Find the files of a table: one, those of a folder, of a pattern as ``sales/*.csv``, or of a list.

    Raises:
        InputError: If there is no such file, it cannot be read, or a folder holds no table.
    """
    if isinstance(path, FileList):
        return _each_once([look(one) for one in path.paths])
    if is_pattern(path):
        return _among(_matches(path), path, f"no file matches this pattern; {_beside(path)}")
    if not path.is_dir():
        must_be_a_file(path)
        return Found((Part(path),))
    inside = some(sorted(entry.name for entry in path.iterdir())) or "nothing"
    return _among(_inside(path, path), path, f"this directory holds no table; there is {inside} in it")


def is_pattern(path: str | Path) -> bool:
    """Tell whether a path stands for what matches it: it has ``*``, ``?`` or ``[``, and is no file."""
    return bool(_WILD.search(str(path))) and not os.path.exists(path)


def fixed_part(pattern: Path) -> Path:
    """Find the folder above the first name of a pattern that has a wildcard."""
    names = pattern.parts
    wild = next(place for place, name in enumerate(names) if _WILD.search(name))
    return Path(*names[:wild])


def _matches(pattern: Path) -> Iterator[Part]:
    """List what matches a pattern; a folder stands for the files in it, and each file is listed once."""
    top, seen = fixed_part(pattern), set()
    for name in sorted(glob.glob(str(pattern), recursive=True)):
        found = Path(name)
        hidden = any(one.startswith("_") and "=" not in one for one in found.relative_to(top).parts)
        if hidden and not pattern.name.startswith("_"):
            continue
        folders = _named_folders(found.relative_to(top).parts[:-1])
        for part in _inside(found, top) if found.is_dir() else [Part(found, folders)]:
            if part.path not in seen:
                seen.add(part.path)
                yield part


def _beside(pattern: Path) -> str:
    """Say what is there in the place of what a pattern names."""
    folder = fixed_part(pattern)
    if not folder.is_dir():
        return f"there is no folder {folder}"
    names = sorted(entry.name for entry in folder.iterdir())
    return f"the folder {folder} has {some(names) or 'nothing'}"


def _among(candidates: Iterable[Part], path: Path, none: str) -> Found:
    """Choose the files that are tables, all of one kind."""
    found = list(candidates)
    whole = [part for part in found if part.path.stat().st_size]
    empty = tuple(_below(path, part) for part in found if part not in whole)
    tables = [part for part in whole if part.is_parquet]
    texts = [part for part in whole if named_suffix(part.path) in DELIMITERS or part.is_zip]
    if tables and texts:
        both = some([_below(path, part) for part in (tables[0], texts[0])])
        what = f"this {'pattern matches' if is_pattern(path) else 'folder holds'} Parquet and text files"
        raise InputError(what, file=path, hint=f"name one of them: {both}")
    parts = tables or texts or [part for part in whole if is_pattern(path) or not part.path.suffix]
    if not parts:
        what, _, hint = none.partition("; ")
        if empty:
            what, hint = f"every file is empty: {some(empty)}", "give files with a header and rows"
        raise InputError(what, file=path, hint=hint)
    for part in parts:
        must_be_a_file(part.path)
    return Found(tuple(parts), empty, tuple(_below(path, part) for part in whole if part not in parts))


def _below(path: Path, part: Part) -> str:
    """Name a file as seen from the folder or the pattern that it was found by."""
    return str(part.path.relative_to(fixed_part(path) if is_pattern(path) else path))


def _each_once(found: Sequence[Found]) -> Found:
    """Put the files of a list together, none of them twice."""
    parts = [part for one in found for part in one.parts]
    seen: set[Path] = set()
    for part in parts:
        if (real := part.path.resolve()) in seen:
            hint = "name it once, or every row of it counts twice"
            raise InputError("this file is in the list twice", file=part.path, hint=hint)
        seen.add(real)
    kinds = {part.is_parquet: part.path for part in parts}
    if len(kinds) > 1:
        what = f"this is a Parquet file, and {kinds[False]} is of text"
        raise InputError(what, file=kinds[True], hint="list files of one kind")
    empty, others = ([name for one in found for name in getattr(one, of)] for of in ("empty", "others"))
    return Found(tuple(parts), tuple(empty), tuple(others))


def _inside(folder: Path, top: Path) -> Iterator[Part]:
    """List files below a folder; what begins with a dot or an underscore is none of the data."""
    for entry in sorted(folder.iterdir()):
        if entry.name in _OTHER_TABLES:
            what = (
                f"this is a {_OTHER_TABLES[entry.name]} table, whose files also hold rows that were deleted"
            )
            raise InputError(what, file=top, hint="export it to one Parquet file")
        if entry.name == "metadata" and any(entry.glob("*.metadata.json")):
            what = "this is an Iceberg table, whose files also hold rows that were deleted"
            raise InputError(what, file=top, hint="export it to one Parquet file")
        if entry.is_dir() and ("=" in entry.name or not entry.name.startswith((".", "_"))):
            yield from _inside(entry, top)
        elif entry.is_file() and not entry.name.startswith((".", "_")):
            yield Part(entry, _named_folders(entry.relative_to(top).parts[:-1]))


def _named_folders(names: Sequence[str]) -> dict[str, str | None]:
    pairs = [name.split("=", 1) for name in names if "=" in name]
    return {unquote(key): None if value == _NULL else unquote(value) for key, value in pairs}


def must_be_a_file(path: Path) -> None:
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
