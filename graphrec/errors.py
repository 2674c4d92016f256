"""The one exception that means "the user can mend this"."""

from __future__ import annotations

from pathlib import Path


def in_one_line(
    message: str,
    *,
    file: str | Path | None = None,
    row: int | None = None,
    column: str | None = None,
    mend: str | None = None,
) -> str:
    """Where something is, what it is and what to do about it, as one line; see `InputError`."""
    place = [str(file)] if file is not None else []
    place += [f"row {row}"] if row is not None else []
    if column is not None:
        place.append(f"option {column}" if column.startswith("-") else f"column '{column}'")
    text = f"{', '.join(place)}: {message}" if place else message
    text = f"{text}; {mend}" if mend else text
    return " ".join(text.split())


class InputError(ValueError):
    """A mistake in what the user gave: the command prints one line and exits with code 2.

    Args:
        message: What is wrong.
        file: The file it is in.
        row: Line number in that file, the header being line 1.
        column: Column, key or option (with its dashes) the problem is in.
        mend: What to do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        row: int | None = None,
        column: str | None = None,
        mend: str | None = None,
    ) -> None:
        self.message, self.file, self.row, self.column, self.mend = message, file, row, column, mend
        super().__init__(in_one_line(message, file=file, row=row, column=column, mend=mend))


def check_at_least(minimum: float, **values: float) -> None:
    """Raise `InputError` for the first argument below a minimum, by its name."""
    for name, value in values.items():
        if value < minimum:
            raise InputError(f"{value} is too small", column=name, mend=f"give {minimum:g} or more")
