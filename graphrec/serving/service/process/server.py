"""Runs the service on a port: one process or several, their signals and their end."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess

from graphrec.errors import InputError
from graphrec.serving.service.metrics import SHARED
from graphrec.serving.service.process.fleet import want
from graphrec.serving.service.settings import VARIABLE, Settings
from graphrec.serving.service.split import Arm
from graphrec.serving.service.versions import versions_at

_BACKLOG = 512


def listen(host: str, port: int) -> socket.socket:
    """Take a port, before anything is loaded.

    Args:
        host: Name or address of this machine.
        port: 0 takes a free one.

    Raises:
        InputError: If it is taken, or is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind, protocol)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except (OSError, OverflowError) as error:
        raise _not_taken(host, port, error) from error
    taken.set_inheritable(True)
    return taken


def serve(app: str, settings: Settings, taken: socket.socket, workers: int) -> None:
    """Answer until SIGTERM or SIGINT; what is in work then ends first.

    SIGHUP takes the newest version of each model. Several processes share the port; one that dies is
    replaced.

    Args:
        app: Makes the application in each process, see `graphrec.serving.service.process.worker`; as
            ``package.module:function``.
        settings: How the service was asked to run.
        taken: The port.
        workers: Processes that answer.

    Raises:
        InputError: If the model or anything else cannot be read.
    """
    with _environment(settings, workers) as settings, taken:
        config = uvicorn.Config(
            app,
            factory=True,
            workers=workers,
            loop="auto",
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=int(settings.deadline) + 5,
        )
        if workers > 1:
            processes = _Processes(config, [taken], settings)
            processes.run()
            if any(one.exitcode == STARTUP_FAILURE for one in processes.processes):
                sys.exit(2)  # it has said why
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _quiet)  # the server takes its place, and gives the signal on when it ends
        signal.signal(signal.SIGHUP, lambda *_: _newest(settings))
        uvicorn.Server(config).run([taken])


class _Processes(Multiprocess):
    """Several processes on one port.

    Args:
        config: Of their servers.
        sockets: The port.
        settings: How the service was asked to run.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], settings: Settings) -> None:
        super().__init__(config, sockets)
        self._settings = settings

    def handle_hup(self) -> None:
        """Let the processes take the newest version, without ending any of them."""
        _newest(self._settings)

    def keep_subprocess_alive(self) -> None:
        """Replace processes that died, and take what they alone counted out of the metrics."""
        before = [process.pid for process in self.processes]
        super().keep_subprocess_alive()
        for pid in set(before) - {process.pid for process in self.processes} - {None}:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]


@contextmanager
def _environment(settings: Settings, workers: int) -> Iterator[Settings]:
    """Give the processes their settings, and a folder of theirs that goes when they do."""
    with tempfile.TemporaryDirectory(prefix="graphrec-serve-") as folder:
        settings = replace(settings, control=folder)
        os.environ[VARIABLE] = settings.packed()
        if workers > 1:
            counted = Path(folder) / "metrics"
            counted.mkdir()
            os.environ[SHARED] = str(counted)
        try:
            yield settings
        finally:
            os.environ.pop(VARIABLE, None)
            os.environ.pop(SHARED, None)


def _newest(settings: Settings) -> None:
    """Tell the processes to take the newest version of each model."""
    from graphrec.serving.service.logs import complain

    places: dict[Arm, str | None] = {"a": settings.model, "b": settings.other}
    try:
        names = {arm: versions_at(Path(place))[-1].name for arm, place in places.items() if place}
    except InputError as error:
        complain("version refused", why=error.message)
        return
    want(Path(settings.control or ""), names)


def _quiet(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the server has ended, and the process is to end with 0."""


def _not_taken(host: str, port: int, error: Exception) -> InputError:
    if isinstance(error, socket.gaierror):
        return InputError(
            f"there is no host {host!r}", column="--host", hint="127.0.0.1 is this machine alone"
        )
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        hint = "choose another --port, or end what uses it"
        return InputError(f"port {port} is in use", column="--port", hint=hint)
    if number == errno.EACCES:
        return InputError(f"port {port} needs rights", column="--port", hint="choose one above 1023")
    return InputError(
        f"cannot listen on {host}:{port}: {error}", column="--host", hint="127.0.0.1 is this machine"
    )
