"""What every store of state promises, whether it lies in a file or on a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from graphrec.serving.state.events import Event


class StoreDown(Exception):
    """The store does not answer, and need not have done what it was asked; by its ids, ask again."""


@dataclass(frozen=True)
class Terms:
    """Within what offers may be made, for one horizon.

    Args:
        name: Of the horizon, as ``2026-W05``; spend is counted by it.
        budget: Money for all offers together; None for no bound.
        price: Multiplier of spend that the export found, above 0; None where no budget binds.
        starts: Seconds since 1970. Offers are booked from then on, by the clock of the store.
        seconds: How long the horizon is. Nothing is booked after its end.
        periods: Into how many parts it is paced. None of these three changes once a horizon has begun.
        max_offers_per_user: Within the horizon; None for no bound.
        stock: Item → units that all offers of the horizon may promise; others have no bound.
    """

    name: str
    budget: float | None
    price: float | None
    starts: float
    seconds: float
    periods: int = 24
    max_offers_per_user: int | None = None
    stock: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Purse:
    """How the money stands.

    Args:
        budget: Of the horizon; None for no bound.
        spent: Of it, booked so far.
        multiplier: What a unit of spend must bring now, see `graphrec.offers.budget.pacing.SpendControl`;
            0 where `Terms.price` is missing.
        period: That runs now, from 0; after the end it is `Terms.periods`.
        offers: How many were booked.
        accepted: How many of them an event answered with a purchase.
    """

    budget: float | None
    spent: float
    multiplier: float
    period: int
    offers: int
    accepted: int


@dataclass(frozen=True)
class Booking:
    """An offer that is about to be made.

    Args:
        id: Of the offer; booked twice, it counts once.
        user: Id of the shopper.
        item: Id of the item.
        rate: Share of the price taken off.
        spend: What it is expected to cost, in money.
        units: That are expected to be sold, taken off the stock.
    """

    id: str
    user: str
    item: str
    rate: float
    spend: float
    units: float = 0.0


class Store(Protocol):
    """Keeps state for all workers. Each method is atomic, and raises `StoreDown` if it cannot be done.

    A service opens one by ``graphrec.serving.state.opening.open_store(url)``. Several threads may ask it at
    once.
    All of them raise `InputError` for what cannot be kept, as an empty id or a number that is not finite.
    Time is that of the store: of the machine for a file, of the server for Redis.
    """

    def open(self, terms: Terms) -> None:
        """Begin a horizon, or go on with the one of that name; its bounds may have changed.

        Raises:
            InputError: If its start, length or periods are not those that it began with.
        """

    def terms(self) -> Terms | None:
        """Give what `open` was told last."""

    def post(self, events: Sequence[Event]) -> list[bool]:
        """Keep events, and count purchases that answer an offer. True for those not told before.

        A purchase answers an offer to the same shopper for the same item. Each offer counts once.
        """

    def history(self, user: str, most: int = 500) -> tuple[Event, ...]:
        """Give the latest events of a shopper, in the order of time."""

    def book(self, offers: Sequence[Booking]) -> list[bool]:
        """Book each offer if budget, stock and the shopper's cap allow it; True for those that are booked.

        An id that is booked already answers True for the same shopper, item and rate, and counts once.

        Raises:
            InputError: If no horizon is open.
        """

    def booked(self, user: str) -> tuple[Booking, ...]:
        """Give the offers of a shopper in this horizon."""

    def purse(self) -> Purse:
        """Tell how the money stands, at the time of now.

        Raises:
            InputError: If no horizon is open.
        """

    def forget(self, user: str) -> int:
        """Remove what is known of a shopper; spend stays counted. Gives the number of events."""

    def close(self) -> None:
        """Let go of files and connections."""
