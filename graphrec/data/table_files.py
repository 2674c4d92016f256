"""Find a file, or say what is there instead."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from graphrec.errors import InputError


def must_be_a_file(path: Path) -> None:
    """Refuse a directory, a missing, an empty and an unreadable file."""
    if path.is_dir():
        inside = _some(sorted(entry.name for entry in path.iterdir()))
        raise InputError("this is a directory", file=path, mend=f"name a file in it: {inside}")
    if not path.exists():
        folder = path.parent
        if not folder.is_dir():
            raise InputError(
                "there is no such file", file=path, mend=f"the folder {folder} does not exist either"
            )
        names = sorted(entry.name for entry in folder.iterdir())
        raise InputError(
            "there is no such file", file=path, mend=closest(path.name, names, "that folder has")
        )
    if not os.access(path, os.R_OK):
        raise InputError("this file may not be read", file=path, mend=f"allow it: chmod u+r {path}")
    if path.stat().st_size == 0:
        raise InputError("the file is empty", file=path, mend="give a file with a header and rows")


def parquet_header(path: Path) -> tuple[str, ...]:
    """Names of the columns of a Parquet file that has rows and no name twice."""
    try:
        names = pq.read_schema(path).names
        rows = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            "this is not a readable Parquet file", file=path, mend="write the file again"
        ) from error
    twice = [name for position, name in enumerate(names) if name in names[:position]]
    if twice:
        raise InputError("two columns have this name", file=path, column=twice[0], mend="rename one of them")
    if rows == 0:
        raise InputError("the table has no rows", file=path, mend="give a table with rows")
    return tuple(names)


def read_parquet(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read columns of a Parquet file."""
    try:
        return pd.read_parquet(path, columns=columns).reset_index(drop=True)
    except (pa.ArrowException, OSError) as error:
        raise InputError("this Parquet file is damaged", file=path, mend="write the file again") from error


def closest(name: str, names: Iterable[str], introduction: str) -> str:
    """A mend for a wrong name: the closest right one, and which there are."""
    candidates = list(names)
    close = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    listed = f"{introduction} {_some(candidates)}" if candidates else f"{introduction} nothing"
    return f"did you mean {close[0]!r}? {listed}" if close else listed


def _some(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
