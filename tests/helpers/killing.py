"""A process that runs commands in forks of itself and kills them at the n-th change of the file system.

Every opening of a file for writing, renaming, removal and making of a folder below the command's folder is an
event; the kill comes just before it happens, by SIGKILL, so that nothing can tidy up.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import environment

_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink")


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, negative after a signal, and the events it had until then."""

    code: int
    events: int
    said: str


class Forks:
    """Commands in forks of one process, which has loaded what takes long to load."""

    def __enter__(self) -> Forks:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
            cwd=Path(__file__).parent,
        )
        return self

    def __exit__(self, *error: object) -> None:
        self._process.stdin.close()
        self._process.wait(60)

    def run(self, folder: Path, args: list[str], kill_at: int = 0, **settings: str) -> Ended:
        """Run ``graphrec`` in a folder.

        Args:
            folder: Where; changes below it count.
            args: The command line.
            kill_at: The event before which it is killed; 0 lets it end.
            settings: Environment variables, and ``experiments``, the folder of the rows of ``reproduce``.
        """
        order = {"folder": str(folder), "args": args, "kill_at": kill_at, "settings": settings}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return Ended(**json.loads(self._process.stdout.readline()))


class Counter:
    """Counts the events of a process, and ends it before one of them."""

    def __init__(self, folder: str, kill_at: int) -> None:
        self.folder, self.kill_at, self.count = folder, kill_at, 0

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """See an audit event of Python."""
        if event == "open":
            path, mode, flags = args
            changes = set(mode or "") & set("wax+") or (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        elif event in _CHANGES:
            path, changes = args[0], True
        else:
            return
        if not changes or not isinstance(path, str | bytes | os.PathLike):
            return
        if os.path.abspath(os.fsdecode(path)).startswith(self.folder):
            self.count += 1
            if self.count == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


def _in_fork(order: dict[str, Any], events: int, said: int) -> None:
    """Be the command; never returns."""
    from graphrec.cli import console
    from graphrec.cli.commands import reproduce

    os.dup2(said, 1)
    os.dup2(said, 2)
    settings = order["settings"]
    if experiments := settings.pop("experiments", None):
        reproduce.EXPERIMENTS = Path(experiments)
    os.environ.update(settings)
    os.chdir(order["folder"])
    counter = Counter(order["folder"], order["kill_at"])
    sys.addaudithook(counter)
    code = 0
    try:
        console(order["args"])
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    os.write(events, str(counter.count).encode())
    os._exit(code)


def _serve() -> None:
    import tempfile

    import graphrec.cli.commands.reproduce
    import graphrec.cli.experiment.fusion
    import graphrec.cli.offers.decide
    import graphrec.report.compare  # noqa: F401

    for line in sys.stdin:
        order = json.loads(line)
        readable, writable = os.pipe()
        with tempfile.TemporaryFile() as said:
            child = os.fork()
            if not child:
                _in_fork(order, writable, said.fileno())
            os.close(writable)
            with os.fdopen(readable) as pipe:
                events = pipe.read()
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            said.seek(0)
            text = said.read().decode(errors="replace")
        print(json.dumps({"code": code, "events": int(events or 0), "said": text}), flush=True)


if __name__ == "__main__":
    _serve()
