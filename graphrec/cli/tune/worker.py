"""A process that fits what a search asks for: jobs on standard input, answers on standard output.

``python -m graphrec.cli.tune.worker``; `graphrec.tuning.workers` starts it.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from graphrec.cli.start_up import importing, keep_freed_memory, let_waiting_threads_sleep, own_process
from graphrec.errors import InputError

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of linux/prctl.h


class Channel:
    """The search at the other end.

    Args:
        handle: Where answers are written.
    """

    def __init__(self, handle: int) -> None:
        self._handle, self._lines = handle, queue.Queue[dict[str, Any]]()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        """Read what the search sends; without it there is nothing left to do, even in the middle of a fit."""
        for line in sys.stdin:
            self._lines.put(json.loads(line))
        os._exit(1)

    def read(self) -> dict[str, Any]:
        """Wait for the next line."""
        return self._lines.get()

    def send(self, content: dict[str, Any]) -> None:
        """Send a line, all of it."""
        left = json.dumps(content).encode() + b"\n"
        while left:
            left = left[os.write(self._handle, left) :]

    def goes_on(self, epoch: int, value: float) -> bool:
        """Tell of an epoch and ask whether there is to be another one."""
        self.send({"epoch": epoch, "value": value})
        return not self.read()["stop"]


@contextmanager
def _printing_to(log: Path) -> Iterator[None]:
    """Let everything that is printed go to a file, whoever prints it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    kept = [os.dup(handle) for handle in (1, 2)]
    with log.open("ab", buffering=0) as file:
        for handle in (1, 2):
            os.dup2(file.fileno(), handle)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for handle, before in zip((1, 2), kept, strict=True):
            os.dup2(before, handle)
            os.close(before)


def _answer(job: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Do a job; a mistake of the user's is one line, anything else is a line with the log that tells more."""
    with importing():
        from graphrec.cli.tune.jobs import JOBS

    log = Path(job["log"])
    with _printing_to(log):
        try:
            return JOBS[job["do"]](job, channel)
        except InputError as error:
            return {"failed": str(error), "run": job.get("run", "")}
        except Exception as error:
            traceback.print_exc()
            what = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            return {"failed": f"{what} (see {log})", "run": job.get("run", "")}
        finally:
            gc.collect()  # a trainer holds itself in cycles, and the next fit needs its memory


def main() -> None:
    """Do jobs until there are no more."""
    let_waiting_threads_sleep()
    keep_freed_memory()
    own_process.set(True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    handle = os.dup(1)
    os.dup2(2, 1)
    channel = Channel(handle)
    while True:
        channel.send(_answer(channel.read(), channel))


if __name__ == "__main__":
    main()
