"""What stands behind the question mark of an address."""

from __future__ import annotations

from urllib.parse import parse_qsl

from graphrec.errors import InputError


def options_of(query: str, known: tuple[str, ...], column: str) -> tuple[tuple[str, str], ...]:
    """Read options of an address.

    Args:
        query: What stands behind its question mark.
        known: Names that may be given.
        column: What messages call the address.

    Raises:
        InputError: If one is not known, or has no value.
    """
    hint = f"known are {', '.join(known)}"
    try:
        found = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise InputError(f"{query!r} is no option of it", column=column, hint=hint) from None
    for name, value in found:
        if name not in known:
            raise InputError(f"{name!r} is no option of it", column=column, hint=hint)
        if not value:
            raise InputError(
                f"{name}= has no value", column=column, hint=f"write {name}=..., or leave it out"
            )
    return tuple(found)
