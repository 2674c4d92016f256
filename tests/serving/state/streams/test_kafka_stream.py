"""Events through the mock cluster of librdkafka, which speaks Kafka's protocol on sockets of its own."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from processes import start, wait_for

from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.serving.state.opening import open_store
from graphrec.serving.state.streams.consume import Counts, consume
from graphrec.serving.state.streams.opening import open_stream

kafka = pytest.importorskip("confluent_kafka", reason="pip install 'graphrec[kafka]'")


class Cluster:
    """Two brokers that live as long as one producer."""

    def __init__(self, folder: Path) -> None:
        self.settings = folder / "settings.json"  # the mock notices late that a consumer has left
        self.settings.write_text(json.dumps({"session.timeout.ms": 3500, "heartbeat.interval.ms": 500}))
        settings = {"bootstrap.servers": "x:1", "test.mock.num.brokers": 2, "log_level": 0}
        self.producer = kafka.Producer(settings)
        brokers = self.producer.list_topics(timeout=10).brokers.values()
        self.brokers = ",".join(f"{one.host}:{one.port}" for one in brokers)

    @property
    def address(self) -> str:
        return f"kafka://{self.brokers}/events?config={self.settings}"

    def write(self, *values: bytes | None) -> None:
        for value in values:
            self.producer.produce("events", value)
        assert self.producer.flush(10) == 0

    def read(self, topic: str, count: int) -> list[object]:
        settings = {"bootstrap.servers": self.brokers, "group.id": "test", "auto.offset.reset": "earliest"}
        reader = kafka.Consumer(settings)
        reader.subscribe([topic])
        found = reader.consume(count, timeout=20)
        reader.close()
        return found


@pytest.fixture
def cluster(tmp_path):
    return Cluster(tmp_path)


def event(n: int) -> bytes:
    return json.dumps({"id": f"e{n}", "user": f"käufer {n % 20}", "item": "茶", "time": float(n)}).encode()


def drain(address: str, store) -> Counts:
    stream = open_stream(address)
    counts = consume(stream, store, lambda: False, once=True)
    stream.close()
    return counts


def test_events_arrive_once_and_what_is_none_goes_aside(cluster, tmp_path):
    cluster.write(*[event(n) for n in range(1_000)], event(5), b"broken", b'{"user": "\xff"}', None)
    store = open_store(str(tmp_path / "state.db"))
    counts = drain(cluster.address, store)
    assert (counts.new, counts.repeated, counts.dead) == (1_000, 1, 3)
    assert [one.id for one in store.history("käufer 3")] == [f"e{n}" for n in range(3, 1_000, 20)]
    assert store.history("käufer 3")[0].item == "茶"
    dead = {one.value(): dict(one.headers())["reason"] for one in cluster.read("events.dead", 3)}
    assert dead[b"broken"] == b"this is no JSON"
    assert {value or b"" for value in dead} == {b"broken", b'{"user": "\xff"}', b""}
    cluster.write(event(1_000))
    counts = drain(cluster.address, store)
    assert (counts.new, counts.repeated) == (1, 0), "what was done is not given again"


@pytest.mark.slow
def test_a_killed_consumer_loses_and_doubles_nothing(cluster, tmp_path):
    address = f"sqlite:{tmp_path / 'state.db'}"
    store = open_store(address)

    def kept() -> list[str]:
        return [one.id for n in range(20) for one in store.history(f"käufer {n}")]

    cluster.write(*[event(n) for n in range(6_000)])
    killed = start(tmp_path, "consume", cluster.address, "--store", address)
    wait_for(lambda: bool(kept()), killed, 60)
    killed.send_signal(signal.SIGKILL)
    killed.wait(30)
    assert len(kept()) < 6_000, "it came in the midst of the work"
    main(["consume", cluster.address, "--store", address, "--once"])
    assert sorted(kept()) == sorted(f"e{n}" for n in range(6_000))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "kafka.json: this is no JSON"),
        ("[]", "kafka.json: this is no JSON object"),
        ('{"no.such": 1}', "No such configuration property"),
    ],
)
def test_settings_that_are_none_are_one_line(tmp_path, text, said):
    (tmp_path / "kafka.json").write_text(text)
    stream = f"kafka://127.0.0.1:1/t?config={tmp_path / 'kafka.json'}"
    with pytest.raises(InputError) as refused:
        main(["consume", stream, "--store", str(tmp_path / "state.db")])
    assert said in str(refused.value)


def test_a_topic_that_is_not_there_or_a_broker_is_one_line(cluster, tmp_path):
    store = ["--store", str(tmp_path / "state.db"), "--once"]
    with pytest.raises(InputError, match=r"topic t: .*start it, then this command again"):
        main(["consume", "kafka://127.0.0.1:1/t", *store])
    with pytest.raises(InputError, match=r"topic other: .*Unknown topic.*; create it first"):
        main(["consume", f"kafka://{cluster.brokers}/other", *store])
