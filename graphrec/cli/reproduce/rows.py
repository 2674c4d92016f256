"""The rows of experiments/reproduce.yaml, each key checked."""

from __future__ import annotations

import dataclasses
import difflib
from pathlib import Path
from typing import Any, get_args

import yaml

from graphrec.cli.reproduce.kinds import Experiment, FusionReproduction, Protocol, Reproduction, Row, Study
from graphrec.cli.shipped import EXPERIMENTS
from graphrec.errors import InputError

ROWS = "reproduce.yaml"
KINDS = {"config": Reproduction, "fusion": FusionReproduction, "script": Study}
"""The key that tells what a row is."""
FIGURES = ("expected", "at_least", "at_most")
CHOICES = {
    "protocol": get_args(Protocol),
    "combine": ("score", "rank"),
    "items": ("all", "repeat", "new"),
    "gate": (True, False),
}


def read_rows(folder: Path = EXPERIMENTS) -> dict[str, Row]:
    """Read the rows by name, in the order of the file.

    Args:
        folder: Holds ``reproduce.yaml`` and the experiments.

    Raises:
        InputError: If the file is missing or a row has a wrong key or value.
    """
    file = folder / ROWS
    if not file.is_file():
        raise InputError(
            "the experiments are not installed", file=file, hint="run from a clone of the project"
        )
    content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    return {name: _row(name, values, file) for name, values in content.items()}


def find_row(rows: dict[str, Row], name: str) -> Row:
    """Find the row of a name.

    Raises:
        InputError: If there is none; names the nearest ones.
    """
    if name not in rows:
        close = difflib.get_close_matches(name, rows, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(close)}?" if close else "see `graphrec reproduce --list`"
        raise InputError(f"there is no reproduction '{name}'", hint=hint)
    return rows[name]


def _row(name: str, values: Any, file: Path) -> Row:
    given = values if isinstance(values, dict) else {}
    kinds = [key for key in KINDS if key in given]
    if len(kinds) != 1:
        what = f"{name} names no experiment" if not kinds else f"{name} has both {' and '.join(kinds)}"
        hint = f"name one of {', '.join(KINDS)}"
        raise InputError(what, file=file, column=kinds[1] if kinds else "config", hint=hint)
    kind, rest = kinds[0], {key: value for key, value in given.items() if key != kinds[0]}
    _check_keys(name, kind, rest, file)
    for key, value in rest.items():
        _check_value(name, key, value, file)
    if kind == "fusion":
        return FusionReproduction(name, _members(name, given[kind], file), **rest)
    path = _below(name, kind, given[kind], file)
    return Study(name, path, **rest) if kind == "script" else Reproduction(name, Experiment(path), **rest)


def _check_keys(name: str, kind: str, rest: dict[str, Any], file: Path) -> None:
    """Refuse unknown and missing keys; `rest` is the row without the key of its kind."""
    known = [one.name for one in dataclasses.fields(KINDS[kind])][2:]  # name and what is run come first
    for key in rest:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join([kind, *known])}"
            raise InputError(f"{name} has an unknown key", file=file, column=key, hint=hint)
    if "protocol" in known and "protocol" not in rest:
        hint = f"write {' or '.join(CHOICES['protocol'])}"
        raise InputError(f"{name} does not say how it was chosen", file=file, column="protocol", hint=hint)


def _check_value(name: str, key: str, value: Any, file: Path) -> None:
    """Check that each value is of the kind that its key asks for."""
    if key in CHOICES:
        right = value in CHOICES[key] and isinstance(value, type(CHOICES[key][0]))
        wanted = " or ".join(str(choice).lower() for choice in CHOICES[key])
    elif key in FIGURES:
        right = isinstance(value, dict) and all(map(_is_number, value.values()))
        wanted = "a number for each figure: {test_auc: 0.755}"
    else:
        whole = key in ("epochs", "trials")
        right = _is_number(value) and value >= 0 and not (whole and value != int(value))
        wanted = "a whole number" if whole else "a number"
    if not right:
        raise InputError(f"{name}: {value!r} is wrong here", file=file, column=key, hint=f"write {wanted}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _below(name: str, kind: str, value: Any, file: Path) -> Path:
    """Find a file of the experiments' folder; whether it exists is asked when it is run."""
    if not isinstance(value, str) or not (file.parent / value).resolve().is_relative_to(
        file.parent.resolve()
    ):
        hint = "give its path relative to this folder"
        what = f"{name}: {value!r} is no file below {file.parent.name}/"
        raise InputError(what, file=file, column=kind, hint=hint)
    return file.parent / value


def _members(name: str, values: Any, file: Path) -> tuple[Experiment, ...]:
    """Read two or more different experiments of one data set."""
    names = values if isinstance(values, list) else [values]
    if len(names) < 2 or len(set(map(str, names))) < len(names):
        hint = "list two or more different ones: [gowalla/a.yaml, gowalla/b.yaml]"
        raise InputError(f"{name} does not name members to fuse", file=file, column="fusion", hint=hint)
    members = tuple(Experiment(_below(name, "fusion", value, file)) for value in names)
    datasets = sorted({member.dataset for member in members})
    if len(datasets) > 1:
        what = f"{name} fuses different data sets: {', '.join(datasets)}"
        raise InputError(what, file=file, column="fusion", hint="fuse experiments of one folder")
    return members
