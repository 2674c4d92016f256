"""A service on a port of this machine, in a thread, for tests that drive a browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from graphrec.serving.service.http.app import make_app
from graphrec.serving.service.http.running import Running
from graphrec.serving.service.process.server import listen


@contextmanager
def on_a_port(running: Running, desk: bool = True) -> Iterator[str]:
    """Answer on a free port; its address."""
    taken = listen("127.0.0.1", 0)
    config = uvicorn.Config(make_app(running, desk), log_config=None, lifespan="on", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([taken],))
    port = taken.getsockname()[1]
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
