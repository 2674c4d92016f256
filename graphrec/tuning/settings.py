"""One setting of a space: a choice among values, or a range of numbers; words of W&B's sweep files."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)


class Setting(Protocol):
    """A key of a configuration, and what a trial may give it."""

    @property
    def key(self) -> str:
        """Dotted name, as on the command line of a fit."""

    @property
    def size(self) -> int | None:
        """How many values there are; None of a continuous range."""

    @property
    def distribution(self) -> BaseDistribution:
        """What Optuna draws from."""

    def value(self, stored: Any) -> Any:
        """Give the value of the configuration that Optuna's stands for."""

    def stored(self, value: Any) -> Any | None:
        """Give Optuna's value of one of the configuration; None if the setting does not hold it."""

    def values(self) -> list[Any]:
        """List all values; of a continuous range its two ends."""

    def probes(self) -> list[Any]:
        """List what a parser has to be asked about: all choices, or both ends."""

    def told(self) -> str:
        """Say what the setting may be, in words."""


@dataclass(frozen=True)
class Choice:
    """One of some values, of any kind that YAML knows.

    Args:
        key: Dotted name.
        choices: The values, each once.
    """

    key: str
    choices: tuple[Any, ...]

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.choices)

    @property
    def distribution(self) -> CategoricalDistribution:
        """The values as text, which Optuna can store whatever they are."""
        return CategoricalDistribution([_text(one) for one in self.choices])

    def value(self, stored: Any) -> Any:
        """Give the value that a text stands for."""
        return next(one for one in self.choices if _text(one) == stored)

    def stored(self, value: Any) -> str | None:
        """Give the text of a value; None if it is none of these."""
        return _text(value) if _text(value) in map(_text, self.choices) else None

    def values(self) -> list[Any]:
        """List the values."""
        return list(self.choices)

    def probes(self) -> list[Any]:
        """List the values: each may be misspelt."""
        return self.values()

    def told(self) -> str:
        """List the values."""
        return " or ".join(map(shown, self.choices))


@dataclass(frozen=True)
class Range:
    """A number between two bounds, both of which it may be.

    Args:
        key: Dotted name.
        low: The least.
        high: The greatest.
        whole: Whether only whole numbers count.
        log: Whether equal ratios are equally likely, and not equal distances.
        step: Between the values; None of a continuous range, 1 of whole numbers unless said.
    """

    key: str
    low: float
    high: float
    whole: bool = False
    log: bool = False
    step: float | None = None

    @property
    def size(self) -> int | None:
        """How many values there are; None of a continuous range."""
        step = self.step or (1 if self.whole else None)
        return None if step is None else int((self.high - self.low) / step + 1e-9) + 1

    @property
    def distribution(self) -> BaseDistribution:
        """The range as Optuna has it."""
        if self.whole:
            low, high, step = int(self.low), int(self.high), int(self.step or 1)
            return IntDistribution(low, high, log=self.log, step=step)
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def value(self, stored: Any) -> Any:
        """Give the number, with no more than six digits, which is what is printed and fitted."""
        return int(stored) if self.whole else min(max(float(f"{stored:.6g}"), self.low), self.high)

    def stored(self, value: Any) -> float | int | None:
        """Give the number; None if it is none, or lies outside."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not self.low <= value <= self.high or (self.whole and value != int(value)):
            return None
        steps = (value - self.low) / (self.step or math.inf)
        if abs(steps - round(steps)) > 1e-9:
            return None
        return int(value) if self.whole else float(value)

    def values(self) -> list[Any]:
        """List all values where they can be counted, else the two ends."""
        if self.size is None:
            return [self.low, self.high]
        step = self.step or 1
        return [self.value(self.low + place * step) for place in range(self.size)]

    def probes(self) -> list[Any]:
        """List the bounds."""
        return [self.value(self.low), self.value(self.high)]

    def told(self) -> str:
        """Say the bounds."""
        kind = "whole numbers, " if self.whole else ""
        step = "" if self.step is None or (self.whole and self.step == 1) else f" in steps of {self.step:g}"
        return f"{self.low:g} to {self.high:g} ({kind}{'log' if self.log else 'even'}){step}"


def combinations(settings: Sequence[Setting]) -> int | None:
    """Count the points of a space; None if a setting is continuous."""
    sizes = [one.size for one in settings]
    return None if None in sizes else math.prod(size for size in sizes if size is not None)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def shown(value: Any) -> str:
    """Write a value in short: of a dotted path its end, of a class its name and its arguments."""
    if isinstance(value, str):
        return value if "/" in value else value.rpartition(".")[2]
    if isinstance(value, dict) and "class_path" in value:
        arguments = [
            f"{key} {shown(one)}" for key, one in (value.get("init_args") or {}).items() if one is not None
        ]
        return " ".join([shown(value["class_path"]), *arguments])
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value)
