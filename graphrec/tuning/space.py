"""A space of settings, read from the ``parameters`` of a W&B sweep file."""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphrec.errors import InputError
from graphrec.tuning.settings import Choice, Range, Setting, combinations

KEYS = ("value", "values", "min", "max", "distribution", "q")
"""What a setting of a file may say."""
_CHOICES = ("constant", "categorical")
_LOG = ("log_uniform_values", "q_log_uniform_values")
DISTRIBUTIONS = (*_CHOICES, "int_uniform", "uniform", "q_uniform", *_LOG)
"""The words of W&B that are known here."""


@dataclass(frozen=True)
class Space:
    """What may be tried.

    Args:
        file: Where it is written.
        settings: One for each key.
        rows: Row of each key in the file.
    """

    file: Path
    settings: tuple[Setting, ...]
    rows: Mapping[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int | None:
        """How many points there are; None if a setting is continuous. One of an empty space."""
        return combinations(self.settings)

    def points(self) -> Iterator[dict[str, Any]]:
        """List all points in the order of the file, the last setting changing first.

        Raises:
            InputError: If a setting is continuous.
        """
        self.check_countable()
        names = [one.key for one in self.settings]
        for values in itertools.product(*(one.values() for one in self.settings)):
            yield dict(zip(names, values, strict=True))

    def check_countable(self) -> None:
        """Raise `InputError` if a setting is continuous."""
        for one in self.settings:
            if one.size is None:
                hint = "list its values, or choose method: random or bayes"
                raise InputError(
                    "a grid cannot hold a continuous range", file=self.file, column=one.key, hint=hint
                )

    def wrong(self, key: str, what: str, hint: str | None) -> InputError:
        """Make the line about a setting that no fit takes."""
        return InputError(what, file=self.file, row=self.rows.get(key), column=key or "parameters", hint=hint)

    def told(self) -> list[str]:
        """Say each setting and the size of the whole, a line each."""
        lines = [f"  {one.key}: {one.told()}" for one in self.settings]
        count = sum(one.size is None for one in self.settings)
        sizes = [str(one.size) for one in self.settings if one.size is not None and one.size > 1]
        fixed = len(self.settings) - count - len(sizes)
        if not self.settings:
            return ["nothing to choose: the default alone"]
        ranges = f"{count} continuous range{'s' * (count > 1)}" if count else ""
        points = f" = {self.size:,}" if self.size is not None and len(sizes) > 1 else ""
        whole = " x ".join(sizes) + (f"{points} points" if self.size is not None else " values")
        name = f"{len(self.settings)} setting{'s' * (len(self.settings) > 1)}"
        parts = [whole if sizes else "", ranges, f"{fixed} fixed" if fixed else ""]
        return [f"{name}: {' and '.join(filter(None, parts))}", *lines]


def space_of(parameters: Any, file: Path, rows: Mapping[str, int]) -> Space:
    """Read the settings of a file.

    Args:
        parameters: What it says below ``parameters``; nested ones are joined by dots.
        file: The file, for a mistake.
        rows: Row of each dotted key.

    Raises:
        InputError: If a setting says nothing that is known, or something that cannot be.
    """
    if not isinstance(parameters, Mapping):
        hint = "write a line per setting, as model.init_args.learning_rate: {min: 0.001, max: 0.1}"
        raise InputError("parameters is no mapping of settings", file=file, column="parameters", hint=hint)
    flat = dict(_flat(parameters, ""))
    places = {key: _Place(file, rows.get(key), key) for key in flat}
    return Space(file, tuple(_setting(key, given, places[key]) for key, given in flat.items()), rows)


def _flat(parameters: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    """Join the names of nested settings by dots, as W&B nests them."""
    for key, given in parameters.items():
        name = f"{above}{key}"
        if (
            isinstance(given, Mapping)
            and set(given) == {"parameters"}
            and isinstance(given["parameters"], Mapping)
        ):
            yield from _flat(given["parameters"], f"{name}.")
        else:
            yield name, given


@dataclass(frozen=True)
class _Place:
    """Where a setting is written."""

    file: Path
    row: int | None
    key: str

    def wrong(self, what: str, hint: str) -> InputError:
        """Make the line about what is written here."""
        return InputError(what, file=self.file, row=self.row, column=self.key, hint=hint)


def _setting(key: str, given: Any, place: _Place) -> Setting:
    if not isinstance(given, Mapping):
        raise place.wrong(
            f"{given!r} says not what may be tried", "write {values: [...]} or {min: ..., max: ...}"
        )
    for name in given:
        if name not in KEYS:
            close = difflib.get_close_matches(str(name), KEYS, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(KEYS)}"
            raise place.wrong(f"there is no key '{name}' in a setting", hint)
    kind = given.get("distribution", _implied(given))
    if kind not in DISTRIBUTIONS:
        close = difflib.get_close_matches(str(kind), DISTRIBUTIONS, n=1, cutoff=0.7)
        hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(DISTRIBUTIONS)}"
        raise place.wrong(f"there is no distribution '{kind}'", hint)
    make = _choice if kind in _CHOICES else _range
    return make(key, given, kind, place)


def _implied(given: Mapping[str, Any]) -> str:
    """Find what W&B takes a setting for that names no distribution."""
    if "value" in given or "values" in given:
        return "constant" if "value" in given else "categorical"
    whole = all(isinstance(given.get(end), int) for end in ("min", "max"))
    return "int_uniform" if whole else "uniform"


def _choice(key: str, given: Mapping[str, Any], kind: str, place: _Place) -> Choice:
    wanted = "value" if kind == "constant" else "values"
    _check_keys(given, (wanted, "distribution"), kind, place)
    values = [given["value"]] if wanted == "value" else given["values"]
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise place.wrong("values is no list of values", "write {values: [0.001, 0.01]}")
    twice = [one for at, one in enumerate(values) if one in values[:at] and _same_kind(one, values[:at])]
    if twice:
        raise place.wrong(f"{twice[0]!r} is there twice", "give each value once")
    return Choice(key, tuple(values))


def _same_kind(one: Any, before: Sequence[Any]) -> bool:
    """Tell whether an equal value before is of the same type: 1 and true are equal to Python."""
    return any(type(one) is type(other) and one == other for other in before)


def _range(key: str, given: Mapping[str, Any], kind: str, place: _Place) -> Range:
    stepped = kind.startswith("q_")
    _check_keys(
        given, ("min", "max", "distribution", *(["q"] if stepped else [])), kind, place, optional=("q",)
    )
    low, high, step = given["min"], given["max"], given.get("q", 1 if stepped else None)
    for name, value in (("min", low), ("max", high), ("q", step)):
        if value is not None and not _is_number(value):
            raise place.wrong(f"{name} {value!r} is no finite number", "write it as 0.001 or 1.0e-3")
    if low >= high:
        raise place.wrong(f"min {low:g} is not below max {high:g}", "exchange them, or give {value: ...}")
    log = kind in _LOG
    if log and low <= 0:
        raise place.wrong(f"min {low:g}: a log range begins above 0", "give a small number, such as 1.0e-6")
    whole = kind == "int_uniform" or (stepped and all(float(one).is_integer() for one in (low, high, step)))
    if log and stepped and not (whole and step == 1):
        raise place.wrong("a log range takes whole steps of 1 alone", "give whole bounds and q: 1, or drop q")
    if kind == "int_uniform" and not all(float(one).is_integer() for one in (low, high)):
        raise place.wrong("int_uniform has whole bounds", "give whole numbers, or choose uniform")
    if step is not None and (step <= 0 or step > high - low):
        raise place.wrong(f"q {step:g} is no step between {low:g} and {high:g}", "give a smaller one above 0")
    return Range(
        key, low, _last(low, high, step, log), whole, log, step if not (whole and step == 1) else None
    )


def _last(low: float, high: float, step: float | None, log: bool) -> float:
    """Give the greatest value that the steps reach."""
    if step is None or log:
        return high
    return low + math.floor((high - low) / step + 1e-9) * step


def _check_keys(
    given: Mapping[str, Any], known: Sequence[str], kind: str, place: _Place, optional: Sequence[str] = ()
) -> None:
    for name in given:
        if name not in known:
            raise place.wrong(
                f"{name} means nothing beside distribution {kind}", f"give {' and '.join(known)}"
            )
    for name in known:
        if name not in given and name not in (*optional, "distribution"):
            raise place.wrong(
                f"{name} is missing", f"give {' and '.join(one for one in known if one != 'distribution')}"
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
