"""What `graphrec evaluate` is asked for, checked before anything is read."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphrec.cli.table_options import column_mapping, table_file, text_of
from graphrec.data.places.given import name_of, place_of
from graphrec.data.recommended import is_lists
from graphrec.data.tables.files import closest
from graphrec.data.tables.kinds import KINDS, Kind
from graphrec.data.tables.read import TextFormat
from graphrec.data.tables.sheets import check_text_options, open_sheets
from graphrec.errors import InputError, check_at_least

_KINDS: tuple[Kind, ...] = ("recommendations", "log", "users", "items")


@dataclass(frozen=True)
class Request:
    """What is to be judged, and on what.

    Args:
        lists: Files of recommendations by the name that they get.
        parts: Files of the log: ``test``, and perhaps ``train`` and ``valid``.
        attributes: Tables of ``users`` and ``items``, where there are any.
        columns: Our name → the name in a file.
        text: How to read text files.
        cutoffs: The K.
        options: The others as they were given: ``refit``, ``exclude_seen``, ``category``, ``min_rating``.
        name: Of the data set, where one was given.
    """

    lists: Mapping[str, str | Path]
    parts: Mapping[str, str | Path]
    attributes: Mapping[str, str | None]
    columns: Mapping[str, str | None]
    text: TextFormat
    cutoffs: tuple[int, ...]
    options: Mapping[str, Any]
    name: str | None = None

    def fitting(self, file: str | Path, kind: Kind) -> dict[str, str | None]:
        """Take what of the mapping is of a kind of file and names a column of this one, or is left out."""
        if is_lists(file, self.text):
            return {}
        header = open_sheets(place_of(file), self.text)[0].header
        return {
            ours: theirs
            for ours, theirs in self.columns.items()
            if (kind in ("users", "items") or ours in KINDS[kind].known)
            and (theirs is None or theirs in header or ours not in header)
        }


def request_of(options: argparse.Namespace) -> Request:
    """Check a command line.

    Raises:
        InputError: If options do not go together.
    """
    parts = {
        name: table_file(file) for name in ("train", "valid", "test") if (file := getattr(options, name))
    }
    _check_needs(options)
    check_at_least(1, **{"-k": min(options.k)})
    text = text_of(vars(options))
    attributes = {"users": options.users, "items": options.items}
    files: list[str | Path] = [*options.recommendations, *parts.values(), *filter(None, attributes.values())]
    check_text_options(text, files)
    request = Request(
        lists=_named(options.recommendations),
        parts=parts,
        attributes=attributes,
        columns=column_mapping(options.columns),
        text=text,
        cutoffs=tuple(sorted(set(options.k))),
        options={
            name: getattr(options, name) for name in ("refit", "exclude_seen", "category", "min_rating")
        },
        name=options.name,
    )
    _check_columns(request, files)
    return request


def _check_needs(options: argparse.Namespace) -> None:
    """Refuse an option without the file that it is about."""
    needs = {"valid": "train", "exclude_seen": "train", "refit": "valid", "category": "items"}
    for option, file in needs.items():
        if getattr(options, option) and not getattr(options, file):
            raise InputError(f"this needs --{file}", column=f"--{option}", hint="give it, or leave this out")


def _check_columns(request: Request, files: Iterable[str | Path]) -> None:
    """Refuse a mapping of what no file has."""
    known = list(dict.fromkeys(name for kind in _KINDS for name in KINDS[kind].known))
    headers = {
        name for file in files if not is_lists(file, request.text)
        for name in open_sheets(place_of(file), request.text)[0].header
    }  # fmt: skip
    for ours, theirs in request.columns.items():
        if ours not in known:
            hint = closest(ours, known, "known are")
            raise InputError(f"{ours!r} is no column of these files", column="--columns", hint=hint)
        if theirs is not None and theirs not in headers:
            hint = closest(theirs, sorted(headers), "they have")
            raise InputError(f"no file has a column {theirs!r}", column="--columns", hint=hint)


def _named(files: Sequence[str | Path]) -> dict[str, str | Path]:
    """Call each file of lists by its name, and by its folder's too where two are called alike."""
    stems = [name_of(str(file)) for file in files]
    named: dict[str, str | Path] = {}
    for file, stem in zip(files, stems, strict=True):
        name = stem if stems.count(stem) == 1 else f"{Path(file).resolve().parent.name}-{stem}"
        if name in named:
            hint = "give each file once, or rename one"
            raise InputError(
                f"{named[name]} has the same name", file=file, column="--recommendations", hint=hint
            )
        named[name] = file
    return named
