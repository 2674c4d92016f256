"""What stands where a table is asked for: a path, a list of paths, or a table that is no file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from graphrec.data.places.frames import FrameFile
from graphrec.data.places.several import FileList

Place = Path | FileList | FrameFile


def place_of(given: str | Path | Sequence[str]) -> Place:
    """Take what was given for a table.

    Raises:
        InputError: If a list holds what is no path.
    """
    if isinstance(given, FrameFile | FileList):
        return given
    if isinstance(given, str | Path):
        return Path(given)
    return FileList.of(given)


def str_of(given: str | Sequence[str]) -> str:
    """Take what a YAML gives for a table as one text: a path as it is, a list as what stands for it.

    Raises:
        InputError: If a list holds what is no path.
    """
    return given if isinstance(given, str) else FileList.of(given)


def name_of(given: str) -> str:
    """Name a data set: ``sales`` for ``sales.csv.gz``, ``sales/*.csv`` and ``sales-*.csv``."""
    place = place_of(given)
    path = place.paths[0] if isinstance(place, FileList) else Path(place)
    names = [*path.parent.absolute().parts, path.name.partition(".")[0]]
    plain = (name.partition("*")[0].partition("?")[0].partition("[")[0].strip("-_. ") for name in names[::-1])
    return next((name for name in plain if name and name != "/"), "data")
