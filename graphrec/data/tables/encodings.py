"""The encoding of a text file: UTF-8 unless its first bytes or the user say otherwise."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from graphrec.data.tables.unpacked import open_bytes
from graphrec.errors import InputError

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WIDE = ("utf-16", "utf-32", "utf_16", "utf_32")
"""Encodings whose lines do not end with the byte of a line end."""


def encoding_of(path: Path, given: str) -> str:
    """Find the encoding to read a file with.

    Raises:
        InputError: If there is none of the name that was given.
    """
    try:
        name = codecs.lookup(given).name
        "".encode(given)
    except LookupError as error:
        hint = "known are utf-8, latin-1, cp1252, utf-16 and Python's others"
        raise InputError(f"there is no encoding {given!r}", column="encoding", hint=hint) from error
    if name != "utf-8":
        return name
    with open_bytes(path) as handle:
        first = handle.read(4)
    return next((encoding for mark, encoding in _MARKS if first.startswith(mark)), "utf-8")


def decoded_lines(handle: IO[bytes], path: Path, encoding: str) -> Iterator[str]:
    """Read the lines of a file as text, without a byte order mark.

    Raises:
        InputError: If one is not text in the encoding, with its row.
    """
    lines = _wide(handle, path, encoding) if encoding.startswith(WIDE) else _narrow(handle, path, encoding)
    for number, text in enumerate(lines, 1):
        if "\0" in text:
            hint = "save the file as text (CSV UTF-8), or say how it is encoded: encoding"
            raise InputError("the row holds a NUL byte", file=path, row=number, hint=hint)
        yield text.removeprefix("\ufeff") if number == 1 else text


def _narrow(handle: IO[bytes], path: Path, encoding: str) -> Iterator[str]:
    for number, line in enumerate(handle, 1):
        try:
            yield line.decode(encoding)
        except UnicodeDecodeError as error:
            place = f"byte {error.start + 1} of the row, 0x{line[error.start]:02x}, is not {encoding.upper()}"
            hint = "save the file as UTF-8, or say how it is encoded, for example encoding: latin-1"
            raise InputError(place, file=path, row=number, hint=hint) from error


def _wide(handle: Any, path: Path, encoding: str) -> Iterator[str]:
    try:
        yield from io.TextIOWrapper(handle, encoding=encoding, newline="")
    except UnicodeError as error:
        hint = "save the file as UTF-8, or say how it is encoded: encoding"
        raise InputError(f"the text is not {encoding.upper()}", file=path, hint=hint) from error
