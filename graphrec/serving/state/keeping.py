"""How much a store keeps, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from graphrec.errors import InputError, check_above, check_between

DAY = 86_400.0


@dataclass(frozen=True)
class Keeping:
    """Bounds of what is kept; days count from when the store was told.

    Args:
        events: The latest so many of each shopper.
        history_days: For so long after a shopper's latest event.
        id_days: For so long an event that is told again is known by its id.
        horizon_days: For so long after the end of a horizon its offers are kept.
    """

    events: int = 500
    history_days: float = 365.0
    id_days: float = 7.0
    horizon_days: float = 28.0

    def __post_init__(self) -> None:
        """Check each."""
        check_between(1, 1_000_000, events=self.events)
        check_above(0, history_days=self.history_days, horizon_days=self.horizon_days)
        check_between(1, 366, id_days=self.id_days)

    @classmethod
    def of(cls, options: Iterable[tuple[str, str]]) -> Keeping:
        """Read what stands behind the question mark of an address; other names are passed over.

        Raises:
            InputError: If one is no number, or outside its range.
        """
        told: dict[str, float] = {}
        for name, text in options:
            if name in KEPT:
                try:
                    told[name] = int(text) if name == "events" else float(text)
                except ValueError:
                    raise InputError(f"{text!r} is no number", column=name, hint=f"give {name}=30") from None
        return cls(int(told.pop("events", cls.events)), **told)


KEPT = tuple(field.name for field in fields(Keeping))
"""The names of its options in an address."""
