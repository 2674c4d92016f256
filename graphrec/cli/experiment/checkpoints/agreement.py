"""Whether a command line agrees with the checkpoint that it stands on: if not, it is refused by key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphrec.cli.config.errors import Mistake
from graphrec.cli.config.locations import COMMAND_LINE, Entry
from graphrec.cli.experiment.checkpoints.config import Basis
from graphrec.errors import InputError

COMPARED = ("model", "data", "seed_everything")
OF_A_FIT = ("run.name", "run.monitor")
"""What a fit that goes on must not change, either: its folder and what its best checkpoint is."""
MAY_CHANGE = tuple(
    f"data.init_args.{key}"
    for key in (
        "batch_size",
        "eval_batch_size",
        "cutoffs",
        "measures",
        "cache",
        "strict",
        # data may have moved; the fingerprint of the split tells whether it is the same
        "source.init_args.path",
        "source.init_args.valid_path",
        "source.init_args.test_path",
        "source.init_args.users",
        "source.init_args.items",
    )
)
IN_A_TEST = ("data.init_args.item_sets",)
"""What may change in what is measured; in a fit it would change what is watched."""
_MISSING = object()
_READ_FROM = "__path__"
"""Where jsonargparse notes which file a group was read from: ``data: data.yaml``."""


def check_agreement(basis: Basis, own: dict[str, Any], both: dict[str, Any]) -> None:
    """Raise `InputError` for the first key whose value is not the checkpoint's.

    Args:
        basis: The command line and the checkpoint.
        own: The checkpoint's configuration, parsed.
        both: The same with the user's files and options on top, parsed.
    """
    found = [key for key in _different(own, both) if not _may_change(key, basis.args[0], own)]
    if not found:
        return
    first, more = found[0], len(found) - 1
    entry = _entry(basis.given, first)
    ours = entry.plain() if entry is not None and not entry.keys else _at(both, first)
    what = f"{_told(ours)} here, {_told(_at(own, first))} in the checkpoint {basis.checkpoint}"
    what += f" (and {more} more: {', '.join(found[1:4])})" if more else ""
    hint = "leave it out, then the checkpoint's value counts, or fit again with it"
    raise InputError(str(Mistake(entry or Entry(None, COMMAND_LINE), first, what, hint)))


def _different(own: Any, both: Any, place: str = "") -> Iterator[str]:
    """Find the keys of the leaves that differ; of another class, only its name."""
    if not (isinstance(own, dict) and isinstance(both, dict)):
        if own != both:
            yield place
        return
    if own.get("class_path") != both.get("class_path"):
        yield f"{place}.class_path"
        return
    for key in dict.fromkeys([*both, *own]):
        if key != _READ_FROM and (place or key in (*COMPARED, "run")):
            below = own.get(key, _MISSING), both.get(key, _MISSING)
            yield from _different(*below, f"{place}.{key}" if place else key)


def _may_change(key: str, command: str, own: dict[str, Any]) -> bool:
    if key.startswith("run."):
        return command != "fit" or key not in OF_A_FIT
    if key == "data.init_args.refit" and _at(own, key) is True:
        return True  # the YAML of a fit tests its refit; what the checkpoint says is kept
    allowed = MAY_CHANGE if command == "fit" else (*MAY_CHANGE, *IN_A_TEST)
    return key.startswith(allowed)


def _entry(given: Entry, key: str) -> Entry | None:
    """Find where the user wrote a key; ``init_args`` may have been left out."""
    entry = given
    for part in key.split("."):
        inside = entry.keys
        if part in inside:
            entry = inside[part]
        elif part == "class_path" and isinstance(entry.value, str):
            return entry
        elif part != "init_args":
            return None
    return entry


def _at(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config.get(part, _MISSING) if isinstance(config, dict) else _MISSING
    return config


def _told(value: Any) -> str:
    return "nothing" if value is _MISSING else repr(value)
