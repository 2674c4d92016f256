"""What work leaves as it was in the process that called it: random numbers and standard output."""

from __future__ import annotations

import io
import os
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

import numpy as np
import torch

from graphrec.cli.config.vocabulary import permitted, set_policy
from graphrec.cli.errors.boundary import mistakes_told
from graphrec.front.bars import no_widgets

SEEDS = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")
"""What ``seed_everything`` leaves in the environment."""


@contextmanager
def left_as_they_were() -> Iterator[None]:
    """Give the caller's generators of random numbers back as they were, and the seed of the process."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    said = {name: os.environ.get(name) for name in SEEDS}
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
        if devices:
            torch.cuda.set_rng_state_all(devices)
        for name, value in said.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


class Lines(io.TextIOBase):
    """Passes lines on to standard error, each once: fits of several seeds would say the same.

    Args:
        target: Where they go.
        known: Lines that were passed on before.
    """

    def __init__(self, target: TextIO, known: set[str]) -> None:
        self.target, self.known, self._begun = target, known, ""

    def write(self, text: str) -> int:
        """Pass whole lines on."""
        *whole, self._begun = (self._begun + text).split("\n")
        for line in whole:
            if line not in self.known:
                self.known.add(line)
                self.target.write(f"{line}\n")
        return len(text)

    def flush(self) -> None:
        """Flush what it writes to."""
        self.target.flush()

    def __getattr__(self, name: str) -> Any:
        """Ask the target for the rest, such as its encoding."""
        return getattr(self.target, name)


@contextmanager
def told_once(known: set[str] | None = None) -> Iterator[None]:
    """Send what commands print to standard error.

    Args:
        known: Lines that were told before and are not told again; grows. If missing, all are told.
    """
    target = sys.stderr
    if known is None:
        with redirect_stdout(target), no_widgets():
            yield
        return
    with redirect_stdout(Lines(target, known)), redirect_stderr(Lines(target, known)), no_widgets():
        yield


@contextmanager
def at_work(command: str, modules: Sequence[str], known: set[str]) -> Iterator[None]:
    """Do the work of a command for Python: mistakes in one line, nothing on standard output.

    Args:
        command: What the command line calls it.
        modules: Packages that configurations may name beside ours.
        known: Lines that were told before and are not told again.
    """
    set_policy()
    with left_as_they_were(), told_once(known), mistakes_told([command]), permitted(modules):
        yield
