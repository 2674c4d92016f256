"""Processes that fit: each takes one job at a time and answers in lines of JSON.

A worker reads jobs from its standard input and ends when that is closed, so that none outlives a killed
search. What a fit prints goes to a file of the trial.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

_THREADS = "OMP_NUM_THREADS"
_CHUNK = 1 << 16


class Worker:
    """One process, started with its first job.

    Args:
        command: What it runs.
        log: Takes what it prints outside of a job, such as the traceback of its end.
        environment: Of the process.
    """

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self._command, self._log, self._environment = list(command), log, dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = b""
        self.busy = False

    @property
    def pid(self) -> int | None:
        """Number of the process, None before its first job."""
        return None if self._process is None else self._process.pid

    def start(self, job: Mapping[str, Any]) -> None:
        """Begin a job."""
        if self._process is None:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=self._environment,
                    process_group=0,  # Ctrl-C is for the search, which ends its workers
                )
        self.busy = True
        self.send(job)

    def send(self, content: Mapping[str, Any]) -> None:
        """Send a line; a process that is gone is seen where its answer is read."""
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(content).encode() + b"\n")
            self._process.stdin.flush()

    @property
    def output(self) -> int:
        """Handle of what it answers."""
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def read(self) -> list[dict[str, Any]]:
        """Read the lines that are there; the last of a process that ended is ``{"died": exit code}``."""
        data = os.read(self.output, _CHUNK)
        *lines, self._begun = (self._begun + data).split(b"\n")
        found = [json.loads(line) for line in lines]
        return found if data else [*found, {"died": self.end()}]

    def end(self) -> int:
        """End the process, if there is one, and return its exit code."""
        process, self._process, self._begun, self.busy = self._process, None, b"", False
        if process is None:
            return 0
        gone = process.poll() is not None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        if not gone:
            process.kill()
        return process.wait()


class Pool:
    """Some workers side by side; they end with the block.

    Args:
        command: What each runs.
        count: How many.
        folder: Of their logs.
    """

    def __init__(self, command: Sequence[str], count: int, folder: Path) -> None:
        environment = environment_of(count)
        self.workers = [
            Worker(command, folder / f"worker-{place}.log", environment) for place in range(count)
        ]

    @property
    def free(self) -> Worker | None:
        """A worker without a job; None if all have one."""
        return next((one for one in self.workers if not one.busy), None)

    def wait(self, seconds: float) -> list[tuple[Worker, dict[str, Any]]]:
        """Wait for answers, at most so long; list them with who sent them."""
        busy = [one for one in self.workers if one.busy]
        with selectors.DefaultSelector() as selector:
            for one in busy:
                selector.register(one.output, selectors.EVENT_READ, one)
            ready = [key.data for key, _ in selector.select(seconds)]
        return [(one, answer) for one in ready for answer in one.read()]

    def ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Do one job and wait for its end; no other may run meanwhile."""
        worker = self.free
        assert worker is not None
        worker.start(job)
        while True:
            for _, answer in self.wait(60):
                if "epoch" in answer:
                    worker.send({"stop": False})
                else:
                    worker.busy = False
                    return answer

    def __enter__(self) -> Pool:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all processes."""
        for one in self.workers:
            one.end()


def environment_of(count: int) -> dict[str, str]:
    """Give the variables of each of so many processes side by side: they share the cores of this one."""
    if _THREADS in os.environ or count == 1:
        return dict(os.environ)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {**os.environ, _THREADS: str(max(1, cores // count))}
