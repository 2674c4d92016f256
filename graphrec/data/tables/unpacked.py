"""Files as bytes, whatever they are packed with; the content says so, not the suffix."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
from rich import progress
from rich.console import Console

from graphrec.errors import InputError

_BAR_FROM_BYTES = 20_000_000
"""Smaller files are read in less than two seconds and need no progress bar."""
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""Suffixes behind which the one that tells the format stands."""
UNPACKING_ERRORS = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException)
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",  # of no file
    b"PAR1": "parquet",
    b"SQLite format 3\0": "SQLite",
}
_DUCKDB = (8, b"DUCK")
"""Where a DuckDB file says that it is one, and how."""


def content_of(path: Path) -> str:
    """Tell what a file is by its first bytes.

    Returns:
        A packer's name, ``parquet``, ``SQLite``, ``DuckDB``, or empty for anything else.
    """
    with path.open("rb") as file:
        first = file.read(16)
    if first.startswith(_DUCKDB[1], _DUCKDB[0]):
        return "DuckDB"
    return next((name for magic, name in _MAGIC.items() if first.startswith(magic)), "")


def named_suffix(path: Path) -> str:
    """Find the suffix that tells the format, in small letters: ``.csv`` for ``log.CSV.gz``."""
    inner = path.with_suffix("") if path.suffix.lower() in PACKED else path
    return inner.suffix.lower()


def suffix_inside(path: Path) -> str:
    """Find the suffix that tells the format; of ``log.zip``, that of the file inside.

    Raises:
        InputError: If it is an archive of several files, or none at all.
    """
    if named_suffix(path) or path.suffix.lower() != ".zip":
        return named_suffix(path)
    with open_bytes(path) as content:
        return Path(str(getattr(content, "name", ""))).suffix.lower()


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open the unpacked content of a file, with a progress bar where the file is large.

    Raises:
        InputError: If it is an archive of several files, or cannot be unpacked.
    """
    bar = progress.open(
        path,
        "rb",
        description=f"Reading {path.name}",
        disable=path.stat().st_size < _BAR_FROM_BYTES,
        transient=True,
        console=Console(stderr=True),
    )
    try:
        with bar as raw:
            # Without a buffer the bar would be asked once per line
            buffered: Any = io.BufferedReader(cast(io.RawIOBase, raw), 1 << 20)
            yield _unpacked(buffered, path, content_of(path))
    except UNPACKING_ERRORS as error:
        hint = "copy or pack the file again"
        raise InputError(
            f"cannot be unpacked: {error}" if content_of(path) else f"cannot be read: {error}",
            file=path,
            hint=hint,
        ) from error


def _unpacked(buffered: Any, path: Path, packer: str) -> Any:
    if packer == "gzip":
        return gzip.GzipFile(fileobj=buffered)
    if packer == "bz2":
        return bz2.BZ2File(buffered)
    if packer == "xz":
        return lzma.LZMAFile(buffered)
    if packer == "zstd":
        stream: Any = pa.CompressedInputStream(pa.PythonFile(buffered, mode="r"), "zstd")
        return io.BufferedReader(stream, 1 << 20)
    return _only_member(zipfile.ZipFile(buffered), path) if packer == "zip" else buffered


def _only_member(archive: zipfile.ZipFile, path: Path) -> IO[bytes]:
    names = [
        member.filename
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if "[Content_Types].xml" in names:
        raise InputError("this is an Excel workbook", file=path, hint="save its sheet as CSV (UTF-8)")
    if len(names) != 1:
        listed = f": {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}" if names else ""
        hint = "unpack it and name one, or the folder"
        raise InputError(f"the archive holds {len(names)} files{listed}", file=path, hint=hint)
    try:
        return archive.open(names[0])
    except (NotImplementedError, RuntimeError) as error:  # encrypted, or packed in a way that Python lacks
        what, hint = "this archive cannot be opened", "unpack it, or pack it again without a password"
        raise InputError(what, file=path, hint=hint) from error
