"""What made a run: versions, and the commit of the code that stands in a git repository."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

import graphrec

_PACKAGES = ("torch", "torch-geometric", "pytorch-lightning")
_SECONDS = 3
"""How long git may think about a large repository; without an answer nothing is said of it."""


@cache
def made_by() -> dict[str, str]:
    """Collect versions by package; ``commit`` is of the current folder, ``graphrec commit`` of graphrec."""
    found = {"graphrec": graphrec.__version__, "python": platform.python_version()}
    found |= {package: version(package) for package in _PACKAGES}
    here, ours = commit_of(Path.cwd()), commit_of(Path(graphrec.__file__).parent)
    if here is not None:
        found["commit"] = here
    if ours is not None and ours != here:
        found["graphrec commit"] = ours
    return found


def commit_of(folder: Path) -> str | None:
    """Read the commit that is checked out around a folder.

    Args:
        folder: Any folder.

    Returns:
        Its hash, with `` and changes`` where tracked files differ from it. None outside of a repository, in a
        folder that the repository ignores, and without git.
    """
    if _git(folder, "check-ignore", "-q", ".") is not None:
        return None
    head = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{head} and changes" if head and changes else head or None


def as_comment() -> str:
    """Write it as a comment of a YAML file, in one line."""
    return "# made by " + ", ".join(f"{name} {value}" for name, value in made_by().items())


def _git(folder: Path, *words: str) -> str | None:
    """Ask git something; None if it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
