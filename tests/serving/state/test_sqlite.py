"""The file of a store: who may read it, what damages it, and what a kill leaves."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from processes import environment
from state_model import START, Clock

from graphrec.errors import InputError
from graphrec.serving.state.events import Event
from graphrec.serving.state.sqlite import SqliteStore
from graphrec.serving.state.store import Booking, StoreDown, Terms

TERMS = Terms("w", 1e6, None, START, 86_400.0)

WRITER = """
import sys
from itertools import count
from graphrec.serving.state import sqlite, events, store
kept = sqlite.SqliteStore(sys.argv[1], clock=lambda: 1_800_000_000.0)
for n in count():
    kept.post([events.Event(f"e{n}", "u", "i", time=float(n))])
    assert kept.book([store.Booking(f"o{n}", "u", "i", 0.1, 1.0)]) == [True]
    print(n, flush=True)
"""


def python(code: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env=environment(), **pipes, **options)


def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path):
    path = tmp_path / "state.db"
    SqliteStore(path, clock=Clock()).open(TERMS)
    for round_ in range(3):
        writer = python(WRITER.replace("count()", f"count({round_ * 10**6})"), path)
        for _ in range(50):
            last = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split()
        last = int(rest[-1]) if rest else last
        store = SqliteStore(path, clock=Clock())
        ids = {offer.id for offer in store.booked("u")}
        assert {f"o{n}" for n in range(round_ * 10**6, last + 1)} <= ids
        assert store.purse().spent == len(ids) == store.purse().offers
        assert store.post([Event(f"e{last}", "u", "i")]) == [False]
        store.close()
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_only_its_owner_may_read_it(tmp_path):
    before = os.umask(0)
    try:
        store = SqliteStore(tmp_path / "state.db")
        store.post([Event("e", "u", "i")])
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("state.db", "state.db-wal", "state.db-shm"), 0o600)


def test_threads_share_a_store_and_leave_no_connections(tmp_path):
    store = SqliteStore(tmp_path / "state.db", clock=Clock())
    store.open(Terms("w", 100.0, None, START, 10.0))
    booked: list[bool] = []

    def work(number: int) -> None:
        for n in range(5):
            booked.extend(store.book([Booking(f"{number}-{n}", "u", "i", 0.1, 1.0)]))

    def files() -> int:
        return sum(one.name.isdigit() for one in Path("/proc/self/fd").iterdir())

    opened = []
    for round_ in range(20):
        threads = [threading.Thread(target=work, args=(8 * round_ + n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        opened.append(files())
    assert sum(booked) == 100 == store.purse().spent
    assert len(booked) == 20 * 8 * 5
    assert opened[-1] < opened[0] + 60, "connections of ended threads are closed"
    store.close()


def test_a_fork_opens_its_own(tmp_path):
    store = SqliteStore(tmp_path / "state.db", clock=Clock())
    store.open(TERMS)
    child = os.fork()
    if child == 0:
        done = store.book([Booking("child", "u", "i", 0.1, 1.0)]) == [True]
        os._exit(0 if done else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.book([Booking("parent", "u", "i", 0.1, 1.0)]) == [True]
    assert store.purse().offers == 2


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "state.db"
    path.write_bytes(b"user,item\n1,2\n" * 1000)
    with pytest.raises(InputError, match=r"state\.db: it is no SQLite file, or damaged; put back a copy"):
        SqliteStore(path)
    path.unlink()
    store = SqliteStore(path, clock=Clock())
    store.open(TERMS)
    store.post([Event(f"e{n}", "u", "i" * 500) for n in range(500)])
    store.close()
    content = bytearray(path.read_bytes())
    content[4096 * 3 :] = b"\xff" * (len(content) - 4096 * 3)
    path.write_bytes(content)
    store = SqliteStore(path, clock=Clock())
    with pytest.raises(InputError, match=r"state\.db: it is no SQLite file, or damaged"):
        _ = store.history("u"), store.post([Event("new", "u", "i")])


def test_a_file_of_another_program_is_left_alone(tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE sales (user, item)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"shop\.db: this SQLite file is of another program"):
        SqliteStore(path)
    assert path.read_bytes() == before


def test_a_later_schema_is_refused(tmp_path):
    path = tmp_path / "state.db"
    SqliteStore(path).close()
    with sqlite3.connect(path) as later:
        later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(InputError, match="its schema is 99, not 1; use the version of graphrec"):
        SqliteStore(path)


def test_an_empty_file_becomes_a_store(tmp_path):
    path = tmp_path / "state.db"
    path.touch(0o644)
    store = SqliteStore(path)
    assert store.post([Event("e", "u", "i")]) == [True]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("place", ["", "missing/state.db", "file/state.db"])
def test_a_place_that_holds_no_file_is_named(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot keep state there: .*; give the path of a file in a folder"):
        SqliteStore(tmp_path / place)


READER = """
import os, sys
from graphrec.serving.state.sqlite import SqliteStore
if os.getuid() == 0:
    os.setgid(65534), os.setuid(65534)
