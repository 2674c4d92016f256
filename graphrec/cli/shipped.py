"""The files that come with graphrec: experiments, sweeps, studies, benchmarks; and what a name means."""

from __future__ import annotations

import difflib
from pathlib import Path

from graphrec.errors import InputError
from graphrec.notices import note

_PACKAGE = Path(__file__).parents[1]
_INSTALLED = _PACKAGE / "experiments"
EXPERIMENTS = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "experiments"
"""Their folder: in the package where it was installed, beside it in a clone of the project."""
SUFFIXES = (".yaml", ".py")
ALL = "all"
_CONFIGS = ("-c", "--config", "--data", "--model", "--trainer")
"""Options of a fit that may name a YAML file."""


def names(folder: Path = EXPERIMENTS) -> list[str]:
    """List the files by the names that ``-c`` takes: ``complete_journey/lightgcn.yaml``."""
    files = (file for file in folder.rglob("*") if file.suffix in SUFFIXES)
    return sorted(file.relative_to(folder).as_posix() for file in files)


def path_of(name: str) -> Path | None:
    """Find a shipped file, None if there is none; the name may begin with ``experiments/``, as in a clone."""
    file = EXPERIMENTS / name.removeprefix("./").removeprefix(f"{EXPERIMENTS.name}/")
    inside = file.is_relative_to(EXPERIMENTS) and ".." not in file.parts
    return file if inside and file.suffix in SUFFIXES and file.is_file() else None


def with_shipped(args: list[str]) -> list[str]:
    """Put the path of a shipped file where a command line names one and there is no file of that name.

    Args:
        args: The command and its options.
    """
    found = list(args)
    for place, arg in enumerate(args):
        option, equals, value = arg.partition("=")
        if option in _CONFIGS and equals:
            found[place] = f"{option}={_present(value)}"
        elif place and args[place - 1] in _CONFIGS:
            found[place] = _present(arg)
    return found


def _present(name: str) -> str:
    if not name.endswith(SUFFIXES) or Path(name).exists() or (file := path_of(name)) is None:
        return name
    note(f"{name}: the one that comes with graphrec")
    return str(file)


def chosen(name: str) -> list[str]:
    """Find what a name stands for: a file with the YAML files that it names, a folder, or all.

    Raises:
        InputError: If nothing is called so; names the nearest.
    """
    known = names()
    wanted = name.removeprefix("./").removeprefix(f"{EXPERIMENTS.name}/").rstrip("/")
    if wanted == ALL:
        return known
    found = [one for one in known if one == wanted or one.startswith(f"{wanted}/")]
    if not found:
        close = difflib.get_close_matches(wanted, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else "see `graphrec experiments list`"
        raise InputError(f"no experiment is called '{name}'", hint=hint)
    needed = [needed for one in found for needed in _named_in(EXPERIMENTS / one)]
    return list(dict.fromkeys([*found, *needed]))


def _named_in(file: Path) -> list[str]:
    """List the shipped YAML files that a YAML file stands on, at any depth."""
    if file.suffix != ".yaml":
        return []
    from graphrec.cli.config.files import leaves, load_yaml

    inside = [file.parent / text for _, text in leaves(load_yaml(file), "") if isinstance(text, str)]
    files = [one for one in inside if one.suffix == ".yaml" and one.is_file()]
    own = [one.relative_to(EXPERIMENTS).as_posix() for one in files]
    return [*own, *(name for one in files for name in _named_in(one))]
