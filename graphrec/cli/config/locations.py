"""A configuration with the place of each value: rows of YAML files, and command-line options on top."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from graphrec.cli.config.files import config_files, load_yaml
from graphrec.cli.config.moved import renamed
from graphrec.errors import InputError

CONFIG_OPTIONS = ("-c", "--config")
COMMAND_LINE = "command line"
"""What stands in the place of a file for options."""


@dataclass
class Entry:
    """A value and where it was written.

    Args:
        value: A scalar, a list of values, or a dict of entries.
        file: The YAML file, or ``command line``.
        row: Row in that file.
    """

    value: Any
    file: str
    row: int | None = None

    @property
    def keys(self) -> dict[str, Entry]:
        """The entries of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    def plain(self) -> Any:
        """Give the value without places."""
        return {key: entry.plain() for key, entry in self.keys.items()} if self.keys else self.value


def read_entries(args: list[str]) -> Entry:
    """Read what the files and options of a command line say together; a later one wins."""
    files = config_files(args)
    whole = Entry({}, str(files[0]) if files else COMMAND_LINE)
    for file in files:
        _merge(whole, read_yaml(file))
    for key, text in _options(args):
        _merge(whole, _nested(key, text))
    return whole


def read_yaml(file: Path, within: tuple[Path, ...] = ()) -> Entry:
    """Read the entries of a YAML file; a value that names another YAML file becomes its content.

    Args:
        file: The file.
        within: The files that lead to it.

    Raises:
        InputError: If a file names itself or is no YAML.
    """
    if file.resolve() in within:
        raise InputError("this file names itself", file=file, hint="name each file once")
    load_yaml(file)
    node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    return followed(_entry(node, str(file), 1), file.parent, (*within, file.resolve()))


def followed(entry: Entry, folder: Path, within: tuple[Path, ...] = ()) -> Entry:
    """Fill an entry with the content of the YAML files that it names, at any depth."""
    if entry.keys:
        inside = {key: followed(value, folder, within) for key, value in entry.keys.items()}
        return Entry(inside, entry.file, entry.row)
    named = entry.value if isinstance(entry.value, str) else ""
    if named.endswith((".yaml", ".yml")) and (folder / named).is_file():
        return read_yaml(folder / named, within)
    return entry


def _entry(node: yaml.Node | None, file: str, row: int) -> Entry:
    if isinstance(node, yaml.MappingNode):
        pairs = ((key.value, value, key.start_mark.line + 1) for key, value in node.value)
        return Entry({str(key): _entry(value, file, at) for key, value, at in pairs}, file, row)
    loader = yaml.SafeLoader("")
    value = None if node is None else loader.construct_object(node, deep=True)
    return Entry(renamed(value), file, row)


def _options(args: list[str]) -> Iterator[tuple[str, str]]:
    """List a command line's options and values, in either form; what is added to a list is left out."""
    added = tuple(arg.partition("=")[0].removesuffix("+") for arg in args if "+=" in arg)
    for i, arg in enumerate(args):
        key, equals, value = arg.partition("=")
        if not key.startswith("--") or key in CONFIG_OPTIONS or key.startswith(added):
            continue
        if not equals and i + 1 < len(args) and not args[i + 1].startswith("--"):
            value = args[i + 1]
        yield key.removeprefix("--"), value


def _nested(dotted: str, text: str) -> Entry:
    """Nest entries inside each other, for ``model.init_args.l2`` and ``0.1``."""
    try:
        given = _entry(yaml.compose(text, Loader=yaml.SafeLoader), COMMAND_LINE, 1)
    except yaml.YAMLError:
        given = Entry(text, COMMAND_LINE)
    entry = followed(_without_rows(given), Path())
    for key in reversed(dotted.split(".")):
        entry = Entry({key: entry}, COMMAND_LINE)
    return entry


def _without_rows(entry: Entry) -> Entry:
    """Give the same on the command line, which has no rows."""
    if not entry.keys:
        return Entry(entry.value, entry.file)
    return Entry({key: _without_rows(one) for key, one in entry.keys.items()}, entry.file)


def _merge(whole: Entry, later: Entry) -> None:
    for key, entry in later.keys.items():
        old = whole.value.get(key)
        if old is not None and old.keys and entry.keys:
            _merge(old, entry)
        elif old is not None and isinstance(old.value, str) and entry.keys and "class_path" not in entry.keys:
            whole.value[key] = Entry({"class_path": old, **entry.keys}, entry.file)  # --optimizer.lr 0.1
        elif old is not None and old.keys and "class_path" in old.keys and isinstance(entry.value, str):
            old.value["class_path"] = entry  # --model.init_args.encoder LightGCN
        else:
            whole.value[key] = entry
