"""Delimited text files: find their rows first, so that every later complaint can name a line.

pandas fills the missing end of a short row with NaN without a word, and reads the rows behind a stray quote
as one. Here a first pass with the standard ``csv`` reader counts the fields of each row and remembers the
line it starts on; pandas then parses the sound rows.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from graphrec.arrays import IntArray
from graphrec.data.tables.encodings import WIDE, decoded_lines, encoding_of
from graphrec.data.tables.ids import trimmed_text
from graphrec.data.tables.quotes import has_quotes, runs_over, without_quotes
from graphrec.data.tables.unpacked import content_of, open_bytes
from graphrec.errors import InputError

MISSING = (
    *("", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "null", "NULL", "None", "<NA>"),
    *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN"),
)
"""What stands for a missing number, date or attribute. An id is missing where the field is empty."""
csv.field_size_limit(1 << 27)  # descriptions may be long; the rows of an open quote must fit in memory
_LISTED = 100
"""Ragged rows that are listed one by one; the rest is counted."""
_COMMON_DELIMITERS = {",": "','", ";": "';'", "\t": r"'\t' (tab)", "|": "'|'"}


@dataclass(frozen=True)
class TextFormat:
    """How to read a text file; the defaults suit CSV and TSV files with a header.

    Args:
        delimiter: Between fields; by the suffix if missing: comma for .csv, '::' for .dat, else tab.
        names: Names of the columns of a file that has no header.
        encoding: Of the text; UTF-8 if missing, and UTF-16 is known by its first bytes.
        quoted: Whether ``"`` may enclose a field; between tabs only one closed in its line, if missing.
        decimal: In numbers, ``.`` or ``,``.
    """

    delimiter: str | None = None
    names: tuple[str, ...] | None = None
    encoding: str | None = None
    quoted: bool | None = None
    decimal: str | None = None


@dataclass(frozen=True)
class Layout:
    """Where the rows of a text file are.

    Args:
        path: The file.
        delimiter: Between fields; more than one character is allowed in files without quotes.
        header: Names of the columns.
        has_header: Whether the file itself names them.
        lines: Line on which each sound row starts, the first line being 1.
        ragged: First line, last line and number of fields of each row that has too many or too few, or that
            runs over others.
        encoding: Of the text.
        quoted: Whether ``"`` may enclose a field.
        unquote: Whether quotes around a whole field are taken off afterwards.
    """

    path: Path
    delimiter: str
    header: tuple[str, ...]
    has_header: bool
    lines: IntArray
    ragged: tuple[tuple[int, int, int], ...]
    encoding: str
    quoted: bool
    unquote: bool

    @property
    def problems(self) -> list[InputError]:
        """One error per ragged row; beyond the first hundred they are counted."""
        widths = {fields for _, _, fields in self.ragged}
        if not len(self.lines) and len(widths) == 1 and widths != {len(self.header)}:
            return [self._header_problem(widths.pop())]
        found = [self._ragged_problem(*row) for row in self.ragged[:_LISTED]]
        if len(self.ragged) > _LISTED:
            rest, row = len(self.ragged) - _LISTED, self.ragged[_LISTED][0]
            what = f"the same in {rest:,} more row{'s' if rest > 1 else ''}"
            found.append(InputError(what, file=self.path, row=row, hint="fix them alike", places=rest))
        return found

    def _header_problem(self, fields: int) -> InputError:
        """Say that rows have as many fields as each other, and the header another number."""
        what = f"every row has {fields} fields, and {len(self.header)} columns are named"
        hint = "name every column, also that of row names (in R: write.csv)" if self.has_header else None
        row = self.ragged[0][0]
        return InputError(what, file=self.path, row=row, hint=hint or "give names for every column")

    def _ragged_problem(self, first: int, last: int, fields: int) -> InputError:
        wanted = len(self.header)
        hint = f"give it {wanted} fields, or quote the field that holds the delimiter"
        if last > first:
            hint = f'the row runs on to line {last}: close the quote (") that is open in it'
        what = f"{fields} fields are too {'few' if fields < wanted else 'many'}, {wanted} are expected"
        if fields == wanted:
            what = f"a quote that opens here makes one row of lines {first} to {last}"
            hint = 'close it, or write a quote that is a character as "" in a quoted field'
        return InputError(what, file=self.path, row=first, hint=hint)

    def load(self, names: Sequence[str], ids: Sequence[str]) -> pd.DataFrame:
        """Read columns of the sound rows as text; what is missing is missing, and no id is.

        Returns:
            One row per entry of `lines`, all columns ``str``.

        Raises:
            InputError: If a name stands in the header twice.
        """
        for name in names:
            if self.header.count(name) > 1:
                what, hint = "this name stands in the header twice", "rename or remove one of the two columns"
                raise InputError(what, file=self.path, row=1, column=name, hint=hint)
        missing = {name: [""] if name in ids else list(MISSING) for name in names}
        if not len(self.lines):
            return pd.DataFrame({name: pd.Series(dtype="str") for name in names})
        frame = self._parsed(names, missing) if self._is_plain else None
        if frame is None or len(frame) != len(self.lines):  # a blank line of pandas is a row for others
            frame = self._gathered(names, missing)
        return frame.apply(without_quotes) if self.unquote else frame

    @property
    def _is_plain(self) -> bool:
        return not self.ragged and len(self.delimiter) == 1 and not self.encoding.startswith(WIDE)

    def _parsed(self, names: Sequence[str], missing: dict[str, list[str]]) -> pd.DataFrame | None:
        """Read columns the fast way, if pandas can go it."""
        places = [self.header.index(name) for name in names]
        words: Any = {place: missing[name] for place, name in zip(places, names, strict=True)}
        packed = bool(content_of(self.path))
        with open_bytes(self.path) if packed else nullcontext(self.path) as source:
            try:
                frame = pd.read_csv(
                    source,
                    sep=self.delimiter,
                    header=0 if self.has_header else None,
                    names=list(range(len(self.header))),
                    usecols=places,
                    dtype="str",
                    encoding="utf-8-sig" if self.encoding == "utf-8" else self.encoding,
                    quoting=_quoting(self.quoted),
                    compression=None,
                    index_col=False,
                    keep_default_na=False,
                    na_values=words,
                )
            except pd.errors.ParserError:
                return None
        return pd.DataFrame({name: frame[place] for name, place in zip(names, places, strict=True)})

    def _gathered(self, names: Sequence[str], missing: dict[str, list[str]]) -> pd.DataFrame:
        """Read columns the slow way, for files that pandas would read otherwise than the first pass."""
        places = [self.header.index(name) for name in names]
        columns: list[list[str]] = [[] for _ in places]
        with records(self.path, self.delimiter, self.encoding, self.quoted) as reader:
            if self.has_header:
                next(record for record in reader if not is_blank(record))
            ragged, start = {first for first, _, _ in self.ragged}, reader.line_num + 1
            for record in reader:
                if len(record) == len(self.header) and start not in ragged and not is_blank(record):
                    for column, place in zip(columns, places, strict=True):
                        column.append(record[place])
                start = reader.line_num + 1
        frame = pd.DataFrame(dict(zip(names, columns, strict=True)), dtype="str")
        return frame.mask(frame.apply(lambda values: values.isin(missing[str(values.name)])))


def scan(path: Path, delimiter: str, form: TextFormat) -> Layout:
    """Find the header, the sound rows and the ragged rows of a text file.

    Args:
        path: The file, also packed.
        delimiter: Between fields.
        form: The rest that is known of it.

    Raises:
        InputError: If the file is empty, is not text in its encoding, or looks as if it were delimited by
            another character.
    """
    encoding = encoding_of(path, form.encoding or "utf-8")
    if form.quoted is not None or delimiter != "\t":
        return _scanned(path, delimiter, form, encoding, form.quoted is not False)
    plain = _scanned(path, delimiter, form, encoding, quoted=False)
    if not plain.ragged or not plain.unquote:
        return plain
    enclosed = _scanned(path, delimiter, form, encoding, quoted=True)  # a tab or a line end within quotes
    return plain if enclosed.ragged else enclosed


def _scanned(path: Path, delimiter: str, form: TextFormat, encoding: str, quoted: bool) -> Layout:
    lines, ragged, quotes = array("q"), [], False
    mark = _single(delimiter)
    with records(path, delimiter, encoding, quoted) as reader:
        header = form.names or _header(reader, path, delimiter)
        width, start = len(header), reader.line_num + 1
        for record in reader:
            number = reader.line_num
            if start == 1 and form.names:
                _refuse_header(record, form.names, path)
            if len(record) == width and not (width == 1 and is_blank(record)):
                if number > start and runs_over(record, mark):
                    ragged.append((start, number, width))
                else:
                    lines.append(start)
            elif not is_blank(record):
                ragged.append((start, number, len(record)))
            start = number + 1
    if not quoted and form.quoted is None:
        quotes = has_quotes(path)
        header = tuple(without_quotes(pd.Series(header, dtype="str")).fillna("")) if quotes else header
    found = np.frombuffer(lines, dtype=np.int64) if lines else np.empty(0, dtype=np.int64)
    return Layout(
        path, delimiter, _trimmed(header), not form.names, found, tuple(ragged), encoding, quoted, quotes
    )


@contextmanager
def records(path: Path, delimiter: str, encoding: str, quoted: bool) -> Iterator[Any]:
    """Open a ``csv`` reader of a file; its errors are those of the file."""
    try:
        with open_bytes(path) as handle:
            lines = decoded_lines(handle, path, encoding)
            # csv and pandas' fast parser know delimiters of one character only
            text = (
                lines
                if len(delimiter) == 1
                else (line.replace(delimiter, _single(delimiter)) for line in lines)
            )
            yield csv.reader(text, delimiter=_single(delimiter), quoting=_quoting(quoted))
    except csv.Error as error:
        raise InputError(
            f"not a table: {str(error).partition(' - ')[0]}",
            file=path,
            hint='close the open quote (") or save it anew, with \\n or \\r\\n at the end of each line',
        ) from error


def _header(reader: Iterator[list[str]], path: Path, delimiter: str) -> tuple[str, ...]:
    header = next((record for record in reader if not is_blank(record)), None)
    if header is None:
        raise InputError("the file is empty", file=path, hint="give a file with a header and rows")
    if header[0].startswith("sep="):
        hint = f"delete this line, and give the delimiter {header[0][4:5] or delimiter!r}"
        raise InputError("this line tells Excel the delimiter", file=path, row=1, hint=hint)
    if len(header) == 1:
        _refuse_other_delimiter(header[0], path, delimiter)
    return tuple(header)


def _refuse_header(record: Sequence[str], names: Sequence[str], path: Path) -> None:
    if any(field.strip() == name for field, name in zip(record, names, strict=False)):
        hint = "leave names out, and map them with columns"
        raise InputError("the first row names the columns itself", file=path, row=1, hint=hint)


def _trimmed(header: Sequence[str]) -> tuple[str, ...]:
    return tuple(name or "" for name in trimmed_text(pa.array(header, pa.large_string())).to_pylist())


def _refuse_other_delimiter(header: str, path: Path, delimiter: str) -> None:
    counts = {other: header.count(other) for other in _COMMON_DELIMITERS if other != delimiter}
    other = max(counts, key=lambda candidate: counts[candidate])
    if counts[other]:
        used = _COMMON_DELIMITERS.get(delimiter, repr(delimiter))
        raise InputError(
            f"read with delimiter {used} the header is one column, {header!r}",
            file=path,
            row=1,
            hint=f"it looks delimited by {_COMMON_DELIMITERS[other]}: give that as delimiter",
        )


def is_blank(record: list[str]) -> bool:
    """Tell whether a record holds nothing, as that of an empty line."""
    return not record or (len(record) == 1 and not record[0].strip())


def _single(delimiter: str) -> str:
    """Turn MovieLens' '::' into a tab, which titles such as 'Star Wars: Episode IV' do not hold."""
    return delimiter if len(delimiter) == 1 else "\t"


def _quoting(quoted: bool) -> Any:
    return csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
