"""Delimited text files: find their rows first, so that every later complaint can name a line.

pandas fills the missing end of a short row with NaN without a word. Here a first pass with the standard
``csv`` reader counts the fields of each row and remembers the line it starts on; pandas then parses the
sound rows.
"""

from __future__ import annotations

import csv
import gzip
import io
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich import progress
from rich.console import Console

from graphrec.errors import InputError

_BAR_FROM_BYTES = 20_000_000
"""Smaller files are read in less than two seconds and need no progress bar."""
_COMMON_DELIMITERS = {",": "','", ";": "';'", "\t": r"'\t' (tab)", "|": "'|'"}


@dataclass(frozen=True)
class Layout:
    """Where the rows of a text file are.

    Args:
        path: The file.
        delimiter: Between fields; more than one character is allowed in files without quotes.
        header: Names of the columns.
        has_header: Whether the file itself names them.
        lines: Line on which each sound row starts, the first line being 1.
        ragged: First line, last line and number of fields of each row that has too many or too few.
        encoding: Of the text.
        quoted: Whether ``"`` may enclose a field.
    """

    path: Path
    delimiter: str
    header: tuple[str, ...]
    has_header: bool
    lines: npt.NDArray[np.int64]
    ragged: tuple[tuple[int, int, int], ...]
    encoding: str
    quoted: bool

    def problems(self) -> list[InputError]:
        """One error per ragged row."""
        return [self._ragged_problem(*row) for row in self.ragged]

    def _ragged_problem(self, first: int, last: int, fields: int) -> InputError:
        wanted = len(self.header)
        kind = "too few" if fields < wanted else "too many"
        mend = f"give it {wanted} fields, or quote the field that holds the delimiter"
        if last > first:
            mend = f'the row runs on to line {last}: close the quote (") that is open in it'
        return InputError(
            f"{fields} fields are {kind}, {wanted} are expected", file=self.path, row=first, mend=mend
        )


def scan(
    path: Path,
    delimiter: str,
    names: Sequence[str] | None = None,
    encoding: str = "utf-8",
    quoted: bool = True,
) -> Layout:
    """Find the header, the sound rows and the ragged rows of a text file.

    Args:
        path: The file, also gzipped (``.gz``).
        delimiter: Between fields.
        names: Names of the columns of a file that has no header.
        encoding: Of the text.
        quoted: Whether ``"`` may enclose a field.

    Raises:
        InputError: If the file is empty, is not text in `encoding`, has column names twice, or looks as if it
            were delimited by another character.
    """
    lines, ragged = array("q"), []
    try:
        with _text_lines(path, delimiter, encoding) as text:
            reader = csv.reader(text, delimiter=_single(delimiter), quoting=_quoting(quoted))
            header = tuple(names) if names else _header(reader, path, delimiter)
            start = reader.line_num + 1
            for record in reader:
                if len(record) == len(header):
                    lines.append(start)
                elif not _is_blank(record):
                    ragged.append((start, reader.line_num, len(record)))
                start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"not a table: {error}", file=path, mend='close the open quote (") or save it as CSV anew'
        ) from error
    except (EOFError, gzip.BadGzipFile) as error:
        raise InputError(f"cannot be unpacked: {error}", file=path, mend="copy the .gz file again") from error
    if not lines and not ragged:
        raise InputError("the file has a header but no rows", file=path, mend="add rows below the header")
    found = np.frombuffer(lines, dtype=np.int64) if lines else np.empty(0, dtype=np.int64)
    return Layout(path, delimiter, header, not names, found, tuple(ragged), encoding, quoted)


