"""The folder of a bulk scoring: parts, and a manifest that says what was asked and which parts are whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graphrec.cli.scoring.part import Part, name_of
from graphrec.errors import InputError
from graphrec.files import remove_parts, sha256_of, write_text

MANIFEST = "_manifest.json"
"""Readers of a folder of Parquet pass over names that begin so."""
KIND, FORMAT = "graphrec scores", 1
SAME = {
    "model": "of the model",
    "graphrec": "of graphrec",
    "k": "with -k",
    "part_size": "with --part_size",
    "users_sha256": "of other users",
}
"""What must be the same to go on, and how that is said."""


class ScoreFolder:
    """Keeps the parts that are done.

    Args:
        path: The folder; made if it is not there.
        asked: What was asked for: the keys of `SAME` and more.
        count: Parts in all.
    """

    def __init__(self, path: Path, asked: Mapping[str, Any], count: int) -> None:
        self.path, self.asked, self.count = path, dict(asked), count
        self.done: dict[int, Part] = {}
        self.damaged = 0

    def open(self) -> None:
        """Find the parts that are whole, and begin a manifest where there is none.

        Raises:
            InputError: If the folder holds something else, or parts of another model or other options.
        """
        file = self.path / MANIFEST
        if file.exists():
            known = self._read(file)
            self._check(known["asked"])
            self._take(known["parts"])
        elif others := sorted(one.name for one in self.path.iterdir() if not one.name.startswith(".")):
            what = f"holds {others[0]!r} and no {MANIFEST} of scores"
            raise InputError(what, file=self.path, column="--out", hint="name a new or an empty folder")
        remove_parts(self.path)
        self._write()

    def add(self, part: Part) -> None:
        """Book a part that is whole."""
        self.done[part.number] = part
        self._write()

    def left(self) -> list[int]:
        """List the numbers of the parts that are still to do."""
        return [number for number in range(self.count) if number not in self.done]

    def _read(self, file: Path) -> dict[str, Any]:
        try:
            known = json.loads(file.read_text(encoding="utf-8"))
            kind, _, _ = known["kind"], known["asked"]["model"], known["parts"].items()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            hint = "name a new folder, or delete this one"
            raise InputError("is no manifest of scores", file=file, hint=hint) from error
        if kind != KIND or known.get("format") != FORMAT:
            raise InputError("is no manifest of scores", file=file, hint="name a new folder")
        return dict(known)

    def _check(self, before: Mapping[str, Any]) -> None:
        """Raise `InputError` for the first thing that was asked differently."""
        for key, said in SAME.items():
            old, new = before.get(key), self.asked[key]
            if old != new:
                told = "" if key == "users_sha256" else f" {old}, not {new}"
                hint = "name another folder with --out, or delete this one and run the command again"
                raise InputError(f"holds scores {said}{told}", file=self.path, hint=hint)

    def _take(self, parts: Mapping[str, Any]) -> None:
        """Take over the parts whose bytes are those that were written."""
        for told in parts.values():
            part = Part(**told)
            file = self.path / name_of(part.number)
            if file.is_file() and sha256_of(file) == part.sha256:
                self.done[part.number] = part
            else:
                self.damaged += 1

    def _write(self) -> None:
        parts = {name_of(number): asdict(self.done[number]) for number in sorted(self.done)}
        content = {"kind": KIND, "format": FORMAT, "whole": not self.left()}
        content |= {"asked": self.asked, "count": self.count, "parts": parts}
        write_text(self.path / MANIFEST, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def check_out(path: Path) -> None:
    """Raise `InputError` if scores cannot lie at a path, before a model is loaded."""
    if path.exists() and not path.is_dir():
        raise InputError("this is a file, and --out is a folder", file=path, hint="name another")
