"""A scenario's YAML file: which keys it may have, and what each of them holds."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from graphrec.data.tables.read import TextFormat
from graphrec.errors import InputError
from graphrec.offers.levels import check_levels
from graphrec.offers.limits.calendar_files import read_calendar
from graphrec.offers.scenarios import FOLDER, RULES, SCENARIO_NAMES, WORTH, Scenario

KEYS = [field.name for field in dataclasses.fields(Scenario)]


@lru_cache
def scenario_named(name: str) -> Scenario:
    """Read the scenario of that name from the package's own file.

    Raises:
        InputError: If there is none.
    """
    if name not in SCENARIO_NAMES:
        hint = f"choose one of {', '.join(SCENARIO_NAMES)}, or give a YAML file"
        raise InputError(f"there is no scenario '{name}'", column="scenario", hint=hint)
    return read_scenario(FOLDER / f"{name}.yaml")


def scenario_of(name_or_file: str) -> Scenario:
    """Read a scenario by its name, or from a YAML file of one's own.

    Raises:
        InputError: If there is none, or the file is wrong.
    """
    if name_or_file.endswith((".yaml", ".yml")):
        return read_scenario(Path(name_or_file))
    return scenario_named(name_or_file)


def read_scenario(path: Path) -> Scenario:
    """Read a scenario's YAML; the tables that it names are looked for beside it.

    Raises:
        InputError: If the file is missing, a key is not known, or a value has the wrong form.
    """
    if not path.is_file():
        raise InputError(
            "there is no such file", file=path, column="--scenario", hint="see experiments/offers"
        )
    try:
        keys = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:  # of no encoding, or of no day such as 2026-13-01
        raise InputError(f"this is not YAML ({error})", file=path) from error
    if not isinstance(keys, dict) or not _is_name(keys.get("name")):
        hint = "start with `name:` and what the scenario is called"
        raise InputError("this is no scenario", file=path, column="name", hint=hint)
    given = {str(key): _checked(str(key), value, path) for key, value in keys.items()}
    if "calendar" in given:
        text = TextFormat(given.get("delimiter"), encoding=given.get("encoding"))
        given["calendar"] = read_calendar(given["calendar"], path, given.get("columns", {}), text)
    found = Scenario(**given)
    _check_together(found, path)
    return found


def _is_name(value: Any) -> bool:
    """Tell whether it can be a name: 618 is one, too."""
    return isinstance(value, str | int) and not isinstance(value, bool) and bool(str(value).strip())


def _checked(key: str, value: Any, path: Path) -> Any:
    """Bring a value of the file into the form that the class wants."""
    if key not in KEYS:
        close = difflib.get_close_matches(key, KEYS, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(sorted(KEYS))}"
        raise InputError("a scenario has no such key", file=path, column=key, hint=hint)
    read, hint = _FORMS.get(key, (_number, "give a number of 0 or more"))
    try:
        return read(value, path)
    except ValueError as error:
        raise InputError(f"{value!r} is not a value", file=path, column=key, hint=hint) from error


def _check_together(scenario: Scenario, path: Path) -> None:
    """Refuse keys that do not go together."""
    if scenario.worth > 0 and scenario.rule not in WORTH:
        what = f"the scenario {scenario.rule} knows no worth of a unit"
        raise InputError(what, file=path, column="worth", hint=f"it is {' or '.join(WORTH)} that do")
    if scenario.launch is None:
        return
    if scenario.rule not in ("promotion", "launch"):
        what = f"nobody has bought what was never sold, so a scenario like {scenario.rule} has none of it"
        raise InputError(what, file=path, column="launch", hint="write like: launch, or like: promotion")
    if scenario.pairs == "seen":
        what, hint = "nobody has bought what was never sold", "write pairs: new, or leave it out"
        raise InputError(what, file=path, column="pairs", hint=hint)
    other = next((key for key in ("include", "overstock") if getattr(scenario, key) is not None), None)
    if other is not None:
        what = f"launch lists all items that are meant, and {other} is about items that were sold"
        raise InputError(what, file=path, column=other, hint="leave one of the two out")


def _number(value: Any, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < np.inf:
        raise ValueError(value)
    return float(value)


def _share(value: Any, path: Path) -> float:
    if not 0 < (share := _number(value, path)) < 1:
        raise ValueError(value)
    return share


def _stock(value: Any, path: Path) -> float | None:
    """Read how often the stock has to hold what is expected to sell; `true` is once."""
    if isinstance(value, bool):
        return 1.0 if value else None
    return _number(value, path)


def _levels(value: Any, path: Path) -> tuple[float, ...]:
    if not isinstance(value, list) or not all(isinstance(one, int | float) for one in value):
        raise ValueError(value)
    levels = tuple(float(one) for one in value)
    try:
        check_levels(levels)
    except InputError as error:
        raise ValueError(value) from error
    return levels


def _table(value: Any, path: Path) -> Path | str:
    """Read the name of a table, which is looked for beside the scenario; a database has an address."""
    text = _text(value, path)
    return text if "://" in text else path.parent / text


def _text(value: Any, path: Path) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(value)
    return value


def _calendar(value: Any, path: Path) -> Any:
    return _table(value, path) if isinstance(value, str) else value


def _mapping(value: Any, path: Path) -> Mapping[str, str | None]:
    if not isinstance(value, dict):
        raise ValueError(value)
    return {str(ours): None if theirs is None else str(theirs) for ours, theirs in value.items()}


def _one_of(*names: str) -> Callable[[Any, Path], str]:
    def read(value: Any, path: Path) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError(value)
        return str(value)

    return read


_TABLE = (_table, "name a table beside this file, as items.csv")
_FORMS: dict[str, tuple[Callable[[Any, Path], Any], str]] = {
    "name": (lambda value, path: str(value), ""),
    "about": (lambda value, path: str(value), ""),
    "like": (_one_of(*RULES), f"give one of {', '.join(RULES)}"),
    "pairs": (_one_of("all", "seen", "new"), "give all, seen or new"),
    "salvage": (_share, "give a share, as 0.3"),
    "max_rate": (_share, "give a share, as 0.3"),
    "levels": (_levels, "list increasing rates that start with 0, as [0, 0.1, 0.2]"),
    "overstock": (_stock, "write true, or how often the stock holds what is expected to sell, as 1.5"),
    **dict.fromkeys(("include", "exclude", "users", "launch"), _TABLE),
    "calendar": (_calendar, ""),
    "columns": (_mapping, "write names that differ, as {item_id: sku}"),
    "delimiter": (_text, 'write it in quotes, as ";"'),
    "encoding": (_text, "give the name of an encoding, as gbk"),
}
