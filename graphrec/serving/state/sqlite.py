"""State in one file, for all processes of one machine; nothing has to be started."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from graphrec.serving.state.checks import check_bookings, check_events, check_terms, check_user
from graphrec.serving.state.events import Event
from graphrec.serving.state.horizon import Account, check_same_time, none_open, period_of, runs
from graphrec.serving.state.keeping import DAY, Keeping
from graphrec.serving.state.sqlite_file import SqliteFile
from graphrec.serving.state.store import Booking, Purse, Terms

_TERMS = "name, budget, price, starts, seconds, periods, most"
_EVENT = "id, user, item, kind, time, quantity, amount, offer"
_OFFER = "id, user, item, rate, spend, units"
_TIDY = 3600.0
"""Seconds between two removals of what has expired."""


class SqliteStore:
    """Keeps state in a SQLite file in WAL mode; see `graphrec.serving.state.store.Store`.

    Processes and threads of one machine may share it. It must not lie on a network drive.

    Args:
        path: Of the file.
        keeping: How much is kept, and for how long.
        clock: Tells the time in seconds since 1970; by default that of this machine.

    Raises:
        InputError: If the file is damaged, of another program or a later schema, or may not be written.
        StoreDown: If there is no room for it.
    """

    def __init__(
        self,
        path: str | Path,
        keeping: Keeping | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file, self._keeping, self._clock = SqliteFile(path), keeping or Keeping(), clock
        self._tidied = -_TIDY
        self._stock: tuple[tuple[str, int], dict[str, float]] = (("", 0), {})

    def open(self, terms: Terms) -> None:
        """Begin a horizon, or go on with the one of that name; its bounds may have changed.

        Raises:
            InputError: If its start, length or periods are not those that it began with.
        """
        check_terms(terms)
        bounds = terms.budget, terms.price, terms.starts, terms.seconds, terms.periods
        row = (terms.name, *bounds, terms.max_offers_per_user)
        with self._file.transaction() as connection:
            found = connection.execute(f"SELECT {_TERMS} FROM horizon WHERE name = ?", row[:1]).fetchone()
            if found is not None:
                check_same_time(terms, Terms(*found))
            before = {} if found is None else self._stock_of(connection, terms.name)
            connection.execute("UPDATE horizon SET current = 0")
            connection.execute(
                f"INSERT INTO horizon ({_TERMS}, current) VALUES (?, ?, ?, ?, ?, ?, ?, 1)"
                " ON CONFLICT DO UPDATE SET budget = excluded.budget, price = excluded.price,"
                " most = excluded.most, current = 1, opened = opened + 1",
                row,
            )
            told = {item: terms.stock.get(item) for item in before.keys() | terms.stock.keys()}
            connection.executemany(
                "INSERT INTO stock VALUES (?, ?, ?, 0) ON CONFLICT DO UPDATE SET units = excluded.units",
                [(terms.name, item, units) for item, units in told.items() if units != before.get(item)],
            )
            self._tidy(connection)

    def terms(self) -> Terms | None:
        """Give what `open` was told last."""
        with self._file.transaction(writes=False) as connection:
            terms = _current(connection)
            if terms is None:
                return None
            return replace(terms, stock=self._stock_of(connection, terms.name))

    def post(self, events: Sequence[Event]) -> list[bool]:
        """Keep events, and count purchases that answer an offer. True for those not told before."""
        check_events(events)
        now = self._clock()
        with self._file.transaction() as connection:
            new = [self._kept(connection, event, now) for event in events]
            for user in {event.user for event, is_new in zip(events, new, strict=True) if is_new}:
                connection.execute(
                    "DELETE FROM event WHERE n IN (SELECT n FROM event WHERE user = ?"
                    " ORDER BY time DESC, n DESC LIMIT -1 OFFSET ?)",
                    (user, self._keeping.events),
                )
            if now - self._tidied >= _TIDY:
                self._tidy(connection)
            return new

    def history(self, user: str, most: int = 500) -> tuple[Event, ...]:
        """Give the latest events of a shopper, in the order of time."""
        check_user(user)
        query = f"SELECT {_EVENT} FROM event WHERE user = ? ORDER BY time DESC, n DESC LIMIT ?"
        with self._file.transaction(writes=False) as connection:
            rows = connection.execute(query, (user, max(most, 0))).fetchall()
        return tuple(Event(*row) for row in reversed(rows))

    def book(self, offers: Sequence[Booking]) -> list[bool]:
        """Book each offer if budget, stock and the shopper's cap allow it; True for those that are booked.

        Raises:
            InputError: If no horizon is open.
        """
        check_bookings(offers)
        now = self._clock()
        with self._file.transaction() as connection:
            terms = _current(connection)
            if terms is None:
                raise none_open()
            return [_booked(connection, offer, terms, now) for offer in offers]

    def booked(self, user: str) -> tuple[Booking, ...]:
        """Give the offers of a shopper in this horizon."""
        check_user(user)
        query = (
            f"SELECT {_OFFER} FROM offer WHERE user = ?"
            " AND horizon = (SELECT name FROM horizon WHERE current = 1) ORDER BY n"
        )
        with self._file.transaction(writes=False) as connection:
            return tuple(Booking(*row) for row in connection.execute(query, (user,)))

    def purse(self) -> Purse:
        """Tell how the money stands, at the time of now.

        Raises:
            InputError: If no horizon is open.
        """
        with self._file.transaction(writes=False) as connection:
            terms = _current(connection)
            if terms is None:
                raise none_open()
            name = (terms.name,)
            counts = "SELECT spent, offers, accepted, last FROM horizon WHERE name = ?"
            ends = connection.execute("SELECT period, spent FROM period WHERE horizon = ?", name)
            spent, offers, accepted, last = connection.execute(counts, name).fetchone()
            account = Account(spent, offers, accepted, last, dict(ends))
        return account.purse(terms, self._clock())

    def forget(self, user: str) -> int:
        """Remove what is known of a shopper; spend stays counted. Gives the number of events."""
        check_user(user)
        with self._file.transaction() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("UPDATE offer SET user = '' WHERE user = ?", (user,))
            connection.execute("DELETE FROM shopper WHERE user = ?", (user,))
            return connection.execute("DELETE FROM event WHERE user = ?", (user,)).rowcount

    def close(self) -> None:
        """Let go of files and connections."""
        self._file.close()

    def _kept(self, connection: sqlite3.Connection, event: Event, now: float) -> bool:
        """Keep an event unless it was told before."""
        known = "INSERT INTO seen VALUES (?, ?) ON CONFLICT DO UPDATE SET told = excluded.told WHERE told < ?"
        if not connection.execute(known, (event.id, now, now - self._keeping.id_days * DAY)).rowcount:
            return False
        amounts = event.time, event.quantity, event.amount, event.offer
        row = (event.id, event.user, event.item, event.kind, *amounts)
        connection.execute(f"INSERT INTO event ({_EVENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute("INSERT OR REPLACE INTO shopper VALUES (?, ?)", (event.user, now))
        if event.offer is not None and event.answers:
            _accept(connection, event)
        return True

    def _stock_of(self, connection: sqlite3.Connection, name: str) -> dict[str, float]:
        """Give the stock of a horizon, which is read again only after it was opened again."""
        opened = "SELECT name, opened FROM horizon WHERE name = ?"
        key = connection.execute(opened, (name,)).fetchone()
        known, stock = self._stock
        if known != key:
            query = "SELECT item, units FROM stock WHERE horizon = ? AND units IS NOT NULL"
            stock = dict(connection.execute(query, (name,)))
            self._stock = key, stock
        return dict(stock)

    def _tidy(self, connection: sqlite3.Connection) -> None:
        """Remove what is kept no longer."""
        now, keeping = self._clock(), self._keeping
        self._tidied = now
        connection.execute("DELETE FROM seen WHERE told < ?", (now - keeping.id_days * DAY,))
        silent = "SELECT user FROM shopper WHERE told < ?"
        since = (now - keeping.history_days * DAY,)
        connection.execute(f"DELETE FROM event WHERE user IN ({silent})", since)
        connection.execute("DELETE FROM shopper WHERE told < ?", since)
        over = "SELECT name FROM horizon WHERE current = 0 AND starts + seconds < ?"
        ended = (now - keeping.horizon_days * DAY,)
        for table in ("offer", "stock", "period"):
            connection.execute(f"DELETE FROM {table} WHERE horizon IN ({over})", ended)
        connection.execute("DELETE FROM horizon WHERE current = 0 AND starts + seconds < ?", ended)


def _current(connection: sqlite3.Connection) -> Terms | None:
    row = connection.execute(f"SELECT {_TERMS} FROM horizon WHERE current = 1").fetchone()
    return None if row is None else Terms(*row)


def _booked(connection: sqlite3.Connection, offer: Booking, terms: Terms, now: float) -> bool:
    before = connection.execute("SELECT user, item, rate FROM offer WHERE id = ?", (offer.id,)).fetchone()
    if before is not None:
        return bool(before == (offer.user, offer.item, offer.rate))
    if not runs(terms, now) or not _allowed(connection, offer, terms):
        return False
    row = (offer.id, offer.user, offer.item, offer.rate, offer.spend, offer.units, terms.name)
    connection.execute(f"INSERT INTO offer ({_OFFER}, horizon) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    connection.execute(
        "INSERT INTO stock VALUES (?, ?, NULL, ?)"
        " ON CONFLICT DO UPDATE SET promised = promised + excluded.promised",
        (terms.name, offer.item, offer.units),
    )
    counted = "UPDATE horizon SET spent = spent + ?, offers = offers + 1, last = max(last, ?) WHERE name = ?"
    connection.execute(counted, (offer.spend, period_of(terms, now), terms.name))
    connection.execute(
        "INSERT OR REPLACE INTO period SELECT name, last, spent FROM horizon WHERE name = ?", (terms.name,)
    )
    return True


def _allowed(connection: sqlite3.Connection, offer: Booking, terms: Terms) -> bool:
    """Tell whether budget, cap and stock bear an offer."""
    (spent,) = connection.execute("SELECT spent FROM horizon WHERE name = ?", (terms.name,)).fetchone()
    if terms.budget is not None and spent + offer.spend > terms.budget:
        return False
    if terms.max_offers_per_user is not None:
        count = "SELECT count(*) FROM offer WHERE horizon = ? AND user = ?"
        if connection.execute(count, (terms.name, offer.user)).fetchone()[0] >= terms.max_offers_per_user:
            return False
    left = "SELECT units, promised FROM stock WHERE horizon = ? AND item = ?"
    units, promised = connection.execute(left, (terms.name, offer.item)).fetchone() or (None, 0.0)
    return units is None or promised + offer.units <= units


def _accept(connection: sqlite3.Connection, event: Event) -> None:
    """Count the offer that a purchase answers, once."""
    row = (event.offer, event.user, event.item)
    accepted = "UPDATE offer SET accepted = 1 WHERE id = ? AND user = ? AND item = ? AND accepted = 0"
    if connection.execute(accepted, row).rowcount:
        connection.execute(
            "UPDATE horizon SET accepted = accepted + 1"
            " WHERE name = (SELECT horizon FROM offer WHERE id = ?)",
            row[:1],
        )
