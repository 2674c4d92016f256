"""What a benchmark says while it runs: a line for each cell that ended, and one of what is left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console

from graphrec.cli.benchmark.processes import Running

_EVERY_SECONDS = 1.0


class Progress:
    """Tells what is done and what is left.

    Args:
        count: How many there are in the whole benchmark.
        left: How many this start has to do.
        what: What they are: cells or searches.
    """

    def __init__(self, count: int, left: int, what: str) -> None:
        self._count, self._left = count, left
        self._began, self._ended, self._drawn = time.monotonic(), 0, 0.0
        self._status = Console(stderr=True).status("")
        if left < count:
            print(f"{count - left} of {count} {what} are finished already and not done again")

    def watch(self, running: Sequence[Running]) -> None:
        """Show what is being fitted and how much is left, where somebody looks."""
        if time.monotonic() - self._drawn < _EVERY_SECONDS:
            return
        self._drawn = time.monotonic()
        now = [f"{one.job['name']} ({one.seconds:.0f} s)" for one in running]
        self._status.update(f"{self._remaining()} Now: {'; '.join(now)}")

    def ended(self, name: str, why_failed: str, came: str, seconds: float) -> None:
        """Print a line for one that ended.

        Args:
            name: What it is.
            why_failed: Why it failed; empty if it did not.
            came: What it came to.
            seconds: How long it took.
        """
        self._ended += 1
        place = f"[{self._count - self._left + self._ended}/{self._count}]"
        said = f"FAILED, {why_failed}." if why_failed else f"{came} in {_clock(seconds)}."
        print(f"{place} {name}: {said} {self._remaining()}", flush=True)

    def _remaining(self) -> str:
        left = self._left - self._ended
        if not self._ended or not left:
            return f"{left} left."
        spent = time.monotonic() - self._began
        return f"{left} left, about {_clock(spent / self._ended * left)}."

    def __enter__(self) -> Progress:
        """Begin to show."""
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show no more."""
        self._status.stop()


def _clock(seconds: float) -> str:
    """Write a time for people."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
