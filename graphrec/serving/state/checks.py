"""What no store takes: ids that are none, numbers that are not finite, horizons that cannot be paced."""

from __future__ import annotations

from collections.abc import Sequence

from graphrec.errors import (
    MOST_ROUNDS,
    InputError,
    check_above,
    check_at_least,
    check_between,
    check_finite,
)
from graphrec.offers.budget.budgets import check_budget
from graphrec.serving.state.events import Event
from graphrec.serving.state.store import Booking, Terms

MOST_ID = 128
"""Characters of the id of an event or offer."""
_MOST_NAME = 1024
"""Characters of the id of a user or item, of a kind and of a horizon's name."""


def check_events(events: Sequence[Event]) -> None:
    """Refuse events that cannot be kept.

    Raises:
        InputError: That names the field of the first.
    """
    for event in events:
        _check_text("id", event.id, MOST_ID)
        for name in ("user", "item", "kind"):
            _check_text(name, getattr(event, name))
        check_finite(time=event.time, quantity=event.quantity)
        if event.amount is not None:
            check_finite(amount=event.amount)
        if event.offer is not None:
            _check_text("offer", event.offer, MOST_ID)


def check_user(user: str) -> None:
    """Refuse an id that no shopper can have.

    Raises:
        InputError: If it is none.
    """
    _check_text("user", user)


def check_bookings(offers: Sequence[Booking]) -> None:
    """Refuse offers that cannot be booked, whatever the budget.

    Raises:
        InputError: That names the field of the first.
    """
    for offer in offers:
        _check_text("id", offer.id, MOST_ID)
        _check_text("user", offer.user)
        _check_text("item", offer.item)
        check_between(0, 1, rate=offer.rate)
        check_at_least(0, spend=offer.spend, units=offer.units)


def check_terms(terms: Terms) -> None:
    """Refuse a horizon that cannot be paced.

    Raises:
        InputError: That names the field.
    """
    _check_text("name", terms.name)
    check_finite(starts=terms.starts)
    check_above(0, seconds=terms.seconds)
    check_between(1, MOST_ROUNDS, periods=terms.periods)
    if terms.budget is not None:
        check_budget(terms.budget)
        check_finite(budget=terms.budget)
    if terms.price is not None:
        check_above(0, price=terms.price)
        if terms.budget is None:
            hint = "give the budget, or leave the price out"
            raise InputError("a price of budget needs a budget", column="price", hint=hint)
    if terms.max_offers_per_user is not None:
        check_at_least(0, max_offers_per_user=terms.max_offers_per_user)
    for item, units in terms.stock.items():
        _check_text("stock", item)
        check_at_least(0, stock=units)


def _check_text(column: str, text: str, most: int = _MOST_NAME) -> None:
    if not text:
        raise InputError("it is empty", column=column, hint=f"give 1 to {most} characters")
    if len(text) > most:
        raise InputError(f"it has {len(text)} characters", column=column, hint=f"give {most} or fewer")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("it is no Unicode text", column=column, hint="send UTF-8") from None
