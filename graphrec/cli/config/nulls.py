"""``--model.init_args.x null`` on the command line, as in a YAML.

jsonargparse hands an option below a class on as text, in which null becomes the word ``None``. What holds a
null is therefore written as a mapping under its group, which it takes as it is.
"""

from __future__ import annotations

import math
from typing import Any

import yaml

from graphrec.errors import InputError

_GROUPS = ("data", "model", "optimizer", "lr_scheduler")


def spelled_out(args: list[str]) -> list[str]:
    """Write options of the command line that hold a null as mappings under their groups."""
    found: list[str] = []
    rest = list(args)
    while rest:
        option, equals, text = rest.pop(0).partition("=")
        if not equals and _is_nested(option) and rest and not rest[0].startswith("--"):
            found += _mapped(option, rest.pop(0)) or [option, args[len(args) - len(rest) - 1]]
        else:
            whole = f"{option}{equals}{text}"
            found += (_mapped(option, text) if equals and _is_nested(option) else []) or [whole]
    return found


def check_named(settings: Any) -> None:
    """Refuse a null where a class or a function must be named; the parser takes it for one.

    Raises:
        InputError: If the model has none.
    """
    given = settings.model.get("init_args") or {}
    for key in ("encoder", "recommender"):
        if key in given and given[key] is None:
            raise InputError("null names nothing", column=f"model.{key}", hint="leave the key out")


def _is_nested(option: str) -> bool:
    group, _, key = option.removeprefix("--").partition(".")
    return option.startswith("--") and group in _GROUPS and bool(key) and not option.endswith("+")


def _mapped(option: str, text: str) -> list[str]:
    """Write the option as a mapping; nothing where its value holds no null."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return []
    if not _holds_null(value):
        return []
    group, *keys = option.removeprefix("--").split(".")
    for key in reversed(keys):
        value = {key: value}
    return [f"--{group}", yaml.safe_dump(value, default_flow_style=True, width=math.inf).strip()]


def _holds_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_null, value.values()))
    if isinstance(value, list):
        return any(map(_holds_null, value))
    return value is None or (isinstance(value, float) and not math.isfinite(value))
