"""The server of a store: killed, frozen, full, locked, or used by somebody else."""

from __future__ import annotations

import signal
import threading
import time

import pytest
import redis_server
from redis import Redis
from state_model import START, Clock

from graphrec.errors import InputError
from graphrec.serving.state.events import Event
from graphrec.serving.state.opening import open_store
from graphrec.serving.state.redis import RedisStore
from graphrec.serving.state.store import Booking, StoreDown, Terms

TERMS = Terms("w", 1e6, 0.5, START, 86_400.0, stock={"i": 1e9})


@pytest.fixture
def server(tmp_path):
    with redis_server.running(tmp_path) as server:
        yield server


def test_killed_and_back_nothing_acknowledged_is_lost_and_no_call_waits(server):
    """Three threads post and book throughout, as a service that is not restarted."""
    store = RedisStore(server.address, clock=Clock())
    store.open(TERMS)
    booked: list[str] = []
    posted: list[str] = []
    waits: list[float] = []
    down: list[str] = []
    stop = threading.Event()

    def work(number: int) -> None:
        n = 0
        while not stop.is_set():
            n, began = n + 1, time.monotonic()
            try:
                if store.book([Booking(f"{number}-{n}", "u", "i", 0.1, 1.0, 1.0)]) == [True]:
                    booked.append(f"{number}-{n}")
                store.post([Event(f"{number}-{n}", f"u{n}", "i", offer=f"{number}-{n}")])
                posted.append(f"{number}-{n}")
            except StoreDown as error:
                down.append(str(error))
                waits.append(time.monotonic() - began)
                time.sleep(0.01)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.3)
        before = len(booked)
        server.stop(signal.SIGKILL)
        time.sleep(0.2)
        server.start()
    time.sleep(0.3)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(booked) > before, "it goes on by itself"
    assert down
    assert all("redis at 127.0.0.1" in one for one in down)
    assert max(waits) < 1.5, "what waits longest is one call that is cut off, of half a second each"
    kept = {one.id for one in store.booked("u")}
    assert set(booked) <= kept
    assert store.purse().offers == len(kept) == store.purse().spent
    told = [Event(one, "u", "i") for one in posted]
    assert not any(store.post(told)), "each event that was acknowledged is known"


def test_a_server_that_hangs_is_given_up_within_a_second(server):
    store = RedisStore(server.address)
    server.process.send_signal(signal.SIGSTOP)
    try:
        for call in (
            store.purse,
            store.terms,
            lambda: store.history("u"),
            lambda: store.post([Event("e", "u", "i")]),
        ):
            began = time.monotonic()
            with pytest.raises(StoreDown, match=r"redis at 127\.0\.0\.1:\d+/0: .*"):
                call()
            assert time.monotonic() - began < 1.0
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert store.terms() is None


def test_a_server_that_is_away_at_the_start_is_named():
    with pytest.raises(StoreDown, match=r"redis at 127\.0\.0\.1:1/0: .*refused"):
        open_store("redis://127.0.0.1:1/0")


def test_without_memory_it_says_so_and_keeps_the_rest(server):
    store = RedisStore(server.address, clock=Clock())
    store.open(TERMS)
    store.post([Event("e", "u", "i")])
    with Redis(port=server.port) as client:
        client.config_set("maxmemory", 1)
        with pytest.raises(StoreDown, match="memory"):
            store.book([Booking("o", "u", "i", 0.1, 1.0)])
        assert len(store.history("u")) == 1
        client.config_set("maxmemory", 0)
    assert store.purse().offers == 0
    assert store.book([Booking("o", "u", "i", 0.1, 1.0)]) == [True]


