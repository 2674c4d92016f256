"""One thing that a shopper did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """What happened once, however often it is told: the id says whether it is the same.

    Args:
        id: Of this event, up to 128 characters.
        user: Id of the shopper, as text.
        item: Id of the item, as text.
        kind: ``purchase``, ``view``, ``cart``, ``return`` or a name of the shop's own.
        time: Seconds since 1970, UTC.
        quantity: Units; below 0 is a return.
        amount: Money paid for all of them, if known.
        offer: Id of the offer that it answers, if any.
    """

    id: str
    user: str
    item: str
    kind: str = "purchase"
    time: float = 0.0
    quantity: float = 1.0
    amount: float | None = None
    offer: str | None = None

    @property
    def answers(self) -> bool:
        """Whether it takes up the offer that it names, if it names one."""
        return self.kind == "purchase" and self.quantity > 0
