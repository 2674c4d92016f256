"""Offers of one shopper: the level of each item, what the store books of it, what is then promised."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from graphrec.serving.live.answers import Candidate, Level
from graphrec.serving.service.reach import Reach
from graphrec.serving.state.store import Booking


@dataclass(frozen=True)
class Made:
    """An item with its rate, and the offer that promises it, if one does.

    Args:
        candidate: Has item, price and levels; None if it was promised and is no candidate any more.
        item: Id.
        rate: Share of the price taken off.
        booking: The promise.
        fresh: Whether it was made now.
        why: Code and words, as in an offers table.
    """

    candidate: Candidate | None
    item: str
    rate: float
    booking: Booking | None = None
    fresh: bool = False
    why: str = ""


def paying(candidate: Candidate, multiplier: float, money: float = inf) -> list[Level]:
    """List the discounts that bring more than none does, dearest first, from the best one down.

    The first is the ``argmax`` of value − multiplier · spend over the levels, and the lower rate if two are
    equal. Those after it are cheaper: they are for a store that refuses it.

    Args:
        candidate: The item and its levels.
        multiplier: What a unit of spend must bring.
        money: What is left; a level that costs more would be refused.
    """
    nets = [level.value - multiplier * level.spend for level in candidate.levels]
    if not nets:
        return []
    best = nets.index(max(nets))
    cheaper = [at for at in range(best, 0, -1) if nets[at] > nets[0]]
    return [candidate.levels[at] for at in cheaper if candidate.levels[at].spend <= money]


def in_order(candidates: Sequence[Candidate], multiplier: float) -> list[Candidate]:
    """Sort by what the best level brings beyond none, most first; those without a discount come last."""

    def gain(candidate: Candidate) -> float:
        nets = [level.value - multiplier * level.spend for level in candidate.levels]
        return max(nets) - nets[0] if nets else 0.0

    return sorted(candidates, key=gain, reverse=True)


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
        wanted = [] if again else [one for one in in_order(free, self.multiplier) if self._levels(one)]
        made = self._planned(wanted[:room]) if preview else self._booked(wanted, room)
        promised = len(booked) + (0 if preview else len(made))
        self.left = None if self.cap is None else max(self.cap - promised, 0)
        return self._all(candidates, booked, made)

    def _room(self, booked: Sequence[Booking]) -> int:
        return self.most if self.cap is None else max(min(self.most, self.cap - len(booked)), 0)

    def _levels(self, candidate: Candidate) -> list[Level]:
        return paying(candidate, self.multiplier, self.money)

    def _planned(self, wanted: Iterable[Candidate]) -> list[Made]:
        return [self._made(one, self._levels(one)[0].rate) for one in wanted]

    def _made(self, candidate: Candidate, rate: float, booking: Booking | None = None) -> Made:
        """Say what the level of an offer brings, and what keeps it from a deeper one, if anything does."""
        level = next((one for one in candidate.levels if one.rate == rate), None)
        gain = "" if level is None else f": {level.value:+.2g} for {level.spend:.2g} of spend"
        bound = f"; {candidate.reason}" if candidate.reason else ""
        why = f"best_level: best of {len(candidate.levels)} levels{gain}{bound}"
        return Made(candidate, candidate.item, rate, booking, fresh=True, why=why)

    def _booked(self, wanted: Sequence[Candidate], room: int) -> list[Made]:
        """Book item after item until the room is full; where one is refused, a cheaper level is tried."""
        made: list[Made] = []
        for candidate in wanted:
            if len(made) == room:
                break
            booking = self._book(candidate)
            if booking is not None:
                made.append(self._made(candidate, booking.rate, booking))
        return made

    def _book(self, candidate: Candidate) -> Booking | None:
        """Book the best level, or the next cheaper one that is not refused; give what the store keeps.

        The same request may be answered elsewhere at this moment, at another price of the budget: what the
        store kept first under the id of the offer is what is promised.
        """
        name = offer_id(self.request, self.user, candidate.item)
        for level in self._levels(candidate):
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
        rest = [Made(one, one.item, 0.0, why=self._why_none(one)) for one in candidates]
        return [*made, *standing, *(one for one in rest if one.item not in promised)]

    def _why_none(self, candidate: Candidate) -> str:
        """Say why an item has no discount."""
        if len(candidate.levels) < 2:
            return candidate.reason or "no_level_pays: no discount is allowed"
        if max(level.value for level in candidate.levels) <= candidate.levels[0].value:
            return "no_level_pays: no discount brings more than it costs"
        if not self._levels(candidate):
            return "budget: a discount would bring something, but not enough for what is left of the budget"
        return "user_cap: a discount would pay, but other items of this shopper do more"
