"""Offers of one shopper: the level of each item, what the store books of it, what is then promised."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from graphrec.serving.live.answers import Candidate
from graphrec.serving.offers.levels import Choosing, Made
from graphrec.serving.service.reach import Reach
from graphrec.serving.state.store import Booking


def offer_id(request: str, user: str, item: str) -> str:
    """Name an offer, the same for the same request: it says nothing of the shopper."""
    return f"{_digest(request, user)}{_digest(request, user, item)}"


def _digest(*words: str) -> str:
    text = "\0".join(words).encode()
    return hashlib.sha256(text).hexdigest()[:16]


@dataclass
class Offering:
    """Makes the offers of a shopper.

    Args:
        reach: The store.
        user: Id of the shopper.
        request: Id of the request.
        most: Offers that it may make.
        multiplier: What a unit of spend must bring.
        cap: Offers of the shopper within the horizon; None for no bound.
        money: What is left of the budget, when it was last looked at.
    """

    reach: Reach
    user: str
    request: str
    most: int
    multiplier: float
    cap: int | None
    money: float = inf
    left: int | None = field(default=None, init=False)

    @property
    def _choosing(self) -> Choosing:
        return Choosing(self.multiplier, self.money)

    def make(self, candidates: Sequence[Candidate], preview: bool = False) -> list[Made]:
        """Choose, book and answer: promised items first, then the others at their price.

        Asked again, a request makes no second offer: what it promised stands.

        Raises:
            StoreDown: If the store does not answer.
        """
        booked = self.reach.ask(lambda store: store.booked(self.user))
        again = any(one.id.startswith(_digest(self.request, self.user)) for one in booked)
        room = self._room(booked)
        free = [one for one in candidates if one.item not in {made.item for made in booked}]
        wanted = [] if again else self._choosing.wanted(free)
        made = self._choosing.planned(wanted[:room]) if preview else self._booked(wanted, room)
        promised = len(booked) + (0 if preview else len(made))
        self.left = None if self.cap is None else max(self.cap - promised, 0)
        return self._all(candidates, booked, made)

    def _room(self, booked: Sequence[Booking]) -> int:
        return self.most if self.cap is None else max(min(self.most, self.cap - len(booked)), 0)

    def _booked(self, wanted: Sequence[Candidate], room: int) -> list[Made]:
        """Book item after item until the room is full; where one is refused, a cheaper level is tried."""
        made: list[Made] = []
        for candidate in wanted:
            if len(made) == room:
                break
            booking = self._book(candidate)
            if booking is not None:
                made.append(self._choosing.made(candidate, booking.rate, booking))
        return made

    def _book(self, candidate: Candidate) -> Booking | None:
        """Book the best level, or the next cheaper one that is not refused; give what the store keeps.

        The same request may be answered elsewhere at this moment, at another price of the budget: what the
        store kept first under the id of the offer is what is promised.
        """
        name = offer_id(self.request, self.user, candidate.item)
        for level in self._choosing.levels(candidate):
            booking = Booking(name, self.user, candidate.item, level.rate, level.spend)
            if self.reach.ask(lambda store, one=booking: store.book([one]))[0]:  # type: ignore[misc]
                return booking
            if (kept := self._kept(name)) is not None:
                return kept
        return None

    def _kept(self, name: str) -> Booking | None:
        kept = self.reach.ask(lambda store: store.booked(self.user))
        return next((one for one in kept if one.id == name), None)

    def _all(
        self, candidates: Sequence[Candidate], booked: Sequence[Booking], made: Sequence[Made]
    ) -> list[Made]:
        known = {one.item: one for one in candidates}
        why = "standing: promised before, for the whole horizon"
        standing = [Made(known.get(one.item), one.item, one.rate, one, why=why) for one in booked]
        promised = {one.item for one in (*standing, *made)}
        rest = [Made(one, one.item, 0.0, why=self._choosing.why_none(one)) for one in candidates]
        return [*made, *standing, *(one for one in rest if one.item not in promised)]
