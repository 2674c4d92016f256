"""The first row of a table, without reading the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from graphrec.data.places.database import DatabaseTable
from graphrec.data.places.given import place_of
from graphrec.data.tables.delimited import TextFormat, is_blank, records
from graphrec.data.tables.encodings import encoding_of
from graphrec.data.tables.files import DELIMITERS, parts_of
from graphrec.data.tables.parquet import ParquetSheet
from graphrec.data.tables.unpacked import suffix_inside
from graphrec.errors import InputError

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_MOST_FIELDS = 4
"""Of a file without a header that can be understood: user, item, weight, time."""


@dataclass(frozen=True)
class Header:
    """The first row of a table.

    Args:
        fields: What stands in it; types that a header of RecBole names are left off.
        is_data: Whether it holds numbers alone, two to four of them, and so is no header.
        delimiter: Between its fields; None in a Parquet file.
    """

    fields: tuple[str, ...]
    is_data: bool
    delimiter: str | None


def header_of(path: str | Path, text: TextFormat) -> Header:
    """Read the first row of a file, or of the first part in a folder.

    Fields of a text file without a header may also stand between blanks, as in ``user item weight``.

    Args:
        path: CSV, TSV, .txt, .inter, each also packed, Parquet, or a table of a database.
        text: How to read a text file.

    Raises:
        InputError: If there is no such file, or it is empty or cannot be read.
    """
    place = place_of(path)
    if isinstance(place, DatabaseTable):
        return Header(tuple(place.columns()), False, None)
    assert isinstance(place, Path)
    part = parts_of(place)[0]
    if part.is_parquet:
        return Header(ParquetSheet.of(part.path, part.folders).header, False, None)
    suffix = suffix_inside(part.path)
    delimiter = text.delimiter or DELIMITERS.get(suffix, "\t")
    fields = _first_record(part.path, delimiter, text)
    if len(fields) == 1 and text.delimiter is None:
        apart = fields[0].split(" ")
        fields, delimiter = (tuple(apart), " ") if _are_numbers(apart) else (fields, delimiter)
    if _are_numbers(fields):
        return Header(fields, True, delimiter)
    names = (*(name.partition(":")[0] if suffix == ".inter" else name for name in fields), *part.folders)
    return Header(tuple(name.strip() for name in names), False, delimiter)


def _are_numbers(fields: list[str] | tuple[str, ...]) -> bool:
    return 2 <= len(fields) <= _MOST_FIELDS and all(_NUMBER.fullmatch(field) for field in fields)


def _first_record(path: Path, delimiter: str, form: TextFormat) -> tuple[str, ...]:
    """Read the first row of a text file, without a look at the others.

    Raises:
        InputError: If the file is empty, or is not text in its encoding.
    """
    encoding = encoding_of(path, form.encoding or "utf-8")
    with records(path, delimiter, encoding, form.quoted is not False) as reader:
        record: list[str] | None = next((record for record in reader if not is_blank(record)), None)
    if record is None:
        raise InputError("the file is empty", file=path, hint="give a file with a header and rows")
    return tuple(record)
