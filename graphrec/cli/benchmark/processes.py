"""Processes of a benchmark: one for each cell, so that its memory is its own and its end harms no other."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphrec.tuning.workers import environment_of

_PAUSE = 0.2


@dataclass
class Running:
    """A job in its process.

    Args:
        job: What it does.
        process: The process.
        started: When, by the monotonic clock.
    """

    job: dict[str, Any]
    process: subprocess.Popen[bytes]
    started: float

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.started


class Processes:
    """Up to so many jobs side by side; all end with the block.

    Args:
        module: What each process runs: it reads its job from standard input and ends when that is closed.
        count: How many at a time.
    """

    def __init__(self, module: str, count: int) -> None:
        self._command, self._count = [sys.executable, "-m", module], count
        self._environment = environment_of(count)
        self.running: list[Running] = []

    def run(
        self, jobs: Sequence[dict[str, Any]], watch: Callable[[Sequence[Running]], None]
    ) -> Iterator[tuple[dict[str, Any], int, float]]:
        """Do the jobs in their order; give each that ended, with its exit code and seconds.

        Args:
            jobs: Each with ``folder``, where ``log.txt`` takes what it prints.
            watch: Is told now and then what runs.
        """
        left = list(jobs)
        while left or self.running:
            while left and len(self.running) < self._count:
                self.running.append(self._start(left.pop(0)))
            time.sleep(_PAUSE)
            watch(self.running)
            for one in [one for one in self.running if one.process.poll() is not None]:
                self.running.remove(one)
                _close(one.process)
                yield one.job, one.process.returncode, one.seconds

    def _start(self, job: dict[str, Any]) -> Running:
        folder = Path(job["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._environment,
                process_group=0,  # Ctrl-C is for the benchmark, which ends its processes
            )
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # a process that is gone is seen by its exit code
            process.stdin.write(json.dumps(job).encode() + b"\n")
            process.stdin.flush()
        return Running(job, process, time.monotonic())

    def __enter__(self) -> Processes:
        """Give itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """End what still runs."""
        for one in self.running:
            one.process.kill()
            _close(one.process)
            one.process.wait()


def reason(code: int) -> str:
    """Say why a process ended without a word of its own."""
    if code == -signal.SIGKILL:
        return "its process was ended by the system, as where memory runs out"
    return f"its process ended with exit code {code} (see log.txt)"


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()
