"""A stream by its address."""

from __future__ import annotations

from graphrec.errors import InputError
from graphrec.serving.state.redis_server import SCHEMES
from graphrec.serving.state.streams.kafka_stream import KafkaStream
from graphrec.serving.state.streams.messages import Stream
from graphrec.serving.state.streams.redis_stream import RedisStream


def open_stream(address: str) -> Stream:
    """Open the stream that an address names.

    Args:
        address: ``redis://host:6379/0?stream=events`` or ``kafka://broker:9092/topic``.

    Raises:
        InputError: If it names none, or one that cannot be used.
        StoreDown: If it does not answer.
    """
    scheme = address.partition("://")[0]
    if scheme in SCHEMES:
        return RedisStream(address)
    if scheme == "kafka":
        return KafkaStream(address)
    hint = "give redis://host:6379/0?stream=events or kafka://broker:9092/topic"
    raise InputError(f"{address!r} names no stream", column="STREAM", hint=hint)
