"""A table as the files it consists of: one, or the parts in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from graphrec.arrays import IntArray
from graphrec.data.tables.delimited import Layout, TextFormat, scan
from graphrec.data.tables.files import DELIMITERS, Part, parts_of
from graphrec.data.tables.frames import FrameFile
from graphrec.data.tables.parquet import ParquetSheet
from graphrec.data.tables.unpacked import named_suffix
from graphrec.errors import InputError
from graphrec.notices import note

__all__ = ["Sheet", "SheetRows", "TextFormat", "open_sheets", "read_sheets"]

_TYPED_HEADERS = (".inter", ".user", ".item")


class Sheet(Protocol):
    """One file of a table, looked at and not yet read."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def header(self) -> tuple[str, ...]:
        """Names of its columns."""

    @property
    def lines(self) -> IntArray:
        """Line on which each row starts."""

    @property
    def named_in_row(self) -> bool:
        """Whether its first row names the columns."""

    @property
    def problems(self) -> list[InputError]:
        """What is wrong with its rows."""

    def load(self, names: Sequence[str], ids: Sequence[str]) -> pd.DataFrame:
        """Read columns, those that are ids as text."""


@dataclass(frozen=True)
class TextSheet:
    """A text file, with the columns that the folders it lies in stand for."""

    layout: Layout
    folders: Mapping[str, str | None]

    @property
    def path(self) -> Path:
        """The file."""
        return self.layout.path

    @property
    def header(self) -> tuple[str, ...]:
        """Names of its columns."""
        return (*self.layout.header, *(name for name in self.folders if name not in self.layout.header))

    @property
    def lines(self) -> IntArray:
        """Line on which each row starts."""
        return self.layout.lines

    @property
    def named_in_row(self) -> bool:
        """Whether its first row names the columns."""
        return self.layout.has_header

    @property
    def problems(self) -> list[InputError]:
        """What is wrong with its rows."""
        return self.layout.problems

    def load(self, names: Sequence[str], ids: Sequence[str]) -> pd.DataFrame:
        """Read columns as text."""
        written = [name for name in names if name in self.layout.header]
        beside = {name: self.folders[name] for name in names if name not in written}
        frame = self.layout.load(written, ids) if written else pd.DataFrame(index=range(len(self.lines)))
        return frame.assign(**{name: pd.Series(value, frame.index, "str") for name, value in beside.items()})


@dataclass(frozen=True)
class SheetRows:
    """Where the rows of a table stand.

    Args:
        lines: Line of each row in its file. Shape ``[n]``.
        files: The files.
        starts: First row of each file.
    """

    lines: IntArray
    files: tuple[Path, ...]
    starts: IntArray

    def place(self, index: int) -> tuple[Path, int]:
        """Find file and line of a row."""
        file = int(np.searchsorted(self.starts, index, side="right")) - 1
        return self.files[file], int(self.lines[index])


def open_sheets(path: Path | FrameFile, text: TextFormat) -> list[Sheet]:
    """Look at the files of a table, or at a frame in their place.

    Raises:
        InputError: If one cannot be read.
    """
    if isinstance(path, FrameFile):
        _check_unnamed(path, text)
        return [ParquetSheet.of(Path(path), {}, path.content)]
    parts = parts_of(path)
    if len(parts) > 1:
        note(f"{path}: {len(parts)} files are read as one table")
    return [_sheet(part, text) for part in parts]


def check_text_options(text: TextFormat, files: Sequence[str | Path]) -> None:
    """Raise `InputError` if a delimiter or an encoding is given and no file is of text."""
    frames = [file for file in files if isinstance(file, FrameFile)]
    parts = [part for file in files if file not in frames for part in parts_of(Path(file))]
    if not all(part.is_parquet for part in parts):
        return
    first = parts[0].path if parts else Path(frames[0])
    for option in ("delimiter", "encoding", "decimal"):
        value = getattr(text, option)
        if value is not None:
            what = f"a {'Parquet file' if parts else 'frame'} has no {option}"
            raise InputError(what, file=first, column=option, hint="leave it out")


def _check_unnamed(file: str | Path, text: TextFormat) -> None:
    if text.names:
        what = f"a {'frame' if isinstance(file, FrameFile) else 'Parquet file'} names its columns itself"
        raise InputError(what, file=file, hint="leave names out and map them with columns")


def _sheet(part: Part, text: TextFormat) -> Sheet:
    if part.is_parquet:
        _check_unnamed(part.path, text)
        return ParquetSheet.of(part.path, part.folders)
    suffix = named_suffix(part.path)
    delimiter = DELIMITERS.get(suffix) if text.delimiter is None else text.delimiter
    if delimiter is None:
        raise InputError(
            f"files of the type {suffix or 'without a suffix'!r} are not known",
            file=part.path,
            hint="save it as .csv, .tsv or .parquet, or say how its fields are delimited: delimiter",
        )
    delimiter = delimiter.replace(r"\t", "\t")  # what YAML makes of an unquoted \t
    if not delimiter or not set(delimiter).isdisjoint('"\r\n'):
        raise InputError(f"{delimiter!r} cannot delimit fields", column="delimiter", hint="give ',' or ';'")
    layout = scan(part.path, delimiter, text)
    if suffix in _TYPED_HEADERS:  # RecBole writes the type behind the name: user_id:token
        layout = replace(layout, header=tuple(name.partition(":")[0] for name in layout.header))
    return TextSheet(layout, part.folders)


def read_sheets(
    path: str | Path, sheets: Sequence[Sheet], theirs: Mapping[str, str], ids: Sequence[str]
) -> tuple[pd.DataFrame, SheetRows, list[InputError]]:
    """Read the files of a table below each other.

    Args:
        path: The table, for messages.
        sheets: Its files.
        theirs: Our name → the file's name for the columns to read.
        ids: Those (ours) that are ids.

    Returns:
        Columns in our names with index 0..n-1, where the rows stand, and what is wrong with rows.

    Raises:
        InputError: If there is no row.
    """
    names, id_names = list(dict.fromkeys(theirs.values())), [theirs[our] for our in ids]
    frames = [sheet.load(names, id_names) for sheet in sheets]
    frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    problems = [problem for sheet in sheets for problem in sheet.problems]
    if frame.empty and not problems:
        raise InputError("the table has no rows", file=path, hint="give a table with rows")
    lines = [sheet.lines for sheet in sheets]
    counts = [len(part) for part in lines]
    rows = SheetRows(
        np.concatenate(lines), tuple(sheet.path for sheet in sheets), np.cumsum([0, *counts[:-1]])
    )
    ours: dict[str, Any] = {our: frame[their] for our, their in theirs.items()}
    return pd.DataFrame(ours), rows, problems
