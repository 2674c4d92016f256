"""Which discount each item of a shopper gets, by the price of the budget: one rule, live and in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from graphrec.serving.live.answers import Candidate, Level
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

    @property
    def level(self) -> Level | None:
        """What its rate brings; None where that is not known."""
        levels = () if self.candidate is None else self.candidate.levels
        return next((one for one in levels if one.rate == self.rate), None)


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


@dataclass(frozen=True)
class Choosing:
    """Chooses levels while nothing is booked.

    Args:
        multiplier: What a unit of spend must bring.
        money: What is left of the budget.
    """

    multiplier: float
    money: float = inf

    def levels(self, candidate: Candidate) -> list[Level]:
        """List the levels that pay, the best one first; see `paying`."""
        return paying(candidate, self.multiplier, self.money)

    def wanted(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """List those on which a discount pays, the one that brings most first."""
        return [one for one in in_order(candidates, self.multiplier) if self.levels(one)]

    def planned(self, wanted: Iterable[Candidate]) -> list[Made]:
        """Give each the level that pays most."""
        return [self.made(one, self.levels(one)[0].rate) for one in wanted]

    def made(self, candidate: Candidate, rate: float, booking: Booking | None = None) -> Made:
        """Say what the level of an offer brings, and what keeps it from a deeper one, if anything does."""
        level = next((one for one in candidate.levels if one.rate == rate), None)
        gain = "" if level is None else f": {level.value:+.2g} for {level.spend:.2g} of spend"
        bound = f"; {candidate.reason}" if candidate.reason else ""
        why = f"best_level: best of {len(candidate.levels)} levels{gain}{bound}"
        return Made(candidate, candidate.item, rate, booking, fresh=True, why=why)

    def why_none(self, candidate: Candidate) -> str:
        """Say why an item has no discount."""
        if len(candidate.levels) < 2:
            return candidate.reason or "no_level_pays: no discount is allowed"
        if max(level.value for level in candidate.levels) <= candidate.levels[0].value:
            return "no_level_pays: no discount brings more than it costs"
        if not self.levels(candidate):
            return "budget: a discount would bring something, but not enough for what is left of the budget"
        return "user_cap: a discount would pay, but other items of this shopper do more"

    def all(self, candidates: Sequence[Candidate], most: int | None) -> list[Made]:
        """Decide on all items of a shopper, in their order.

        Args:
            candidates: The items.
            most: Discounts that the shopper may get; None for no bound.
        """
        made = {one.item: one for one in self.planned(self.wanted(candidates)[:most])}
        none = (Made(one, one.item, 0.0, why=self.why_none(one)) for one in candidates)
        return [made.get(one.item, one) for one in none]
