"""A W&B server of its own on 127.0.0.1: it speaks what `wandb sync`, `wandb agent` and reports need.

It keeps what it receives, so that a test asserts what arrived and not what was sent. What the client asks
beyond that is refused as an older server would, and noted in `unknown`.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from wandb_answers import ANSWERS, Received

KEY = "a" * 40
_NAME = re.compile(r"\b(?:query|mutation)\s+(\w+)")


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what W&B left in it, such as its service, and with more."""
    return {**{key: value for key, value in os.environ.items() if "WANDB" not in key}, **more}


class WandbServer(Received, ThreadingHTTPServer):
    """Answers on a free port; what it was told is in its attributes."""

    daemon_threads, block_on_close = True, False

    def __init__(self) -> None:
        ThreadingHTTPServer.__init__(self, ("127.0.0.1", 0), _Requests)
        Received.__init__(self, f"http://127.0.0.1:{self.server_port}")
        self.lock = threading.RLock()
        self.operations: list[str] = []
        self.unknown: list[str] = []
        self.errors: list[str] = []
        self.silent_at = ""
        """From this operation on it keeps its callers waiting."""
        self.is_silent = False
        self.called, self.over = threading.Event(), threading.Event()

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a process whose W&B is to speak to this server."""
        return environment(WANDB_BASE_URL=self.url, WANDB_API_KEY=KEY, WANDB_MODE="online", **more)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up, and keep what else went wrong for the test."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            self.errors.append(f"{type(error).__name__}: {error}")


@contextmanager
def wandb_server() -> Iterator[WandbServer]:
    """Serve while the block runs."""
    server = WandbServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WandbServer

    def do_GET(self) -> None:
        self.server.called.set()
        self._answer({})

    def do_POST(self) -> None:
        body, answer = self._body(), {}
        if self.server.silent_at and (self.server.silent_at.encode() in body or self.server.is_silent):
            self.server.is_silent = True
            self.server.over.wait()
            return
        with self.server.lock:
            if self.path.endswith("/file_stream"):
                self._stream(self.path.split("/")[-2], json.loads(body))
            elif self.path == "/graphql":
                answer = self._operation(json.loads(body))
        self._answer(answer)

    def do_PUT(self) -> None:
        kind, name, file = unquote(self.path).removeprefix("/upload/").split("/", 2)
        content = self._body()
        with self.server.lock:
            if kind == "run":
                self.server.run(name).files[file] = content
            elif kind == "artifact":
                self.server.artifacts[name].files[file] = content
        self._answer({})

    def _operation(self, content: dict[str, Any]) -> dict[str, Any]:
        found = _NAME.search(content["query"])
        name = found[1] if found else content["query"][:80]
        self.server.operations.append(name)
        if name not in ANSWERS:
            self.server.unknown.append(name)
            return {"data": None, "errors": [{"message": f"unknown operation {name}"}]}
        return {"data": ANSWERS[name](self.server, content.get("variables") or {})}

    def _stream(self, name: str, content: dict[str, Any]) -> None:
        run = self.server.run(name)
        for file, part in content.get("files", {}).items():
            lines = (
                [json.loads(line) for line in part["content"]]
                if file.endswith("json") or "jsonl" in file
                else []
            )
            if file == "wandb-history.jsonl":
                run.rows += lines
            elif file == "wandb-events.jsonl":
                run.stats += lines
            elif file == "wandb-summary.json":
                run.summary = lines[-1]
        if content.get("complete"):
            run.exit_code = content.get("exitcode")

    def _body(self) -> bytes:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return gzip.decompress(content) if self.headers.get("Content-Encoding") == "gzip" else content

    def _answer(self, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""
