"""Events through a real server and real processes of ``graphrec consume``, some of them killed."""

from __future__ import annotations

import json
import random
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import redis_server
from processes import start, wait_for
from redis import Redis

from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.serving.state.opening import open_store
from graphrec.serving.state.streams.consume import Counts, consume
from graphrec.serving.state.streams.opening import open_stream

USERS = [f"käufer {n:03}" for n in range(50)]


@pytest.fixture
def server(tmp_path):
    with redis_server.running(tmp_path) as server:
        yield server


@pytest.fixture
def client(server):
    with Redis(port=server.port, decode_responses=True) as client:
        yield client


def write(client: Redis, count: int, first: int = 0, every: int = 0) -> None:
    """Write events; each tenth twice, and each so many another message that is none."""
    draw, pipe = random.Random(first), client.pipeline(transaction=False)
    for n in range(first, first + count):
        event = {"id": f"e{n}", "user": draw.choice(USERS), "item": f"i{n % 7}", "time": float(n)}
        for _ in range(2 if n % 10 == 0 else 1):
            pipe.xadd("events", {"event": json.dumps(event)})
        if every and n % every == 0:
            pipe.xadd("events", {"event": f"broken {n}"})
    pipe.execute()


def kept(store) -> list[str]:
    return [event.id for user in USERS for event in store.history(user)]


@pytest.mark.parametrize("place", ["sqlite", pytest.param("redis", marks=pytest.mark.slow)])
def test_killed_five_times_it_loses_and_doubles_nothing(server, client, tmp_path, place):
    """Killed each time while messages are in its hands; other processes finish."""
    address = f"sqlite:{tmp_path / 'state.db'}" if place == "sqlite" else server.address
    stream = f"{server.address}?stream=events&claim=0.05"
    write(client, 6_000, every=500)
    left = []
    for _ in range(5):
        killed = start(tmp_path, "consume", stream, "--store", address)
        wait_for(lambda: bool(_pending(client) - set().union(*left)), killed)
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
        left.append(_pending(client))
    assert sum(map(bool, left)) >= 3, "most kills came in the midst of a batch"
    last = [start(tmp_path, "consume", stream, "--store", address) for _ in range(2)]
    wait_for(lambda: _done(client), last[0])
    for one in last:
        one.send_signal(signal.SIGTERM)
        assert one.wait(30) == 0
    assert sorted(kept(open_store(address))) == sorted(f"e{n}" for n in range(6_000))
    dead = [fields for _, fields in client.xrange("events:dead")]
    assert sorted(one["event"] for one in dead) == sorted(f"broken {n}" for n in range(0, 6_000, 500))
    assert all(one["reason"] == "this is no JSON" for one in dead)


def _done(client: Redis) -> bool:
    groups = client.xinfo_groups("events")
    return bool(groups) and (groups[0]["lag"], groups[0]["pending"]) == (0, 0)


def _pending(client: Redis) -> set[str]:
    if not client.exists("events") or not client.xinfo_groups("events"):
        return set()
    return {one["message_id"] for one in client.xpending_range("events", "graphrec", "-", "+", 2_000)}


def test_what_a_killed_consumer_had_is_taken_over(server, client):
    write(client, 100)
    open_stream(server.address).read(1.0)  # and never done
    other = open_stream(f"{server.address}?claim=0.05")
    assert other.read(0.01) == []
    time.sleep(0.1)
    taken = other.read(0.01)
    assert [message.source for message in taken] == ["events"] * 110
    other.done(taken, [])
    assert client.xpending("events", "graphrec")["pending"] == 0


def test_two_groups_each_get_all_and_consumers_of_one_share(server, client):
    write(client, 1_000)
    one, two = (open_stream(server.address) for _ in range(2))
    shares = [one.read(0.1), two.read(0.1), one.read(0.1)]
    assert [len(share) for share in shares] == [500, 500, 100]
    assert len({message.id for share in shares for message in share}) == 1_100
    assert len(open_stream(f"{server.address}?group=other").read(0.1)) == 500


def test_bytes_that_are_no_text_go_aside_as_they_are_and_once(server, client):
    raw = Redis(port=server.port)
    raw.xadd("events", {"event": b'{"user": "\xff\xfe", "item": "i"}'})
    raw.xadd("events", {"other": b"x"})
    raw.xadd("events", {"event": '{"user": "u", "item": "i", "\\ud800": 1}'})
    stream, store = open_stream(server.address), open_store(server.address)
    counts = consume(stream, store, lambda: False, once=True)
    assert (counts.new, counts.repeated, counts.dead) == (0, 0, 3)
    dead = [fields for _, fields in raw.xrange("events:dead")]
    assert dead[0][b"event"] == b'{"user": "\xff\xfe", "item": "i"}'
    assert b"no Unicode" in dead[0][b"reason"]
    assert str(counts).endswith("3 messages put aside")


