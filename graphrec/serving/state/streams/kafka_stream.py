"""Events from a topic of Kafka, shared out by a consumer group."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from graphrec.errors import InputError
from graphrec.notices import warn
from graphrec.serving.state.address import options_of
from graphrec.serving.state.store import StoreDown
from graphrec.serving.state.streams.messages import Dead, Message

OPTIONS = ("group", "config")
BATCH = 500
_FORM = "give kafka://broker:9092/topic"
_ANSWER, _PATIENCE, _EVERY = 5.0, 10.0, 60.0
"""Seconds that the first answer and putting messages aside may take, and between two warnings."""


class KafkaStream:
    """Reads messages whose value is JSON; see `graphrec.serving.state.streams.messages.Stream`.

    What is no event goes to the topic ``TOPIC.dead``, with the reason as a header.

    Args:
        address: ``kafka://broker:9092,broker:9092/topic``. ``?group=graphrec`` names the group, and
            ``&config=FILE`` a JSON file of settings of librdkafka, as user and password.

    Raises:
        InputError: If the address is none, a setting is refused, or there is no such topic.
        StoreDown: If no broker answers.
    """

    def __init__(self, address: str) -> None:
        brokers, self._topic, options = _parsed(address)
        try:
            from confluent_kafka import Consumer, KafkaException, Producer
        except ModuleNotFoundError:
            raise InputError(
                "confluent-kafka is not installed", hint="pip install 'graphrec[kafka]'"
            ) from None
        self._told_of = -_EVERY
        told = _settings(options.get("config"))
        common = {"bootstrap.servers": brokers, "logger": _quiet(), "error_cb": self._warn, **told}
        own = {"enable.auto.commit": False, "auto.offset.reset": "earliest", "enable.partition.eof": True}
        try:
            self._consumer = Consumer({**common, **own, "group.id": options.get("group", "graphrec")})
            self._producer = Producer({**common, "enable.idempotence": True})
            self._check_topic()
            self._consumer.subscribe([self._topic], on_assign=self._assign, on_revoke=self._revoke)
        except KafkaException as error:
            raise InputError(f"{error.args[0]}", column="STREAM", hint="see the file of config=") from None
        self._given: list[Any] = []
        self._aside: set[str] = set()
        self._unread: set[int] | None = None  # partitions of this consumer that may hold more

    @property
    def at_end(self) -> bool:
        """Whether no message was left when it was last read."""
        return self._unread is not None and not self._unread

    def read(self, wait: float) -> list[Message]:
        """Give the next messages, or none after some seconds."""
        from confluent_kafka import KafkaError

        first = self._consumer.poll(wait)  # as soon as there is one, and with it those that came along
        told: Any = [] if first is None else [first, *self._consumer.consume(BATCH - 1, timeout=0)]
        self._given, self._aside = [], set()
        wrong = None
        for one in told:
            if one.error() is None:
                self._given.append(one)
                self._unread = (self._unread or set()) | {one.partition()}
            elif one.error().code() == KafkaError._PARTITION_EOF:
                self._unread = (self._unread or set()) - {one.partition()}
            else:
                wrong = one.error()
        if wrong is not None and not self._given:
            raise StoreDown(f"topic {self._topic}: {wrong.str()}")
        return [self._message(one) for one in self._given]

    def _check_topic(self) -> None:
        from confluent_kafka import KafkaException

        try:
            known: Any = self._consumer.list_topics(self._topic, timeout=_ANSWER).topics[self._topic]
        except KafkaException as error:
            raise StoreDown(f"topic {self._topic}: {error.args[0].str()}") from None
        if known.error is not None:
            raise InputError(
                f"topic {self._topic}: {known.error.str()}", column="STREAM", hint="create it first"
            )

    def _warn(self, error: Any) -> None:
        """Say that brokers are away, once a minute; librdkafka goes on trying."""
        if time.monotonic() - self._told_of > _EVERY:
            self._told_of = time.monotonic()
            warn(f"topic {self._topic}: {error.str()}", hint="waiting for it")

    def _assign(self, consumer: Any, partitions: Any) -> None:
        self._unread = {one.partition for one in partitions}

    def _revoke(self, consumer: Any, partitions: Any) -> None:
        self._unread = None

    def done(self, messages: Sequence[Message], dead: Sequence[Dead]) -> None:
        """Take messages as read for good, and put those that are no events aside with the reason."""
        from confluent_kafka import KafkaException

        for one in (one for one in dead if one.message.id not in self._aside):
            headers: Any = [
                ("id", one.message.id.encode()),
                ("reason", one.reason.encode("utf-8", "replace")),
            ]
            value = one.message.text.encode("utf-8", "surrogateescape")
            self._producer.produce(f"{self._topic}.dead", value, headers=headers)
        if self._producer.flush(_PATIENCE):
            self._producer.purge()
            raise StoreDown(f"topic {self._topic}.dead takes no messages")
        self._aside |= {one.message.id for one in dead}
        try:
            self._consumer.commit(offsets=self._ends(), asynchronous=False)
        except KafkaException as error:
            if error.args[0].retriable():
                raise StoreDown(f"topic {self._topic}: {error.args[0].str()}") from None
            # another consumer has the partition: it is given them again, and the store knows their ids
            warn(f"topic {self._topic}: {error.args[0].str()}")

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def _message(self, told: Any) -> Message:
        text = (told.value() or b"").decode("utf-8", "surrogateescape")
        name = f"{told.partition()}/{told.offset()}"
        return Message(self._topic, name, text, told.timestamp()[1] / 1000)

    def _ends(self) -> list[Any]:
        """Give the offset after the last message of each partition."""
        from confluent_kafka import TopicPartition

        ends: dict[int, int] = {}
        for told in self._given:
            ends[told.partition()] = max(ends.get(told.partition(), 0), told.offset() + 1)
        return [TopicPartition(self._topic, partition, offset) for partition, offset in ends.items()]


def _parsed(address: str) -> tuple[str, str, dict[str, str]]:
    try:
        parts = urlsplit(address)
    except ValueError:
        raise InputError("this is no address", column="STREAM", hint=_FORM) from None
    topic = parts.path.strip("/")
    if not parts.netloc or not topic or "/" in topic or "@" in parts.netloc:
        raise InputError(f"{address.rpartition('@')[2]!r} names no topic", column="STREAM", hint=_FORM)
    return parts.netloc, topic, dict(options_of(parts.query, OPTIONS, "STREAM"))


def _settings(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    hint = "give a JSON object of settings of librdkafka"
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror}", file=path, hint=hint) from None
    except ValueError:
        raise InputError("this is no JSON", file=path, hint=hint) from None
    if not isinstance(told, dict):
        raise InputError("this is no JSON object", file=path, hint=hint)
    return told


def _quiet() -> Any:
    """Make a logger for librdkafka's own lines, which repeat every second while a broker is away."""
    import logging

    return logging.getLogger("graphrec.kafka")
