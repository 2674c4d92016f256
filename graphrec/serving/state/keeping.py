"""How much a store keeps, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from graphrec.errors import check_above, check_between

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