def test_stream_and_store_go_away_and_come_back(tmp_path, server, client):
    """Each on a server of its own; the consumer is one process throughout."""
    folder = tmp_path / "other"
    folder.mkdir()
    with redis_server.running(folder) as other:
        worker = start(tmp_path, "consume", server.address, "--store", other.address)
        write(client, 2_000)
        wait_for(lambda: bool(client.exists("events")) and _done(client), worker)
        for first, away in ((2_000, server), (4_000, other), (6_000, server)):
            away.stop()
            if away is other:
                write(client, 2_000, first)
            time.sleep(0.5)
            away.start()
            if away is server:
                write(client, 2_000, first)
        wait_for(lambda: _done(client), worker)
        worker.send_signal(signal.SIGTERM)
        said = worker.communicate(timeout=30)[1]
        assert worker.returncode == 0
        assert said.count("waiting for it") >= 2
        assert f"127.0.0.1:{other.port}" in said
        assert said.strip().endswith("8,000 new events, 800 told before")
        assert sorted(kept(open_store(other.address))) == sorted(f"e{n}" for n in range(8_000))
    assert client.xinfo_consumers("events", "graphrec") == [], "who leaves is struck off"


def test_messages_that_were_cut_off_before_they_were_read_are_told_of(server, client, capsys):
    write(client, 50)
    open_stream(server.address).read(0.1)
    client.xtrim("events", maxlen=10, approximate=False)
    time.sleep(0.05)
    assert len(open_stream(f"{server.address}?claim=0.02").read(0.1)) == 10
    assert (
        "45 messages were cut off before they were read; let the writer keep more" in capsys.readouterr().err
    )


def test_once_ends_when_no_message_is_left_and_counts(server, client, tmp_path, capsys):
    write(client, 700, every=100)
    store = f"sqlite:{tmp_path / 'state.db'}"
    began = time.monotonic()
    main(["consume", server.address, "--store", store, "--once"])
    assert time.monotonic() - began < 10
    assert capsys.readouterr().err.endswith("700 new events, 70 told before, 7 messages put aside\n")
    main(["consume", f"{server.address}?group=again", "--store", store, "--once"])
    assert capsys.readouterr().err.endswith("0 new events, 770 told before, 7 messages put aside\n")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("events", "names no stream; give redis://"),
        ("redis://host/0?claim=soon", "claim=soon is no number of seconds"),
        ("redis://host/0?prefix=a", "'prefix' is no option of it; known are stream, group, claim"),
        ("kafka://host:9092", "names no topic; give kafka://broker:9092/topic"),
        ("kafka://[host/t", "this is no address"),
        ("redis://[host/0", "this is no address"),
        ("kafka://u:secret@host/t", "names no topic"),
        ("kafka://host/t?grup=a", "'grup' is no option of it; known are group, config"),
        ("kafka://host/t?config=nowhere.json", "nowhere.json: it cannot be read: No such file"),
    ],
)
def test_an_address_of_no_stream_is_one_line(address, said, tmp_path):
    with pytest.raises(InputError) as refused:
        main(["consume", address, "--store", str(tmp_path / "state.db")])
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_away_at_the_start_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"redis at 127\.0\.0\.1:1/0: .*start it, then this command again"):
        main(["consume", "redis://127.0.0.1:1/0", "--store", str(tmp_path / "state.db")])


def test_counts_read_well():
    assert str(Counts(12_345, 1)) == "12,345 new events, 1 told before"


def test_the_commands_of_the_guide_work_as_they_are_shown(server, client, tmp_path, monkeypatch):
    if shutil.which("redis-cli") is None:
        pytest.skip("there is no redis-cli")
    page = (Path(__file__).parents[4] / "docs/how-to/state.md").read_text()
    shown = {
        line for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) for line in block.splitlines()
    }
    write_one = next(line for line in shown if "XADD" in line)
    consume_it = next(line for line in shown if line.startswith("graphrec consume 'redis:"))
    empty = next(line for line in shown if "--scan" in line)

    def shell(line: str) -> None:
        line = line.replace("redis-cli", f"redis-cli -p {server.port}")
        subprocess.run(line, shell=True, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)

    shell(write_one)
    monkeypatch.chdir(tmp_path)
    words = shlex.split(consume_it.replace("localhost:6379", f"127.0.0.1:{server.port}"))[1:]
    main([*words, "--once"])
    event = open_store("sqlite:state.db").history("007")[0]
    assert (event.id, event.item, event.time) == ("r1-3", "milk", 1767225600.0)
    open_store(server.address).post([event])
    assert len(open_store(server.address).history("007")) == 1
    shell(empty)
    assert open_store(server.address).history("007") == ()
    assert client.keys("{graphrec}:*") == ["{graphrec}:schema"], "which opening it has made anew"