def test_every_key_bears_the_prefix_and_what_ends_expires(server):
    day, clock = 86_400.0, Clock()
    store = RedisStore(f"{server.address}?prefix=shop%201", clock=clock)
    other = RedisStore(server.address, clock=clock)
    store.open(TERMS)
    store.book([Booking("o", "u", "i", 0.1, 1.0)])
    store.post([Event("e", "u", "i", offer="o")])
    assert other.terms() is None
    assert other.history("u") == ()
    with Redis(port=server.port, decode_responses=True) as client:
        left = {key: client.ttl(key) for key in client.scan_iter() if key != "{graphrec}:schema"}
        assert all(key.startswith("{shop 1}:") for key in left)
        lasting = {key.removeprefix("{shop 1}:") for key, seconds in left.items() if seconds < 0}
        horizon = {"h:w", "h:w:stock", "h:w:promised", "h:w:ends"}
        assert lasting == {"schema", "current", "told", *horizon}
        assert left["{shop 1}:o:o"] == pytest.approx(29 * day, abs=5)
        assert left["{shop 1}:h:w:user:u"] == pytest.approx(29 * day, abs=5)
        assert left["{shop 1}:u:u"] == pytest.approx(365 * day, abs=5)
        store.open(Terms("next", None, None, START, day))
        assert {client.ttl("{shop 1}:" + key) for key in horizon} <= set(
            range(int(29 * day) - 5, int(29 * day) + 1)
        )
        store.open(TERMS)
        assert {client.ttl("{shop 1}:" + key) for key in horizon} == {-1}


def test_an_id_is_known_for_a_week_by_the_clock_of_the_store(server):
    clock = Clock()
    store = RedisStore(server.address, clock=clock)
    assert store.post([Event("e", "u", "i")]) == [True]
    clock.now += 7 * 86_400
    assert store.post([Event("e", "u", "i")]) == [False]
    clock.now += 86_400
    assert store.post([Event("e", "u", "i")]) == [True]


def test_time_is_that_of_the_server(server):
    store = RedisStore(server.address)
    store.open(Terms("w", 10.0, 0.5, time.time() - 90, 3600.0, periods=60))
    assert store.purse().period == 1
    assert store.book([Booking("o", "u", "i", 0.1, 1.0)]) == [True]


def test_keys_of_another_program_or_schema_are_refused(server):
    with Redis(port=server.port) as client:
        client.rpush("{graphrec}:u:u", "x")
        client.set("{later}:schema", "9")
    store = RedisStore(server.address)
    with pytest.raises(
        InputError, match=r"holds keys of another program; give another database, or \?prefix"
    ):
        store.post([Event("e", "u", "i")])
    with pytest.raises(InputError, match="its schema is 9, not 1"):
        RedisStore(f"{server.address}?prefix=later")


def test_a_password_comes_from_the_environment_and_stands_in_no_message(tmp_path, monkeypatch):
    with redis_server.running(tmp_path, "--requirepass", "geheim-4711") as server:
        for wrong in (None, "falsch-1234"):
            monkeypatch.delenv("REDISCLI_AUTH", raising=False)
            if wrong:
                monkeypatch.setenv("REDISCLI_AUTH", wrong)
            with pytest.raises(InputError, match=r"refuses: .*; set REDISCLI_AUTH") as refused:
                RedisStore(server.address)
            assert "1234" not in str(refused.value)
        monkeypatch.setenv("REDISCLI_AUTH", "geheim-4711")
        assert RedisStore(server.address).post([Event("e", "u", "i")]) == [True]


def test_a_server_that_forgets_is_warned_of(server, capsys):
    RedisStore(server.address)
    assert capsys.readouterr().err == ""
    with Redis(port=server.port) as client:
        client.config_set("appendonly", "no")
        client.config_set("maxmemory-policy", "allkeys-lru")
    RedisStore(server.address)
    said = capsys.readouterr().err
    assert "forgets what was spent when it restarts; start it with --appendonly yes" in said
    assert "drops keys when memory is full (allkeys-lru); set maxmemory-policy noeviction" in said


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("redis://:secret@host/0", "an address holds no password; set REDISCLI_AUTH"),
        ("redis://host:99999/0", "this is no address"),
        ("redis://host/zero", "names no server; give redis://host:6379/0"),
        ("redis:state", "names no server"),
        ("redis://host/0?prefx=a", "'prefx' is no option of it; known are prefix"),
        ("redis://host/0?prefix=", "prefix= has no value"),
        ("redis://host/0?prefix", "'prefix' is no option of it"),
    ],
)
def test_an_address_that_is_none_is_one_line(address, said):
    with pytest.raises(InputError) as refused:
        open_store(address)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)
