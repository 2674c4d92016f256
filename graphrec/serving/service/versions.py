"""Versions of a model: which one answers, how another takes its place, and the one before it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from graphrec.errors import InputError
from graphrec.serving.bundle import is_bundle, looks_so
from graphrec.serving.live.answers import Answers
from graphrec.serving.service.split import Arm

Opener = Callable[[Path], Answers]


@dataclass(frozen=True)
class Loaded:
    """A model that answers.

    Args:
        name: Of the file or folder that it lies in.
        model: It.
        since: Seconds since 1970.
    """

    name: str
    model: Answers
    since: float


def versions_at(place: Path) -> list[Path]:
    """List the exports of a folder, oldest first by name; one that is an export itself is the only one.

    Args:
        place: An export, a link to one, or a folder of several.

    Raises:
        InputError: If there is none.
    """
    if place.is_dir() and not is_bundle(place):
        found = sorted(one for one in place.iterdir() if not one.name.startswith(".") and is_bundle(one))
        if found:
            return found
        raise InputError("holds no export", file=place, hint="give what `graphrec export` wrote")
    if not place.exists():
        raise InputError("there is no such file or folder", file=place, hint="check the path")
    if not looks_so(place):
        raise InputError("is no export", file=place, hint="give what `graphrec export` wrote")
    return [place.resolve()]  # a link that is turned to another version later must not change this one


class Versions:
    """The model of one arm. Answers in work keep the one that they began with.

    Args:
        arm: Of the split.
        place: See `versions_at`.
        opener: Loads an export.
    """

    def __init__(self, arm: Arm, place: Path, opener: Opener, first: str | None = None) -> None:
        self.arm, self.place, self._opener = arm, place, opener
        self._lock = threading.Lock()
        path = self._named(first)
        self._path, self._before = path, None if first is None else self._one_before(path)
        self.now = self._load(path)

    @property
    def previous(self) -> str | None:
        """The version that a rollback takes."""
        return None if self._before is None else self._before.name

    def there(self) -> list[str]:
        """Name the versions, oldest first; none if the place is gone."""
        try:
            return [path.name for path in versions_at(self.place)]
        except InputError:
            return []

    def take(self, name: str | None = None, rollback: bool = False) -> Loaded:
        """Load a version and let it answer from now on. If it cannot be loaded, the old one goes on.

        Args:
            name: Of the version; the newest, or what the link leads to now, if missing.
            rollback: Take the one before.

        Raises:
            InputError: If there is no such version, or it is damaged.
        """
        with self._lock:
            path = self._last() if rollback else self._named(name)
            loaded = self._load(path)
            if path != self._path:
                self._path, self._before = path, self._path
            self.now = loaded
            return loaded

    def _load(self, path: Path) -> Loaded:
        return Loaded(path.name, self._opener(path), time.time())

    def _last(self) -> Path:
        if self._before is None:
            hint = "name a version to take"
            raise InputError("no version answered before this one", hint=hint)
        return self._before

    def _named(self, name: str | None) -> Path:
        """Find a version by its name, which is no path: nothing outside the folder is ever read."""
        found = versions_at(self.place)
        if name is None:
            return found[-1]
        beside = found if self.place.is_dir() and not is_bundle(self.place) else self._beside(found[0])
        for path in beside:
            if path.name == name:
                return path
        known = ", ".join(path.name for path in beside[-5:])
        raise InputError(f"there is no version {name!r}", file=self.place, hint=f"there are {known}")

    def _beside(self, path: Path) -> list[Path]:
        """List what lies where a link leads to; a rollback finds the version before it there."""
        return [one for one in sorted(path.parent.iterdir()) if one == path or is_bundle(one)]

    def _one_before(self, path: Path) -> Path | None:
        there = versions_at(self.place)
        at = there.index(path) if path in there else 0
        return there[at - 1] if at else None
