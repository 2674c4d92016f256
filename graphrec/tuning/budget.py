"""How long a search may go on: a number of trials, or a time; shared out equally."""

from __future__ import annotations

import re
from dataclasses import dataclass

from graphrec.errors import InputError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TIME = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")


@dataclass(frozen=True)
class Budget:
    """What one model may take.

    Args:
        trials: Fits that are begun; None for no bound.
        seconds: Of the clock, all workers side by side; None for no bound.
    """

    trials: int | None = None
    seconds: float | None = None

    def share(self, count: int) -> Budget:
        """Give what each of some models has: the same trials, or an equal part of the time."""
        return Budget(self.trials, None if self.seconds is None else self.seconds / count)

    def told(self) -> str:
        """Say it in words."""
        parts = [] if self.trials is None else [f"{self.trials} trial{'s' * (self.trials != 1)}"]
        parts += [] if self.seconds is None else [clock(self.seconds)]
        return " or ".join(parts) or "no bound"


def seconds_of(text: str) -> float:
    """Read a time such as ``30m``, ``1h30m`` or ``90s``.

    Raises:
        InputError: If it is none, or nothing.
    """
    if not _TIME.fullmatch(text):
        raise InputError(f"{text!r} is no time", column="--budget", hint="write 90s, 30m, 1.5h or 1h30m")
    found = sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)([smhd])", text))
    if found <= 0:
        raise InputError(f"{text!r} is no time to try anything", column="--budget", hint="give 1m or more")
    return found


def clock(seconds: float) -> str:
    """Write a time for people: ``7 s``, ``4 min 10 s``, ``1 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h" + (f" {minutes} min" if minutes else "")
