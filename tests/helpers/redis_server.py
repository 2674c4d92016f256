"""A Redis server of a test's own, in its folder, that keeps each write before it answers."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Server:
    """A server that can be killed and started again on its port."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.program = shutil.which("redis-server") or shutil.which("valkey-server") or ""
        if not self.program:
            pytest.skip("there is no redis-server")
        pytest.importorskip("redis", reason="redis-py is not installed: pip install 'graphrec[serve]'")
        self.folder, self.options = folder, options
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it has read what it kept."""
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        kept = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--dir", str(self.folder)]
        place = ["--port", str(self.port), "--bind", "127.0.0.1"]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [self.program, *place, *kept, *self.options], stdout=log, stderr=log
            )
        with redis.Redis(port=self.port, retry=Retry(NoBackoff(), 0)) as client:
            for _ in range(200):
                try:
                    client.ping()
                    return
                except redis.AuthenticationError:
                    return
                except redis.ConnectionError:
                    time.sleep(0.02)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self, by: signal.Signals = signal.SIGKILL) -> None:
        """End it as it is."""
        self.process.send_signal(by)
        self.process.wait(30)


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Server]:
    """Start a server and stop it; skip with the reason where there is none."""
    server = Server(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()
