"""The one exception that means "the user can fix this"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path

MOST_SEED = 2**32 - 1
"""The largest seed that NumPy, scikit-learn, torch and Lightning all take."""
_LARGEST = 1e38
"""Of an argument; beyond it float32 has no numbers."""
MOST_ROUNDS = 10_000
"""Of epochs, trees or iterations within one fit; more would never end."""
MOST_WHOLE = 2**53
"""Of a count; beyond it floating point rounds, and soon no library takes it."""


_NUMPY_SCALAR = re.compile(r"\bnp\.(?:float|int|uint|str|bool)\w*\(([^()]*)\)")
"""``np.float64(5.5)``, as NumPy writes its numbers in a list or with !r."""


def in_one_line(
    message: str,
    *,
    file: str | Path | None = None,
    row: int | None = None,
    column: str | None = None,
    hint: str | None = None,
) -> str:
    """Say where something is, what it is and what to do about it, in one line; see `InputError`."""
    place = [str(file)] if file is not None else []
    place += [f"row {row}"] if row is not None else []
    if column is not None:
        place.append(f"option {column}" if column.startswith("-") else f"column '{column}'")
    text = f"{', '.join(place)}: {message}" if place else message
    text = f"{text}; {hint}" if hint else text
    return " ".join(_NUMPY_SCALAR.sub(r"\1", text).split())


class InputError(ValueError):
    """A mistake in what the user gave: the command prints one line and exits with code 2.

    Args:
        message: What is wrong.
        file: The file it is in.
        row: Line number in that file, the header being line 1.
        column: Column, key or option (with its dashes) the problem is in.
        hint: What to do about it.
        places: How many rows it tells of; more than one where they are only counted.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        row: int | None = None,
        column: str | None = None,
        hint: str | None = None,
        places: int = 1,
    ) -> None:
        self.places = places
        self.message, self.file, self.row, self.column, self.hint = message, file, row, column, hint
        super().__init__(in_one_line(message, file=file, row=row, column=column, hint=hint))


def check_at_least(minimum: float, **values: float) -> None:
    """Raise `InputError` for the first argument below a minimum or not finite, by its name."""
    _check(lambda value: value >= minimum, "small", f"give {minimum:g} or more", values)


def check_above(bound: float, **values: float) -> None:
    """Raise `InputError` for the first argument not above a bound or not finite, by its name."""
    _check(lambda value: value > bound, "small", f"give more than {bound:g}", values)


def check_share(**values: float) -> None:
    """Raise `InputError` for the first argument that is no share from 0 to below 1, by its name."""
    check_at_least(0, **values)
    _check(lambda value: value < 1, "large", "give 0 or more and less than 1", values)


def check_between(minimum: float, maximum: float, **values: float) -> None:
    """Raise `InputError` for the first argument outside of two bounds, both allowed, by its name."""
    hint = f"give {minimum:g} to {maximum:g}"
    _check(lambda value: value >= minimum, "small", hint, values)
    _check(lambda value: value <= maximum, "large", hint, values)


def check_seed(**values: float) -> None:
    """Raise `InputError` for the first argument that no generator of numbers takes, by its name."""
    check_between(0, MOST_SEED, **values)


def check_finite(**values: float) -> None:
    """Raise `InputError` for the first argument that is infinite or not a number, by its name."""
    _check(lambda value: True, "", "give a finite number", values)


def _check(holds: Callable[[float], bool], size: str, hint: str, values: Mapping[str, float]) -> None:
    for name, value in values.items():
        if isinstance(value, int) and abs(value) > MOST_WHOLE:
            size = "large" if value > 0 else "small"
            raise InputError(
                f"a number of {len(str(abs(value)))} digits is too {size}", column=name, hint=hint
            )
        if not isfinite(value):
            raise InputError(f"{value} is not a finite number", column=name, hint=hint)
        if value > _LARGEST:
            raise InputError(f"{value:g} is too large", column=name, hint=f"give {_LARGEST:g} or less")
        if not holds(value):
            raise InputError(f"{value:g} is too {size}", column=name, hint=hint)
