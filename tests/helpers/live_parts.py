"""A model with planted answers and a store in memory, for tests of the service beside the real parts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from fastapi.testclient import TestClient

from graphrec.errors import InputError
from graphrec.serving.live.answers import Candidate, Filter, Level, Listed, Listing, Shopper
from graphrec.serving.service.http.app import make_app
from graphrec.serving.service.http.running import Running
from graphrec.serving.service.process.worker import prepare
from graphrec.serving.service.settings import Settings
from graphrec.serving.state.events import Event
from graphrec.serving.state.store import Booking, Purse, StoreDown, Terms

ITEMS = tuple(f"i{at:02d}" for at in range(20))
KNOWN = ("C17", "007", "Käse 5 %")


class Planted:
    """Lists the items in a fixed order, moved on by each purchase; each discount is worth what is planted.

    Args:
        name: Its version.
        turn: By how many places its order is turned.
    """

    decides_offers = True

    def __init__(self, name: str = "aaaaaaaaaaaa", turn: int = 0) -> None:
        self.version, self.turn = name, turn

    def knows(self, user: str) -> bool:
        return user in KNOWN

    def knows_item(self, item: str) -> bool:
        return item in ITEMS

    def reads(self, kind: str) -> bool:
        return kind in ("purchase", "view")

    def names(self, items: list[str]) -> list[str]:
        return [f"name of {item}" for item in items]

    def reasons(self, shopper: Shopper, items: list[str]) -> list[str]:
        return [f"because of {len(shopper.events)} events" for _ in items]

    def recommend(self, shoppers: list[Shopper], k: int, only: Filter) -> list[Listing]:
        self._check(only)
        return [self._listing(shopper, k, only) for shopper in shoppers]

    def similar(self, items: list[str], k: int, only: Filter) -> list[Listing]:
        for item in items:
            if item not in ITEMS:
                raise InputError(f"there is no item {item!r}", hint="give one of the catalogue")
        return [
            Listing(tuple(Listed(one, 1.0) for one in ITEMS if one != item)[:k], "model") for item in items
        ]

    def candidates(self, shopper: Shopper, k: int, only: Filter) -> list[Candidate]:
        """Item ``i03`` at 20 % costs 2 and brings 3.3, at 10 % it costs 1 and brings 2.3, and so on."""
        listing = self._listing(shopper, k, only)
        return [planted(one.item) for one in listing.items]

    def purse(self) -> dict[str, float]:
        return {"budget": 100.0, "price": 1.0}

    def bounds(self) -> dict[str, float]:
        return {}

    def stock(self) -> dict[str, float]:
        return {}

    def _listing(self, shopper: Shopper, k: int, only: Filter) -> Listing:
        gone = {event.item for event in shopper.events if event.kind == "purchase"} | only.exclude
        turned = ITEMS[self.turn :] + ITEMS[: self.turn]
        left = [item for item in turned if item not in gone and (only.items is None or item in only.items)]
        known = shopper.user is not None and self.knows(shopper.user)
        basis = "history" if shopper.events else "model" if known else "popularity"
        return Listing(tuple(Listed(item, 1.0 - at / 100) for at, item in enumerate(left[:k])), basis)

    def _check(self, only: Filter) -> None:
        for name in only.where:
            raise InputError(f"there is no attribute {name!r}", column="where", hint="there is none")
        for item in only.items or ():
            if item not in ITEMS:
                raise InputError(f"there is no item {item!r}", hint="give one of the catalogue")


def planted(item: str) -> Candidate:
    """A candidate of `Planted`."""
    at = ITEMS.index(item)
    levels = (
        Level(0.0, 0.10, 0.0, 0.0),
        Level(0.1, 0.12, 1.0, 2.0 + at / 10),
        Level(0.2, 0.15, 2.0, 3.0 + at / 10),
    )
    return Candidate(item, 5.0, levels, "max_rate: capped")


class Memory:
    """Keeps state in this process; `down` lets it fail as a server does that is gone."""

    def __init__(self) -> None:
        self.down = False
        self.events: dict[str, Event] = {}
        self.bookings: dict[str, Booking] = {}
        self.lock, self.closed = threading.Lock(), False
        self.kept: Terms | None = None
        self.price: float | None = None

    def _ask(self) -> None:
        if self.down:
            raise StoreDown("it is down")

    def open(self, terms: Terms) -> None:
        self._ask()
        self.kept = terms

    def terms(self) -> Terms | None:
        self._ask()
        return self.kept

    def post(self, events: list[Event]) -> list[bool]:
        self._ask()
        with self.lock:
            fresh = []
            for event in events:
                fresh.append(event.id not in self.events)
                self.events.setdefault(event.id, event)
        return fresh

    def history(self, user: str, most: int = 500) -> tuple[Event, ...]:
        self._ask()
        return tuple(event for event in self.events.values() if event.user == user)[-most:]

    def book(self, offers: list[Booking]) -> list[bool]:
        self._ask()
        with self.lock:
            return [self._book(one) for one in offers]

    def _book(self, one: Booking) -> bool:
        if one.id in self.bookings:
            return self.bookings[one.id].rate == one.rate
        own = [other for other in self.bookings.values() if other.user == one.user]
        most = self.kept.max_offers_per_user
        if most is not None and len(own) >= most:
            return False
        if self.kept.budget is not None and self._spent() + one.spend > self.kept.budget:
            return False
        self.bookings[one.id] = one
        return True

    def _spent(self) -> float:
        return sum(one.spend for one in self.bookings.values())

    def booked(self, user: str) -> tuple[Booking, ...]:
        self._ask()
        return tuple(one for one in self.bookings.values() if one.user == user)

    def purse(self) -> Purse:
        self._ask()
        accepted = len({event.offer for event in self.events.values()} & self.bookings.keys())
        price = self.price if self.price is not None else (self.kept.price or 0.0)
        return Purse(self.kept.budget, self._spent(), price, 0, len(self.bookings), accepted)

    def close(self) -> None:
        self.closed = True


class Service:
    """A service in this process, on planted parts.

    Args:
        client: Asks it.
        store: What it keeps.
        running: What it holds.
    """

    def __init__(self, client: TestClient, store: Memory, running: Running) -> None:
        self.client, self.store, self.running = client, store, running
        self.headers: dict[str, str] = {}

    def under(self, key: str | None) -> Service:
        """The same service, asked with a key."""
        other = Service(self.client, self.store, self.running)
        other.headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return other

    def post(self, path: str, status: int = 200, **body: object) -> dict:
        """Ask, and expect a status."""
        sent = json.dumps(body)  # ASCII, so that half a character can be sent, too
        got = self.client.post(
            path, content=sent, headers={"content-type": "application/json", **self.headers}
        )
        assert got.status_code == status, got.text
        return got.json()

    def get(self, path: str, status: int = 200) -> dict:
        """Ask, and expect a status."""
        got = self.client.get(path, headers=self.headers)
        assert got.status_code == status, got.text
        return got.json()


def export_at(place: Path, turn: int = 0) -> Path:
    """Write what looks like an export of `Planted`, which `opened` reads."""
    place.mkdir(parents=True)
    (place / "manifest.json").write_text(str(turn))
    return place


def opened(path: Path) -> Planted:
    """Load what `export_at` wrote; one that is no number is damaged."""
    text = (path / "manifest.json").read_text()
    if not text.isdigit():
        raise InputError("is damaged", file=path, hint="copy it again")
    return Planted(f"{path.name:*<12}", int(text))


@contextmanager
def service(folder: Path, **told: object) -> Iterator[Service]:
    """Run the application in this process."""
    if "model" not in told:
        model = folder / "model"
        told["model"] = str(model if model.exists() else export_at(model))
    store = told.pop("keeps", None) or Memory()
    opener = told.pop("opener", opened)
    desk = told.pop("desk", False)
    settings = replace(Settings(model="", store="memory"), **told)
    running = prepare(settings, opener, lambda: store)
    base = "http://localhost"
    with TestClient(make_app(running, desk), base_url=base, raise_server_exceptions=False) as client:
        yield Service(client, store, running)
