"""What a store must answer, worked out from lists of all that was told; and calls to tell it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from graphrec.offers.budget.pacing import SpendControl
from graphrec.serving.state.events import Event
from graphrec.serving.state.store import Booking, Purse, Terms

START = 1_800_000_000.0
USERS = ("007", "7", "müller ✓", "a'; DROP TABLE event;--", "{graphrec}:x")
ITEMS = ("milk", "0042", "42", "茶", "a:b|c")


@dataclass
class Clock:
    """Time that a test moves."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Model:
    """Answers by going through everything again."""

    clock: Clock
    cap: int = 500
    opened: dict[str, Terms] = field(default_factory=dict)
    current: str | None = None
    told: list[Event] = field(default_factory=list)
    made: list[tuple[float, str, Booking]] = field(default_factory=list)

    def open(self, terms: Terms) -> None:
        self.opened[terms.name], self.current = terms, terms.name

    def terms(self) -> Terms | None:
        return None if self.current is None else self.opened[self.current]

    def post(self, events: list[Event]) -> list[bool]:
        new = []
        for event in events:
            new.append(all(event.id != one.id for one in self.told))
            self.told += [event] if new[-1] else []
        return new

    def history(self, user: str, most: int = 500) -> tuple[Event, ...]:
        kept: list[Event] = []
        for event in self.told:  # one by one, for what falls off never comes back
            if event.user == user:
                kept = sorted([*kept, event], key=lambda one: one.time)[-self.cap :]
        return tuple(kept[len(kept) - min(most, len(kept)) :])

    def book(self, offers: list[Booking]) -> list[bool]:
        return [self._book(offer) for offer in offers]

    def _book(self, offer: Booking) -> bool:
        for _, _, one in self.made:
            if one.id == offer.id:
                return (one.user, one.item, one.rate) == (offer.user, offer.item, offer.rate)
        terms, now = self.opened[self.current], self.clock.now
        here = [one for _, name, one in self.made if name == self.current]
        if not terms.starts <= now < terms.starts + terms.seconds:
            return False
        spent = 0.0
        for one in [*here, offer]:
            spent += one.spend
        most = terms.max_offers_per_user
        promised = sum(one.units for one in [*here, offer] if one.item == offer.item)
        ok = terms.budget is None or spent <= terms.budget
        ok &= most is None or sum(one.user == offer.user for one in here) < most
        ok &= offer.item not in terms.stock or promised <= terms.stock[offer.item]
        self.made += [(now, self.current, offer)] if ok else []
        return ok

    def booked(self, user: str) -> tuple[Booking, ...]:
        return tuple(one for _, name, one in self.made if name == self.current and one.user == user)

    def purse(self) -> Purse:
        """Walk `SpendControl` through the periods, whose spend is that of the bookings within."""
        terms = self.opened[self.current]
        mine = [(at, one) for at, name, one in self.made if name == self.current]
        each = terms.seconds / terms.periods
        periods, latest = [], 0
        for at, _ in mine:  # a clock that went back does not bring a period back
            latest = max(latest, min(int((at - terms.starts) / each), terms.periods))
            periods.append(latest)
        now = max(latest, int(min(max(0.0, (self.clock.now - terms.starts) / each), terms.periods)))
        control = SpendControl(terms.budget or 0.0, terms.price or 1.0, terms.periods)
        for period in range(now + 1):
            for (_, one), when in zip(mine, periods, strict=True):
                control.spent += one.spend if when == period else 0.0
            if period < now:
                control.close_period()
        answered = {
            one.id
            for _, _, one in self.made
            for event in self.told
            if self._answers(event, one) and self._name(one) == self.current
        }
        multiplier = 0.0 if terms.price is None else control.multiplier
        return Purse(terms.budget, control.spent, multiplier, now, len(mine), len(answered))

    def _name(self, offer: Booking) -> str:
        return next(name for _, name, one in self.made if one.id == offer.id)

    def _answers(self, event: Event, offer: Booking) -> bool:
        same = (event.offer, event.user, event.item) == (offer.id, offer.user, offer.item)
        return same and event.kind == "purchase" and event.quantity > 0


money = st.floats(0, 5, allow_subnormal=False)
users, items = st.sampled_from(USERS), st.sampled_from(ITEMS)
ids = st.integers(0, 25).map(lambda number: f"o{number}")
bookings = st.builds(
    Booking, ids, users, items, st.sampled_from([0.0, 0.1, 1 / 3]), money, st.sampled_from([0.0, 1.0, 2.5])
)
events = st.builds(
    Event,
    st.integers(0, 30).map(lambda number: f"ereignis-{number}-é"),
    users,
    items,
    st.sampled_from(["purchase", "view", "我"]),
    st.sampled_from([0.0, 5.0, 5.5, START, -3.25, 1e9 + 1 / 3]),
    st.sampled_from([1.0, -1.0, 0.1]),
    st.none() | st.floats(-100, 100),
    st.none() | ids,
)
horizons = st.builds(
    Terms,
    st.sampled_from(["2026-W05", "Woche 6"]),
    st.floats(0, 30),
    st.none() | st.floats(1e-3, 10),
    st.just(START),
    st.just(86_400.0),
    st.just(24),
    st.none() | st.integers(0, 3),
    st.dictionaries(items, st.sampled_from([0.0, 1.0, 3.5]), max_size=3),
)
"""With a day of 24 hours; START is a whole second and an hour 3600, so that no period hangs on a rounding."""
unbounded = horizons.map(lambda terms: replace(terms, budget=None, price=None))
calls = st.one_of(
    st.tuples(st.just("open"), horizons | unbounded),
    st.tuples(st.just("post"), st.lists(events, max_size=5)),
    st.tuples(st.just("book"), st.lists(bookings, max_size=5)),
    st.tuples(st.just("wait"), st.sampled_from([10.0, 3600.0, 3599.5, 7 * 3600.0, -1800.0])),
)


def pairs_of(model: Model, user: str) -> list[Booking]:
    return [one for _, _, one in model.made if one.user == user]