try:
    SqliteStore(sys.argv[1])
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_that_may_only_be_read_is_named(tmp_path, what):
    folder = tmp_path / "kept"
    folder.mkdir()
    for above in [folder, *folder.parents][:4]:
        above.chmod(0o755) if above.stat().st_uid == os.getuid() and str(above) != "/tmp" else None
    path = folder / "state.db"
    SqliteStore(path).close()
    path.chmod(0o444 if what == "file" else 0o666)
    folder.chmod(0o777 if what == "file" else 0o555)
    said = python(READER, path).communicate(timeout=60)[0]
    assert said.startswith("InputError"), said
    assert "state.db" in said
    assert "written" in said or "Permission denied" in said


FILLER = """
import resource, signal, sys
from graphrec.serving.state import events, sqlite, store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
kept = sqlite.SqliteStore(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
done = 0
try:
    while True:
        kept.post([events.Event(f"{done}-{n}", "u", "i" * 1000) for n in range(20)])
        done += 1
except store.StoreDown as error:
    print(done, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(sum(kept.post([events.Event(f"{n // 20}-{n % 20}", "u", "i") for n in range(20 * done)])))
print(kept.post([events.Event(f"{done}-0", "u", "i")]))
"""


def test_without_room_it_says_so_keeps_the_rest_and_goes_on_after(tmp_path):
    said, wrong = python(FILLER, tmp_path / "state.db").communicate(timeout=60)
    first, doubled, later = said.splitlines() or pytest.fail(wrong)
    done, _, why = first.partition(" ")
    assert int(done) > 3
    assert "state.db" in why
    assert "disk" in why
    assert (doubled, later) == ("0", "[True]"), "what was acknowledged is known, what was not is new"


def test_a_file_that_was_removed_is_not_written_on(tmp_path):
    store = SqliteStore(tmp_path / "state.db", clock=Clock())
    store.open(TERMS)
    (tmp_path / "state.db").rename(tmp_path / "old.db")
    with pytest.raises(StoreDown, match="moved or removed"):
        store.book([Booking("o", "u", "i", 0.1, 1.0)])


def test_a_writer_that_holds_the_file_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr("graphrec.serving.state.sqlite_file.PATIENCE", 0.2)
    store = SqliteStore(tmp_path / "state.db", clock=Clock())
    store.open(TERMS)
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert store.purse().spent == 0, "reading goes on"
    with pytest.raises(StoreDown, match="locked"):
        store.book([Booking("o", "u", "i", 0.1, 1.0)])
    other.execute("COMMIT")
    assert store.book([Booking("o", "u", "i", 0.1, 1.0)]) == [True]


def test_many_may_begin_a_store_at_once(tmp_path):
    code = "import sys; from graphrec.serving.state.sqlite import SqliteStore as S; S(sys.argv[1]).terms()"
    started = [python(code, tmp_path / "state.db") for _ in range(6)]
    assert [(one.wait(60), one.stderr.read()) for one in started] == [(0, "")] * 6
