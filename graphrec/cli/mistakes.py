"""A mistake in a configuration, told in one line: file, row, key and the mend."""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
from pathlib import Path

from graphrec.cli.configs import config_files


def explain(error: Exception, args: list[str]) -> str:
    """Shorten jsonargparse's message to the part that matters and find the place in the YAML.

    Args:
        error: What the parser raised.
        args: The command line.
    """
    text = str(error)
    key, what, mend = _unknown_option(text) or _unknown_class(text) or _other(text)
    file, row = _place(key, args)
    place = ", ".join(part for part in (file, row, f"key '{key}'" if key else "") if part)
    return " ".join(f"{place}: {what}; {mend}".removeprefix(": ").split())


def _unknown_option(text: str) -> tuple[str, str, str] | None:
    match = re.search(r"[Oo]ption '([\w.\-]+)' is not accepted", text) or re.search(
        r"(?:Key|Unrecognized arguments:|unrecognized arguments:) '?(?:--)?([\w.\-]+)'?", text
    )
    if match is None:
        return None
    key = match[1].rsplit(".", 1)[-1].split("=")[0]
    owner = re.findall(r"class_path '([\w.]+)'", text)
    known = _parameters(owner[-1]) if owner else []
    close = difflib.get_close_matches(key, known, n=1)
    where = f" by {owner[-1].rsplit('.', 1)[-1]}" if owner else ""
    mend = f"did you mean '{close[0]}'?" if close else f"it takes {', '.join(known) or 'other keys: see --help'}"
    return key, f"this key is not accepted{where}", mend


def _unknown_class(text: str) -> tuple[str, str, str] | None:
    match = re.search(r"(?:Import path|class path|class name|class_path|Problem with given class_path) '?([\w.]+)'?[^\n]*", text)
    named = re.findall(r"""["']class_path["']: ["']([\w.]+)["']""", text)
    unresolved = re.search(r"(?:[Uu]nable to|[Nn]o module|does not correspond|not a subclass|has no attribute|[Ee]xpected)", text)
    name = named[-1] if named else (match[1] if match else None)
    if name is None or unresolved is None or _importable(name):
        return None
    import graphrec.models as models

    close = difflib.get_close_matches(name.rsplit(".", 1)[-1], _class_names(models), n=1)
    mend = f"did you mean '{close[0]}'?" if close else "give a class name or its full import path"
    return name, f"there is no class '{name}'", mend


def _other(text: str) -> tuple[str, str, str]:
    match = re.search(r'[Kk]ey "([\w.]+)"', text)
    key = match[1].rsplit(".", 1)[-1] if match else ""
    return key, text.strip() or "the configuration is not valid", "see `graphrec fit --help`"


def _class_names(models: object) -> list[str]:
    from graphrec import training
    from graphrec.data import splits

    owners = (models, training, splits)
    return sorted({name for owner in owners for name, _ in inspect.getmembers(owner, inspect.isclass)})


def _importable(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), attribute) if module else False
    except ImportError:
        return False


def _parameters(class_path: str) -> list[str]:
    module, _, attribute = class_path.rpartition(".")
    try:
        owner = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError):
        return []
    return [name for name in inspect.signature(owner).parameters if name not in ("self", "graph")]


def _place(key: str, args: list[str]) -> tuple[str, str]:
    """The YAML file and the row in which a key or a class name stands."""
    files = config_files(args)
    for file in [*files, *_named_by(files)]:
        for row, line in enumerate(_lines(file), start=1):
            if key and re.search(rf"(^|[\s{{,'\".]){re.escape(key)}\s*(:|['\"]|,|}}|$)", line.split("#")[0]):
                return str(file), f"row {row}"
    if any(arg.lstrip("-").split("=")[0].endswith(key) for arg in args if arg.startswith("--")) and key:
        return "command line", ""
    return (str(files[0]), "") if files else ("command line", "")


def _named_by(files: list[Path]) -> list[Path]:
    """YAML files that the given ones refer to, such as ``data: data.yaml``."""
    found = []
    for file in files:
        for line in _lines(file):
            match = re.match(r"\w+:\s*([\w./\-]+\.ya?ml)\s*$", line)
            if match and (file.parent / match[1]).is_file():
                found.append(file.parent / match[1])
    return found


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


