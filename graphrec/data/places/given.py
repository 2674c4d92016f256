"""What stands where a table is asked for: a path, a list of paths, or a table that is no file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from graphrec.data.places.database import DatabaseTable, is_database
from graphrec.data.places.frames import FrameFile
from graphrec.data.places.several import FileList
from graphrec.data.tables.files import is_pattern, parts_of
from graphrec.files import sha256_of

_WILD = re.compile(r"[*?[]")
Place = Path | FileList | FrameFile | DatabaseTable


def place_of(given: str | Path | Sequence[str]) -> Place:
    """Take what was given for a table.

    Raises:
        InputError: If a list holds what is no path, or an address of a database is wrong.
    """
    if isinstance(given, FrameFile | FileList | DatabaseTable):
        return given
    if isinstance(given, str | Path):
        return DatabaseTable.of(given) if isinstance(given, str) and is_database(given) else Path(given)
    return FileList.of(given)


def str_of(given: str | Sequence[str]) -> str:
    """Take what a YAML gives for a table as one text: a path as it is, a list as what stands for it.

    Raises:
        InputError: If a list holds what is no path.
    """
    return given if isinstance(given, str) else FileList.of(given)


def is_there(given: str | Path) -> bool:
    """Tell whether something is given that a table can be read of, as far as a look at its name says."""
    return is_database(given) or Path(given).exists() or is_pattern(given)


def name_of(given: str) -> str:
    """Name a data set: ``sales`` for ``sales.csv.gz``, ``sales/*.csv`` and ``sales-*.csv``."""
    place = place_of(given)
    if isinstance(place, DatabaseTable):
        return place.address.name
    path = place.paths[0] if isinstance(place, FileList) else Path(place)
    names = [*path.parent.absolute().parts, path.name.partition(".")[0]]
    fixed = (_WILD.split(name)[0].rstrip("-_. ") if _WILD.search(name) else name for name in names[::-1])
    return next((name for name in fixed if name and name != "/"), "data")


def fingerprints(given: str | Path) -> list[tuple[str, str]]:
    """Name each file of a table with the SHA-256 of its content; of a database, that of its rows."""
    place = place_of(given)
    if isinstance(place, DatabaseTable):
        place = place.extract()
    if isinstance(place, FrameFile):
        return [(str(place), hashlib.sha256(place.content).hexdigest())]
    return [(str(part.path), sha256_of(part.path)) for part in parts_of(place)]
