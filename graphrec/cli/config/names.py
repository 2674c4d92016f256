"""Code that a configuration names and may not: found before an import, told by file, row and key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graphrec.cli.config.errors import Mistake
from graphrec.cli.config.locations import COMMAND_LINE, Entry
from graphrec.cli.config.vocabulary import (
    MAY_NAME,
    class_paths,
    is_allowed,
    is_found,
    names_in,
    refused_name,
    set_policy,
)
from graphrec.errors import InputError


def check_given_names(given: Entry, modules: Sequence[str]) -> None:
    """Raise `InputError` for the first ``class_path`` of the user's files and options that is not allowed.

    Args:
        given: What they say.
        modules: Modules that may be named beside the known ones.
    """
    for keys, name in class_paths(given.plain()):
        if not _may_stand(name, modules):
            raise _foreign_to_us(name, _entry(given, keys), ".".join(keys))


def check_checkpoint_names(config: dict[str, Any], file: Path, modules: Sequence[str]) -> None:
    """Raise `InputError` for the first name in a checkpoint's configuration that is not allowed.

    Args:
        config: The configuration.
        file: The checkpoint.
        modules: Modules that may be named beside the known ones.
    """
    for keys, name in class_paths(config):
        if not _may_stand(name, modules):
            raise foreign_name(name, file, ".".join(keys))
    measures = (config["data"].get("init_args") or {}).get("measures")
    for name in names_in([config.get("model"), measures]):  # losses and measures need no class_path
        if not _may_stand(name, modules):
            raise foreign_name(name, file)


def explain_refusal(error: BaseException, given: Entry | None, checkpoint: Path | None) -> InputError | None:
    """Find the mistake behind an error of the parser that did not import a name, or None.

    Args:
        error: What the parser raised.
        given: What the user's files and options say.
        checkpoint: The checkpoint that they stand on.
    """
    name = refused_name(error)
    if name is None or name.endswith((".yaml", ".yml")):  # a file that is not there
        return None
    if given is not None:
        for keys, entry in _leaves(given):
            if any(named == name or named.endswith(f".{name}") for named in names_in(entry.value)):
                return _foreign_to_us(name, entry, ".".join(keys))
    return _foreign_to_us(name, None, None) if checkpoint is None else foreign_name(name, checkpoint)


def foreign_name(name: str, file: Path, key: str | None = None) -> InputError:
    """Write the mistake of a checkpoint that names code it may not."""
    where = f" for {key}" if key else ""
    what = f"this checkpoint names '{name}'{where}, which is not graphrec's"
    return InputError(what, file=file, hint="give --trust to run that code, if you know who made it")


def _foreign_to_us(name: str, entry: Entry | None, key: str | None) -> InputError:
    """Write the mistake of a YAML or an option that names code it may not."""
    place = entry or Entry(None, COMMAND_LINE)
    what = f"'{name}' may not be named here"
    hint = f"name {MAY_NAME}, or a module of the current folder; --trust allows those of other packages"
    if not is_found(name):
        what = f"there is no class '{name}'"
        hint = "modules are looked for in the current folder and in PYTHONPATH"
    return InputError(str(Mistake(place, key or "class_path", what, hint)))


def _may_stand(name: str, modules: Sequence[str]) -> bool:
    set_policy()
    return "." not in name or is_allowed(name) or name.partition(".")[0] in modules


def _entry(given: Entry, keys: tuple[str, ...]) -> Entry:
    """Find the entry at some keys, or the nearest above it."""
    entry = given
    for key in keys:
        entry = entry.keys.get(key, entry)
    return entry


def _leaves(entry: Entry, keys: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Entry]]:
    if not entry.keys:
        return [(keys, entry)]
    return [leaf for key, inside in entry.keys.items() for leaf in _leaves(inside, (*keys, key))]
