"""What of a job of several steps is done, so that a killed one goes on where it was."""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphrec.errors import InputError
from graphrec.files import write_text

STEPS = "steps.json"


@dataclass
class Steps:
    """The steps of one job with their time and memory, kept in ``steps.json`` of its folder.

    Args:
        file: Where they are kept.
        job: What the job is; another job does not go on with these steps.
        entries: By name of the step: seconds, peak_gb and whether it is done.
    """

    file: Path
    job: dict[str, Any]
    entries: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, job: dict[str, Any]) -> Steps:
        """Read the steps of a folder, or none yet.

        Raises:
            InputError: If the folder holds the steps of another job.
        """
        file = folder / STEPS
        if not file.exists():
            return cls(file, job)
        content = json.loads(file.read_text(encoding="utf-8"))
        for key, value in job.items():
            if content["job"].get(key) != value:
                ours, theirs = (str(told)[:24] for told in (value, content["job"].get(key)))
                what = f"this folder holds another job: its {key} is {theirs}, not {ours}"
                raise InputError(what, file=folder, column="--out", hint="choose another folder")
        return cls(file, job, content["steps"])

    def run(self, name: str, action: Callable[[], object], kept: Path | None = None) -> None:
        """Run a step unless it is done, and note how long it took.

        Args:
            name: Name of the step.
            action: Does it.
            kept: A checkpoint that the step goes on from if it was killed; the time up to it counts.

        Raises:
            InputError: What `action` raised; the step then counts as not begun.
        """
        if self.finished(name):
            return
        entry, before = self.entries.get(name, {}), 0.0
        if kept is not None and kept.exists() and "started" in entry:
            before = entry["seconds"] + max(0.0, kept.stat().st_mtime - entry["started"])
        self._note(name, {"started": time.time(), "seconds": before, "done": 0})
        started = time.perf_counter()
        try:
            action()
        except InputError:
            self._forget(name, entry)
            raise
        gc.collect()  # a trainer holds itself in cycles, and the next step's memory would count it
        seconds = before + time.perf_counter() - started
        self._note(name, {"seconds": seconds, "peak_gb": peak_gb(), "done": 1})

    def finished(self, name: str) -> bool:
        """Tell whether a step is done."""
        return bool(self.entries.get(name, {}).get("done"))

    @property
    def seconds(self) -> float:
        """Time of all steps."""
        return sum(entry["seconds"] for entry in self.entries.values())

    @property
    def peak_gb(self) -> float:
        """Largest resident memory of any step, in 10^9 bytes."""
        return max((entry.get("peak_gb", 0.0) for entry in self.entries.values()), default=0.0)

    def _note(self, name: str, entry: dict[str, float]) -> None:
        self.entries[name] = entry
        write_text(self.file, json.dumps({"job": self.job, "steps": self.entries}, indent=1) + "\n")

    def _forget(self, name: str, entry: dict[str, float]) -> None:
        """Put a step back to what it was; a job that never began leaves nothing behind."""
        del self.entries[name]
        if entry:
            self._note(name, entry)
        elif not self.entries:
            self.file.unlink()
            with suppress(OSError):  # unless there is something else in it
                self.file.parent.rmdir()


def peak_gb() -> float:
    """Measure the largest resident memory so far of this process or one it waited for, in 10^9 bytes."""
    unit = 1 if sys.platform == "darwin" else 1024  # Linux counts kibibytes, macOS bytes
    own, waited = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(own.ru_maxrss, waited.ru_maxrss) * unit / 1e9
