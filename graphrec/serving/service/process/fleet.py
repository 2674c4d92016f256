"""The processes of a service: which version they are to answer with, told by a file in a folder of theirs."""

from __future__ import annotations

import asyncio
import fcntl
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphrec.errors import InputError
from graphrec.serving.service.logs import complain, say
from graphrec.serving.service.metrics import Metrics
from graphrec.serving.service.split import Arm
from graphrec.serving.service.versions import Versions

FILE, LOCK = "wanted.json", "lock"
EVERY = 0.2
"""Seconds between two looks at the file."""


def wanted_at(folder: Path) -> dict[str, Any]:
    """Read what is wanted: ``number``, which grows, and by arm the name of its version."""
    try:
        return dict(json.loads((folder / FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {"number": 0}


def want(folder: Path, names: Mapping[Arm, str]) -> int:
    """Tell all processes which versions to take; their number among what was told."""
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        last = wanted_at(folder)
        told: dict[str, Any] = {**last, **{str(arm): name for arm, name in names.items()}}
        told.update(number=last["number"] + 1, changed=sorted(names))
        beside = folder / f"{FILE}.{os.getpid()}"
        beside.write_text(json.dumps(told), encoding="utf-8")
        beside.replace(folder / FILE)
        return int(told["number"])


class Fleet:
    """One process among those of the service.

    Args:
        folder: Where they tell each other.
        arms: Its models.
        metrics: Counts.
    """

    def __init__(self, folder: Path, arms: Mapping[Arm, Versions], metrics: Metrics) -> None:
        self._folder, self._arms, self._metrics = folder, arms, metrics
        self._number = int(wanted_at(folder)["number"])
        self.refused: str | None = None
        self._lock = threading.Lock()
        self._among_others = multiprocessing.parent_process() is not None

    def take(self, arm: Arm, name: str | None, rollback: bool = False) -> None:
        """Take a version here, then tell the others.

        Raises:
            InputError: If it cannot be loaded; nothing has changed then.
        """
        with self._lock:  # or the watch would take up what is told here, and load it again
            self._load(arm, name, rollback)
            number = want(self._folder, {arm: self._arms[arm].now.name})
            if number == self._number + 1:  # else somebody told another one meanwhile: the watch takes it up
                self._number = number

    async def watch(self) -> None:
        """Follow what the others tell, until this is cancelled.

        Where the process that began them all is gone, nobody could end this one: it ends itself.
        """
        began_by = os.getppid()
        while True:
            await asyncio.sleep(EVERY)
            if self._among_others and os.getppid() != began_by:
                signal.raise_signal(signal.SIGTERM)
            await asyncio.to_thread(self.follow)

    def follow(self) -> None:
        """Take what was told since the last look. What cannot be loaded is told in the log."""
        with self._lock:
            self._follow()

    def _follow(self) -> None:
        told = wanted_at(self._folder)
        if told["number"] == self._number:
            return
        self._number = told["number"]
        for arm, versions in self._arms.items():
            if arm in told and (arm in told["changed"] or told[arm] != versions.now.name):
                try:
                    self._load(arm, told[arm])
                except InputError as error:
                    complain("version refused", arm=arm, why=error.message)

    def _load(self, arm: Arm, name: str | None, rollback: bool = False) -> None:
        try:
            loaded = self._arms[arm].take(name, rollback)
        except InputError as error:
            self.refused = str(error)
            self._metrics.reloads.labels("refused").inc()
            raise
        self.refused = None
        self._metrics.reloads.labels("taken").inc()
        say("version", arm=arm, name=loaded.name, model=loaded.model.version)
