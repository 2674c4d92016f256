"""Whether a step of a run is whole: a file in its folder tells when it was begun and when it was finished."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path

from graphrec.files import sha256_of, write_text

PROGRESS = "progress.json"


@dataclass(frozen=True)
class Progress:
    """What is known of a fit, a refit or a fusion.

    Args:
        step: ``fit``, ``refit`` or ``fuse``.
        started: When it was last begun or gone on with; UTC in the form of ISO 8601, as all times here.
        finished: When it was finished; None of one that runs or was killed.
        checkpoints: SHA-256 of the files in ``checkpoints/`` by name, once it is finished.
        split_sha256: The split it learned from, once it is finished.
    """

    step: str
    started: str
    finished: str | None = None
    checkpoints: dict[str, str] = field(default_factory=dict)
    split_sha256: str | None = None

    @classmethod
    def of(cls, folder: Path) -> Progress | None:
        """Read what the file in a folder says; None if there is none that can be read."""
        try:
            content = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
            found = cls(**content)
        except (OSError, ValueError, TypeError):
            return None
        return found if found._is_sound() else None

    def _is_sound(self) -> bool:
        """Tell whether a file that could be read holds what is written here, and nothing else."""
        texts = [self.step, self.started, *self.checkpoints] if isinstance(self.checkpoints, dict) else [None]
        texts += [text for text in (self.finished, self.split_sha256) if text is not None]
        return all(isinstance(text, str) for text in texts)

    @classmethod
    def begin(cls, folder: Path, step: str) -> Progress:
        """Note that a step begins; until it is finished, what the folder holds is not whole."""
        return cls(step, now())._written(folder)

    def finish(self, folder: Path, split_sha256: str) -> Progress:
        """Note that the step is finished and which checkpoints it left."""
        files = sorted((folder / "checkpoints").glob("*.ckpt"))
        kept = {file.name: sha256_of(file) for file in files}
        done = dataclasses.replace(self, finished=now(), checkpoints=kept, split_sha256=split_sha256)
        return done._written(folder)

    def _written(self, folder: Path) -> Progress:
        write_text(folder / PROGRESS, json.dumps(dataclasses.asdict(self), indent=1) + "\n")
        return self


def now() -> str:
    """Write the time such that later ones sort behind earlier ones as text."""
    return _text(dt.datetime.now(dt.UTC))


def last_worked_on(run: Path) -> str:
    """Find when a run or its refit was last begun or finished, by its own record.

    Copying, moving and touching a folder do not change it. Runs of older versions have no record; theirs is
    the time of their configuration file.
    """
    records = [record for folder in (run, run / "refit") if (record := Progress.of(folder)) is not None]
    times = [time for record in records for time in (record.started, record.finished) if time is not None]
    if times:
        return max(times)
    config = run / "config.yaml"
    return _text(dt.datetime.fromtimestamp(config.stat().st_mtime, dt.UTC)) if config.is_file() else ""


def _text(time: dt.datetime) -> str:
    return time.isoformat(timespec="microseconds")
