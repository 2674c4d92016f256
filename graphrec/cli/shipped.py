"""The experiments that come with graphrec: YAML files, studies and benchmarks."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_INSTALLED = _PACKAGE / "experiments"
EXPERIMENTS = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "experiments"
"""Their folder: in the package where it was installed, beside it in a clone of the project."""
