"""Commands as processes of their own, ended with all that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

import graphrec

PACKAGE = str(Path(graphrec.__file__).parents[1])


def environment(**changes: str) -> dict[str, str]:
    """The variables of a command that shares nothing with the tests of this process but the package itself.

    An earlier test of this process may have started W&B's service, which would outlive the command.
    """
    names = {**os.environ, "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1", "PYTHONPATH": PACKAGE}
    names.pop("WANDB_SERVICE", None)
    return names | changes


def start(folder: Path, *args: str, **changes: str) -> subprocess.Popen[str]:
    """Start ``graphrec`` in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "graphrec", *args],
        cwd=folder,
        env=environment(**changes),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(done: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 120) -> None:
    """Wait until something is true of a process that must still be running."""
    end = time.monotonic() + seconds
    while not done():
        assert process.poll() is None, f"the command ended by itself: {process.stderr.read()[-2000:]}"
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def end(process: subprocess.Popen[str], by: signal.Signals = signal.SIGKILL) -> int:
    """End a process and wait until nothing that it started lives on, W&B's service above all.

    That service notices only after a while that its fit was killed, and writes its log until then.

    Returns:
        The exit code, negative if the signal ended it.
    """
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.send_signal(by)
    process.communicate()
    _, alive = psutil.wait_procs(family, timeout=60)
    for left in alive:
        left.kill()
    psutil.wait_procs(alive, timeout=60)
    return process.returncode
