"""The YAML files on a command line, checked before Lightning sees them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from graphrec.cli.config.yaml_nodes import check_nodes
from graphrec.errors import InputError


def values_of(args: list[str], *options: str) -> list[str]:
    """Find values given to an option, in either of its forms ``--option x`` and ``--option=x``."""
    found = [args[i + 1] for i, arg in enumerate(args[:-1]) if arg in options]
    found += [arg.split("=", 1)[1] for arg in args if arg.split("=", 1)[0] in options and "=" in arg]
    return found


def config_files(args: list[str]) -> list[Path]:
    """List the files after ``-c`` or ``--config``."""
    return [Path(value) for value in values_of(args, "-c", "--config")]


def check_configs(args: list[str]) -> None:
    """Raise `InputError` for a configuration that is missing or no YAML mapping."""
    for file in config_files(args):
        if not file.is_file():
            what = "is a folder, not a YAML file" if file.is_dir() else "there is no such file"
            hint = "check the path, or choose of `graphrec experiments list`"
            raise InputError(what, file=file, column="--config", hint=hint)
        if not isinstance(load_yaml(file), dict):
            raise InputError("holds no mapping of keys to values", file=file, hint="start from a shipped one")


def leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """List each value of a configuration with its dotted key, which begins with `name`."""
    if not isinstance(value, dict | list):
        yield name, value
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield from leaves(item, f"{name}.{key}")


def load_yaml(file: Path) -> Any:
    """Read the content of a YAML file, plain values only.

    Raises:
        InputError: If it is no YAML, or asks for anything but plain values.
    """
    try:
        text = file.read_text(encoding="utf-8")
        check_nodes(yaml.compose(text, Loader=yaml.SafeLoader), file)
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        row = error.problem_mark.line + 1 if error.problem_mark else None
        what = f"not valid YAML: {error.problem}"
        raise InputError(what, file=file, row=row, hint="check indentation and colons") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"not valid YAML: {error}", file=file, hint="save it as UTF-8 text") from error
