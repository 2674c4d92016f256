"""A table as the files it consists of: one, or several parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from graphrec.arrays import IntArray
from graphrec.data.places.database import DatabaseTable
from graphrec.data.places.frames import FrameFile
from graphrec.data.places.given import Place, place_of
from graphrec.data.places.several import FileList
from graphrec.data.tables.delimited import Layout, TextFormat, scan
from graphrec.data.tables.files import DELIMITERS, PARQUET, Part, look, parts_of
from graphrec.data.tables.parquet import ParquetSheet
from graphrec.data.tables.unpacked import content_of, suffix_inside
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
    def has_rows(self) -> bool:
        """Whether there is any below the header, sound or not."""

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
    def has_rows(self) -> bool:
        """Whether there is any below the header, sound or not."""
        return bool(len(self.layout.lines) or self.layout.ragged)

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

    def of_file(self) -> pd.Series[Any]:
        """Name the file of each row. Shape ``[n]``."""
        counts = np.diff([*self.starts, len(self.lines)])
        codes = np.repeat(np.arange(len(self.files)), counts)
        names = pd.Index([str(file) for file in self.files])
        return pd.Series(pd.Categorical.from_codes(codes, names))


def open_sheets(path: Place, text: TextFormat) -> list[Sheet]:
    """Look at the files of a table, or at a frame or the rows of a database in their place.

    Raises:
        InputError: If one cannot be read.
    """
    if isinstance(path, FrameFile | DatabaseTable):
        _check_unnamed(path, path.noun, text)
        rows = path if isinstance(path, FrameFile) else path.extract()
        return [ParquetSheet.of(Path(rows), {}, rows.content, rows.first_row)]
    sheets = [_sheet(part, text) for part in parts_of(path)]
    if len(sheets) == 1 and isinstance(path, Path) and not sheets[0].has_rows:
        hint = "add rows below the header"
        raise InputError("the file has a header but no rows", file=sheets[0].path, hint=hint)
    return sheets


def tell_files(path: Place) -> None:
    """Say which of several files make a table; nothing of one file."""
    if isinstance(path, Path | FileList) and (line := look(path).line(path)):
        note(line)


def check_text_options(text: TextFormat, files: Sequence[str | Path]) -> None:
    """Raise `InputError` if a delimiter or an encoding is given and no file is of text."""
    places = [place_of(file) for file in files]
    frames = [place for place in places if isinstance(place, FrameFile | DatabaseTable)]
    parts = [part for place in places if isinstance(place, Path | FileList) for part in parts_of(place)]
    if not all(part.is_parquet for part in parts):
        return
    first, noun = (parts[0].path, "Parquet file") if parts else (frames[0], frames[0].noun)
    for option in ("delimiter", "encoding", "decimal"):
        value = getattr(text, option)
        if value is not None:
            raise InputError(f"a {noun} has no {option}", file=first, column=option, hint="leave it out")


def in_two(tables: Iterable[str | Path]) -> str | None:
    """Find the first file that belongs to two tables, or a table that is given twice."""
    seen: set[str] = set()
    for place in map(place_of, tables):
        own = [str(place)]
        if isinstance(place, Path | FileList):
            own = [str(part.path.resolve()) for part in parts_of(place)]
        if twice := next((name for name in own if name in seen), None):
            return twice
        seen |= set(own)
    return None


def _check_unnamed(file: str | Path, noun: str, text: TextFormat) -> None:
    if text.names:
        what = f"a {noun} names its columns itself"
        raise InputError(what, file=file, hint="leave names out and map them with columns")


def _sheet(part: Part, text: TextFormat) -> Sheet:
    if part.is_parquet and content_of(part.path) in ("parquet", ""):
        _check_unnamed(part.path, "Parquet file", text)
        return ParquetSheet.of(part.path, part.folders)
    suffix = suffix_inside(part.path)
    delimiter = DELIMITERS.get(suffix) if text.delimiter is None else text.delimiter
    _check_is_text(part.path, suffix, delimiter)
    assert delimiter is not None
    delimiter = delimiter.replace(r"\t", "\t")  # what YAML makes of an unquoted \t
    if not delimiter or not set(delimiter).isdisjoint('"\r\n'):
        raise InputError(f"{delimiter!r} cannot delimit fields", column="delimiter", hint="give ',' or ';'")
    layout = scan(part.path, delimiter, text)
    if suffix in _TYPED_HEADERS:  # RecBole writes the type behind the name: user_id:token
        layout = replace(layout, header=tuple(name.partition(":")[0] for name in layout.header))
    return TextSheet(layout, part.folders)


def _check_is_text(path: Path, suffix: str, delimiter: str | None) -> None:
    """Refuse what is a table of another kind, and what no delimiter is known for."""
    if (kind := content_of(path)) in ("SQLite", "DuckDB"):
        hint = f"name a table of it: {kind.lower()}:///{path}?table=NAME"
        raise InputError(f"this is a {kind} database", file=path, hint=hint)
    if suffix in PARQUET:
        hint = "unpack it: Parquet is packed within itself"
        raise InputError("this is a packed Parquet file", file=path, hint=hint)
    if delimiter is None:
        hint = "save it as .csv, .tsv or .parquet, or say how its fields are delimited: delimiter"
        what = f"files of the type {suffix or 'without a suffix'!r} are not known"
        raise InputError(what, file=path, hint=hint)


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
