"""State on a Redis or Valkey server, for workers on many machines."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from importlib.resources import files
from typing import Any
from uuid import uuid4

from graphrec.errors import InputError
from graphrec.notices import warn
from graphrec.serving.state.checks import check_bookings, check_events, check_terms, check_user
from graphrec.serving.state.events import Event
from graphrec.serving.state.horizon import Account, check_same_time, none_open
from graphrec.serving.state.keeping import DAY, KEPT, Keeping
from graphrec.serving.state.redis_server import Address
from graphrec.serving.state.store import Booking, Purse, Terms

SCHEMA = "1"
"""Number of the keys' form; a store of another one is refused."""
OPTIONS = ("prefix", *KEPT)
"""What may stand behind the question mark of an address."""
_PATIENCE, _CHUNK = 10.0, 5_000
"""Seconds for, and items in, a part of the stock, which may be that of a large catalogue."""
_SCRIPTS = ("open", "look", "post", "book", "booked", "forget")


class RedisStore:
    """Keeps state on a server; see `graphrec.serving.state.store.Store`.

    Each method is one script, which the server runs alone. A call fails within a second where the server is
    away, and works again as soon as it is back. All keys begin with one prefix.

    Args:
        address: ``redis://host:6379/0``; ``?prefix=NAME`` parts several services on one database.
        keeping: How much is kept, and for how long; by default what the address says.
        clock: Tells the time in seconds since 1970; by default the server's, one for all workers.

    Raises:
        InputError: If the address is none, the server refuses, or its keys are of another program or schema.
        StoreDown: If the server does not answer.
    """

    def __init__(
        self,
        address: str,
        keeping: Keeping | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._at, self._clock = Address.of(address, OPTIONS), clock
        self._keeping = keeping or Keeping.of(self._at.options)
        self._prefix = f"{{{self._at.option('prefix', 'graphrec')}}}"  # braces: one slot of a cluster
        self._client, self._patient = self._at.connect(), self._at.connect(patience=_PATIENCE)
        self._stock: tuple[tuple[str, str], dict[str, float]] = (("", ""), {})
        lua = files("graphrec.serving.state") / "lua"
        texts = {name: (lua / f"{name}.lua").read_text(encoding="utf-8") for name in ("common", *_SCRIPTS)}
        with self._at.named():
            self._scripts = {
                name: self._client.register_script(texts["common"] + texts[name]) for name in _SCRIPTS
            }
            self._client.set(f"{self._prefix}:schema", SCHEMA, nx=True)
            schema: Any = self._client.get(f"{self._prefix}:schema")
        if schema != SCHEMA:
            hint = "use the version of graphrec that made it, or give ?prefix=NAME"
            raise InputError(f"{self._at}: its schema is {schema}, not {SCHEMA}", hint=hint)
        self._warn_of_forgetting()

    def open(self, terms: Terms) -> None:
        """Begin a horizon, or go on with the one of that name; its bounds may have changed.

        Raises:
            InputError: If its start, length or periods are not those that it began with.
        """
        check_terms(terms)
        times = float(terms.starts), float(terms.seconds), terms.periods
        bounds = terms.budget, terms.price, *times, terms.max_offers_per_user
        keep = self._keeping.horizon_days * DAY
        stock = self._written(terms.stock)
        before = self._run("open", self._now(), terms.name, *map(_text, bounds), keep, stock)
        if before:
            starts, seconds, periods = before
            began = Terms(terms.name, None, None, float(starts), float(seconds), int(periods))
            check_same_time(terms, began)

    def terms(self) -> Terms | None:
        """Give what `open` was told last."""
        found = self._run("look", self._now())
        if not found:
            return None
        fields = _pairs(found[2])
        return _terms(found[1], fields, self._stock_of(found[1], fields["opened"]))

    def post(self, events: Sequence[Event]) -> list[bool]:
        """Keep events, and count purchases that answer an offer. True for those not told before."""
        check_events(events)
        if not events:
            return []
        keeping = self._keeping
        bounds = keeping.events, keeping.history_days * DAY, math.ceil(keeping.id_days)
        told = [part for event in events for part in _told(event)]
        return [bool(one) for one in self._run("post", self._now(), *bounds, *told)]

    def history(self, user: str, most: int = 500) -> tuple[Event, ...]:
        """Give the latest events of a shopper, in the order of time."""
        check_user(user)
        if most < 1:
            return ()
        with self._at.named():
            rows: Any = self._client.zrange(f"{self._prefix}:u:{user}", -most, -1)
        return tuple(Event(*json.loads(row[16:])) for row in rows)  # the number of arrival stands before it

    def book(self, offers: Sequence[Booking]) -> list[bool]:
        """Book each offer if budget, stock and the shopper's cap allow it; True for those that are booked.

        Raises:
            InputError: If no horizon is open.
        """
        check_bookings(offers)
        told = [
            part
            for one in offers
            for part in (one.id, one.user, one.item, float(one.rate), float(one.spend), float(one.units))
        ]
        done = self._run("book", self._now(), self._keeping.horizon_days * DAY, *told)
        if done is None:
            raise none_open()
        return [bool(one) for one in done]

    def booked(self, user: str) -> tuple[Booking, ...]:
        """Give the offers of a shopper in this horizon."""
        check_user(user)
        rows = self._run("booked", user)
        return tuple(Booking(*row[:3], *map(float, row[3:])) for row in rows)

    def purse(self) -> Purse:
        """Tell how the money stands, at the time of now.

        Raises:
            InputError: If no horizon is open.
        """
        found = self._run("look", self._now())
        if not found:
            raise none_open()
        fields = _pairs(found[2])
        offers, accepted, last = (int(fields.get(name, 0)) for name in ("offers", "accepted", "last"))
        ends = {int(period): float(spent) for period, spent in _pairs(found[3]).items()}
        account = Account(float(fields.get("spent", 0)), offers, accepted, last, ends)
        return account.purse(_terms(found[1], fields, {}), float(found[0]))

    def forget(self, user: str) -> int:
        """Remove what is known of a shopper; spend stays counted. Gives the number of events.

        It goes through all keys, so it is slower than the other methods.
        """
        check_user(user)
        plain = {ord(sign): f"\\{sign}" for sign in r"\*?[]^-"}
        pattern = f"{self._prefix.translate(plain)}:h:*:user:{user.translate(plain)}"
        with self._at.named():
            lists = list(self._client.scan_iter(pattern, 1000))
        return int(self._run("forget", user, *lists))

    def close(self) -> None:
        """Let go of files and connections."""
        self._client.close()
        self._patient.close()

    def _written(self, stock: Mapping[str, float]) -> str:
        """Write the stock under a name of its own, from which opening takes it at once; '' for none."""
        if not stock:
            return ""
        name, items = f"{self._prefix}:stock:{uuid4().hex}", list(stock.items())
        with self._at.named():
            for start in range(0, len(items), _CHUNK):
                part = {item: repr(float(units)) for item, units in items[start : start + _CHUNK]}
                both: Any = self._patient.pipeline()
                both.hset(name, mapping=part).expire(name, 600).execute()
        return name

    def _stock_of(self, horizon: str, opened: str) -> dict[str, float]:
        """Give the stock of a horizon, which is read again only after it was opened again."""
        known, stock = self._stock
        key = f"{self._prefix}:h:{horizon}"
        while known != (horizon, opened):
            with self._at.named():
                both: Any = self._patient.pipeline()
                opened, read = both.hget(key, "opened").hgetall(f"{key}:stock").execute()
            known, stock = (horizon, opened), {item: float(units) for item, units in read.items()}
            self._stock = known, stock
        return dict(stock)

    def _now(self) -> str:
        return "" if self._clock is None else repr(float(self._clock()))

    def _run(self, script: str, *arguments: str | float) -> Any:
        with self._at.named():
            return self._scripts[script](keys=[self._prefix], args=list(arguments))

    def _warn_of_forgetting(self) -> None:
        """Say if a restart or a full memory would make the server forget money that was spent."""
        from redis.exceptions import RedisError

        try:
            log = self._client.config_get("appendonly").get("appendonly")
            policy = self._client.config_get("maxmemory-policy").get("maxmemory-policy")
        except RedisError:  # many hosted servers do not tell
            return
        if log == "no":
            hint = "start it with --appendonly yes"
            warn(f"{self._at} forgets what was spent when it restarts", hint=hint)
        if policy not in (None, "noeviction"):
            hint = "set maxmemory-policy noeviction"
            warn(f"{self._at} drops keys when memory is full ({policy})", hint=hint)


def _text(value: float | None) -> str | float:
    return "" if value is None else value


def _pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _terms(name: str, fields: dict[str, str], stock: dict[str, float]) -> Terms:
    budget, price = (float(fields[one]) if fields[one] else None for one in ("budget", "price"))
    most = int(fields["most"]) if fields["most"] else None
    times = float(fields["starts"]), float(fields["seconds"]), int(fields["periods"])
    return Terms(name, budget, price, *times, most, stock)


def _told(event: Event) -> tuple[str | float, ...]:
    """Give id, user, time, item, the whole, and the offer that it answers or nothing."""
    answered = event.offer if event.offer is not None and event.answers else ""
    whole = json.dumps(astuple(event), ensure_ascii=False)
    return event.id, event.user, float(event.time), event.item, whole, answered
