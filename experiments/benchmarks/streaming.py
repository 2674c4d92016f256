"""Measure how many events a second go from a stream into a store, on one core.

It starts a ``redis-server`` of its own, which keeps each write for good, and runs
``python experiments/benchmarks/streaming.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from graphrec.errors import InputError
from graphrec.serving.state.opening import open_store
from graphrec.serving.state.streams.consume import consume
from graphrec.serving.state.streams.opening import open_stream


@contextmanager
def server(folder: Path, fsync: str) -> Iterator[tuple[Redis, str, int]]:
    """Run a server that appends to a file; gives a client, its address and its process."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise InputError("there is no redis-server", hint="install redis-server or valkey-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = ["--appendonly", "yes", "--appendfsync", fsync, "--save", "", "--dir", str(folder)]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", *kept]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    client = Redis(port=port)
    try:
        client.ping()  # the client tries again while the server starts
        yield client, f"redis://127.0.0.1:{port}/0", process.pid
    finally:
        process.terminate()
        process.wait()


def write(client: Redis, events: int, users: int) -> None:
    """Write purchases of random users to the stream."""
    draw, pipe = random.Random(0), client.pipeline(transaction=False)
    for n in range(events):
        event = {"id": f"e{n}", "user": f"u{draw.randrange(users)}", "item": f"i{draw.randrange(5000)}"}
        pipe.xadd("events", {"event": json.dumps(event | {"time": 1.7e9 + n})})
        if n % 1000 == 999:
            pipe.execute()
    pipe.execute()


def seconds_of(process: int) -> float:
    """Give the processor time that a process took so far, from Linux's /proc."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print events per second into each store, and the processor time of consumer and server."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=100_000, help="to write and consume (default 100000)")
    parser.add_argument("--users", type=int, default=20_000, help="who have them (default 20000)")
    parser.add_argument("--fsync", choices=["always", "everysec"], default="everysec", help="of the server")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # consumer and server share one core; what is started inherits it
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"{platform.processor() or platform.machine()}, one core for consumer and server")
    for name in ("redis", "sqlite"):
        with (
            tempfile.TemporaryDirectory() as place,
            server(Path(place), options.fsync) as (client, address, pid),
        ):
            write(client, options.events, options.users)
            stream, store = (
                open_stream(address),
                open_store(address if name == "redis" else f"{place}/state.db"),
            )
            began, worked, served = time.perf_counter(), time.process_time(), seconds_of(pid)
            counts = consume(stream, store, lambda: client.xlen("events") == 0 or finished(client))
            taken = time.perf_counter() - began
            print(
                f"{name}: {counts} in {taken:.1f} s, {counts.new / taken:,.0f} events/s; processor time:"
                f" consumer {time.process_time() - worked:.1f} s, server {seconds_of(pid) - served:.1f} s"
            )


def finished(client: Redis) -> bool:
    """Tell whether no entry is left to read or pending."""
    group = client.xinfo_groups("events")[0]
    return bool(group["lag"] == 0 and group["pending"] == 0)


if __name__ == "__main__":
    main()