def load(layout: Layout, usecols: Sequence[str]) -> pd.DataFrame:
    """Read columns of the sound rows as text; what pandas takes for missing ('', NA, null ...) is missing.

    Returns:
        One row per entry of ``layout.lines``, all columns ``str``.
    """
    # A plain path keeps pandas on its fast path; the text is only rebuilt where rows are left out
    plain = not layout.ragged and len(layout.delimiter) == 1
    source: Any = layout.path if plain else _sound_text(layout)
    return pd.read_csv(
        source,
        sep=_single(layout.delimiter),
        header=0 if layout.has_header else None,
        names=None if layout.has_header else list(layout.header),
        usecols=list(usecols),
        dtype="str",
        encoding="utf-8-sig" if layout.encoding == "utf-8" else layout.encoding,
        quoting=_quoting(layout.quoted),
        index_col=False,
    )


def _sound_text(layout: Layout) -> io.StringIO:
    ragged = {line for first, last, _ in layout.ragged for line in range(first, last + 1)}
    with _text_lines(layout.path, layout.delimiter, layout.encoding) as text:
        return io.StringIO("".join(line for number, line in enumerate(text, 1) if number not in ragged))


@contextmanager
def _text_lines(path: Path, delimiter: str, encoding: str) -> Iterator[Iterator[str]]:
    """The lines of a file as text, with a progress bar where the file is large."""
    small = path.stat().st_size < _BAR_FROM_BYTES
    bar = progress.open(
        path,
        "rb",
        description=f"Reading {path.name}",
        disable=small,
        transient=True,
        console=Console(stderr=True),
    )
    with bar as raw:
        # Without a buffer the bar would be asked once per line
        buffered: Any = io.BufferedReader(cast(io.RawIOBase, raw), 1 << 20)
        zipped = path.suffix.lower() == ".gz"
        handle: Any = gzip.GzipFile(fileobj=buffered) if zipped else buffered
        yield _decoded(handle, path, delimiter, encoding)


def _decoded(handle: IO[bytes], path: Path, delimiter: str, encoding: str) -> Iterator[str]:
    for number, line in enumerate(handle, 1):
        try:
            text = line.decode(encoding)
        except UnicodeDecodeError as error:
            place = f"byte {error.start + 1} of the row, 0x{line[error.start]:02x}, is not {encoding.upper()}"
            raise InputError(place, file=path, row=number, mend="save the file as UTF-8") from error
        text = text.removeprefix("\ufeff") if number == 1 else text
        # csv and pandas' fast parser know delimiters of one character only
        yield text if len(delimiter) == 1 else text.replace(delimiter, _single(delimiter))


def _header(reader: Iterator[list[str]], path: Path, delimiter: str) -> tuple[str, ...]:
    header = next((record for record in reader if not _is_blank(record)), None)
    if header is None:
        raise InputError("the file is empty", file=path, mend="give a file with a header and rows")
    if len(header) == 1:
        _refuse_other_delimiter(header[0], path, delimiter)
    twice = [name for position, name in enumerate(header) if name in header[:position]]
    if twice:
        mend = "rename or remove one of the two columns"
        raise InputError("this name stands in the header twice", file=path, row=1, column=twice[0], mend=mend)
    return tuple(header)


def _refuse_other_delimiter(header: str, path: Path, delimiter: str) -> None:
    counts = {other: header.count(other) for other in _COMMON_DELIMITERS if other != delimiter}
    other = max(counts, key=lambda candidate: counts[candidate])
    if counts[other]:
        used = _COMMON_DELIMITERS.get(delimiter, repr(delimiter))
        raise InputError(
            f"read with delimiter {used} the header is one column, {header!r}",
            file=path,
            row=1,
            mend=f"it looks delimited by {_COMMON_DELIMITERS[other]}: give that as delimiter",
        )


def _is_blank(record: list[str]) -> bool:
    return not record or (len(record) == 1 and not record[0].strip())


def _single(delimiter: str) -> str:
    """MovieLens' '::' becomes a tab, which titles such as 'Star Wars: Episode IV' do not hold."""
    return delimiter if len(delimiter) == 1 else "\t"


def _quoting(quoted: bool) -> Any:
    return csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
