"""Which period of a horizon runs, and what a unit of spend must bring in it: one rule for all stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphrec.errors import InputError
from graphrec.offers.budget.pacing import paced
from graphrec.serving.state.store import Purse, Terms


@dataclass(frozen=True)
class Account:
    """What a store has counted within a horizon.

    Args:
        spent: Money booked.
        offers: How many were booked.
        accepted: How many of them were answered with a purchase.
        last: The latest period in which one was booked.
        ends: Period → all that was spent by its end, where an offer was booked in it.
    """

    spent: float
    offers: int
    accepted: int
    last: int
    ends: Mapping[int, float]

    def purse(self, terms: Terms, now: float) -> Purse:
        """Tell how the money stands; a clock that goes back does not bring a period back."""
        period = max(period_of(terms, now), self.last)
        multiplier = 0.0
        if terms.budget is not None and terms.price is not None:
            multiplier = paced(terms.price, terms.budget, terms.periods, self._spent_by_end(period))
        return Purse(terms.budget, self.spent, multiplier, period, self.offers, self.accepted)

    def _spent_by_end(self, periods: int) -> Iterator[float]:
        spent = 0.0
        for period in range(periods):
            spent = self.ends.get(period, spent)
            yield spent


def period_of(terms: Terms, now: float) -> int:
    """Give the number of the period that runs: 0 up to the first, `Terms.periods` after the end."""
    passed = (now - terms.starts) * terms.periods / terms.seconds
    return int(min(max(passed, 0.0), terms.periods))


def runs(terms: Terms, now: float) -> bool:
    """Tell whether offers may be booked now."""
    return terms.starts <= now < terms.starts + terms.seconds


def check_same_time(terms: Terms, before: Terms) -> None:
    """Refuse to move a horizon that has begun: what its periods have spent would belong to others.

    Raises:
        InputError: If start, length or number of periods differ.
    """
    for name in ("starts", "seconds", "periods"):
        new, old = getattr(terms, name), getattr(before, name)
        if new != old:
            hint = f"give {old}, or the horizon a new name"
            raise InputError(f"horizon {terms.name!r} began with {old}, not {new}", column=name, hint=hint)


def none_open() -> InputError:
    """Say that there is no horizon yet."""
    return InputError("no horizon is open in the store", hint="open(Terms(...)) begins one")
