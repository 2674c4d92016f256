"""``run.json``: what a run is and what its fit came to, for whoever compares runs.

The fit writes it beside ``config.yaml``; nobody needs Weights & Biases to read it back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from graphrec.errors import InputError
from graphrec.files import write_text

NAME = "run.json"
_AGAIN = "delete the folder or fit again"
IDENTITY = ("run", "id", "model", "dataset", "seed", "split_sha256")


class NoRunError(InputError):
    """A folder without a run of graphrec that was judged; among others it is left out."""


def add_to_run_file(folder: Path, said: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
    """Add to what a run says of itself.

    Args:
        folder: Of the run, or of its refit.
        said: Its identity and its configuration, by key; the later value stands.
        summary: Numbers that the fit came to.

    Raises:
        InputError: If the file cannot be written.
    """
    before = _said(folder) if (folder / NAME).is_file() else {}
    numbers = {**before.get("summary", {}), **summary}
    content = {**before, **said, "summary": numbers}
    write_text(folder / NAME, json.dumps(content, indent=1) + "\n")


def read_run_file(folder: Path) -> dict[str, Any]:
    """Read what a run says of itself; of a run of an older version, what its configuration tells.

    Args:
        folder: Of the run, not of its refit.

    Raises:
        InputError: If it is no run of graphrec, or the file is damaged.
    """
    if (folder / NAME).is_file():
        content = _said(folder)
        missing = [key for key in IDENTITY if key not in content]
        if missing:
            what = "says not which run it is of"
            raise InputError(what, file=folder / NAME, column=missing[0], hint=_AGAIN)
        return content
    return _of_older(folder)


def _of_older(folder: Path) -> dict[str, Any]:
    """Derive the identity of a run that has no such file; its test tells the split."""
    file = folder / "config.yaml"
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
        source = config["data"]["init_args"]["source"]
        name, seed = str(config["run"]["name"]), int(config["seed_everything"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise NoRunError("not a run of graphrec", file=folder, hint="leave this folder out") from error
    arguments = source.get("init_args") or {}
    path = arguments.get("path") or arguments.get("folder")
    dataset = arguments.get("name") or (Path(path).name.partition(".")[0] if path else "")
    dataset = dataset or source["class_path"].rpartition(".")[2]
    return {
        "run": name,
        "id": folder.name,
        "model": name.removeprefix(f"{dataset}-"),
        "dataset": dataset,
        "seed": seed,
        "summary": {},
    }


def read_mapping(file: Path, hint: str) -> dict[str, Any]:
    """Read a mapping from a JSON file.

    Args:
        file: The file.
        hint: What to do where it cannot be read.

    Raises:
        InputError: If it is missing or damaged, or holds something else.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read ({error})", file=file, hint=hint) from error
    if not isinstance(content, dict):
        raise InputError("holds no keys with values", file=file, hint=hint)
    return content


def _said(folder: Path) -> dict[str, Any]:
    content = read_mapping(folder / NAME, _AGAIN)
    if not isinstance(content.get("summary", {}), dict):
        raise InputError("is no record of a run", file=folder / NAME, hint=_AGAIN)
    return content
