"""How a text file is written: its encoding, its delimiter, whether it names its columns."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from graphrec.data.tables.delimited import TextFormat
from graphrec.data.tables.encodings import encoding_of
from graphrec.data.tables.files import DELIMITERS, parts_of
from graphrec.data.tables.unpacked import named_suffix, open_bytes
from graphrec.errors import InputError

_BLOCK = 1 << 20
_SAMPLE_LINES = 400
_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar", "::": "two colons"}
_HIGH = re.compile(rb"[\x80-\xff]+")
_MOST_RUNS = 5000
_WORDS, _LETTERS = 0.6, 0.95
_FEWEST_WORDS = 3
"""Fewer different runs of high bytes tell no script."""
_PAIRS = 0.9
"""Chinese characters take two bytes each; of Cyrillic words, half have an even number of letters."""


@dataclass(frozen=True)
class Form:
    """How a file is written.

    Args:
        text: For the reader; what it finds by itself is missing.
        reasons: Option of the source → why.
        doubts: What could not be decided.
    """

    text: TextFormat
    reasons: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)


def form_of(path: Path) -> Form:
    """Find out how a table is written; nothing for Parquet.

    Raises:
        InputError: If there is no such file, or it cannot be read.
    """
    part = parts_of(path)[0]
    if part.is_parquet:
        return Form(TextFormat())
    encoding, why, doubts = _encoding(part.path)
    reasons = {"encoding": why} if encoding else {}
    delimiter, why = _delimiter(part.path, encoding or encoding_of(part.path, "utf-8"))
    if delimiter:
        reasons["delimiter"] = why
    return Form(TextFormat(delimiter, encoding=encoding), reasons, doubts)


def _encoding(path: Path) -> tuple[str | None, str, list[str]]:
    """Find the encoding, its reason, and doubts; nothing for UTF-8, or UTF-16 with its mark."""
    if encoding_of(path, "utf-8") != "utf-8":
        return None, "", []
    runs: list[bytes] = []
    decoder, c1, is_utf8 = codecs.getincrementaldecoder("utf-8")(), False, True
    for block in _blocks(path):
        if is_utf8:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                is_utf8 = False
        if len(runs) < _MOST_RUNS:
            runs += _HIGH.findall(block)
            c1 = c1 or any(0x80 <= byte <= 0x9F for run in runs for byte in run)
    return (None, "", []) if is_utf8 else _of_bytes(path, runs, c1)


def _blocks(path: Path) -> Iterator[bytes]:
    with open_bytes(path) as handle:
        yield from iter(lambda: handle.read(_BLOCK), b"")


def _of_bytes(path: Path, runs: list[bytes], c1: bool) -> tuple[str, str, list[str]]:
    """Choose an encoding of text that is not UTF-8."""
    long = sum(len(run) > 1 for run in runs) / max(len(runs), 1)
    words = set(runs)
    if long > _WORDS and len(words) >= _FEWEST_WORDS:  # letters of whole words, not accents among others
        joined = b"".join(runs)
        letters = sum(byte >= 0xC0 or byte in (0xA8, 0xB8) for byte in joined) / len(joined)
        in_pairs = sum(len(word) % 2 == 0 for word in words) / len(words) > _PAIRS
        if letters > _LETTERS and not in_pairs:
            return "cp1251", "not UTF-8, and its bytes are Cyrillic letters", []
        head = next(_blocks(path), b"")
        with suppress(UnicodeDecodeError):
            head[: head.rfind(b"\n") + 1].decode("gb18030")
            return "gb18030", "not UTF-8, and its bytes are pairs, as those of Chinese text", []
    name = "cp1252" if c1 else "latin-1"
    doubt = (
        f"encoding: not UTF-8; {name} was taken, which cannot be told from others of Europe: look at accents"
    )
    return name, "not UTF-8, and most letters with accents stand alone", [doubt]


def _delimiter(path: Path, encoding: str) -> tuple[str | None, str]:
    """Find the delimiter and its reason; nothing where the suffix says the same."""
    usual = DELIMITERS.get(named_suffix(path))
    head = next(_blocks(path), b"")
    text = head.decode(encoding, errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    lines = lines[: min(_SAMPLE_LINES, max(len(lines) - (len(head) == _BLOCK), 1))]
    if not lines:
        raise InputError("the file is empty", file=path, hint="give a file with a header and rows")
    widths = {delimiter: _width(lines, delimiter) for delimiter in _DELIMITERS}
    best = max(widths, key=lambda one: (widths[one], one == usual))
    if widths[best] < 2:
        hint = "save it as CSV with a comma or semicolon between the fields"
        raise InputError("no delimiter gives every row the same number of fields", file=path, hint=hint)
    if best == usual:
        return None, ""
    return best, f"{_DELIMITERS[best]} gives every row {widths[best]} fields"


def _width(lines: list[str], delimiter: str) -> int:
    """Count the fields of each row, 0 if rows differ; one row of twenty may."""
    single = delimiter if len(delimiter) == 1 else "\t"
    rows = csv.reader((line.replace(delimiter, single) for line in lines), delimiter=single)
    try:
        counts = [len(row) for row in rows]
    except csv.Error:
        return 0
    return counts[0] if counts.count(counts[0]) >= 0.95 * len(counts) else 0
