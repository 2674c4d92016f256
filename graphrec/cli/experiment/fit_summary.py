"""What is said after a fit: the best value and its epoch, where the files are, the next command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphrec.cli.experiment.runs.folder import BEST, LAST, RunFolder
from graphrec.data.ledger import CLEANING


def summary_lines(
    folder: RunFolder, best: Mapping[str, Any] | None, monitor: str, seconds: float, *, refits: bool
) -> list[str]:
    """Write the lines.

    Args:
        folder: The run's folder, or that of its refit.
        best: The best checkpoint of the fit; None of a refit, and where none was kept.
        monitor: What was watched.
        seconds: How long the fit took.
        refits: Whether the next step may be a refit.
    """
    lines = [f"run: {folder.path}"]
    if best is not None:
        score = _score(best, monitor)
        value = f"{monitor} {score:.4f} " if score is not None else ""
        lines.append(f"best: {value}in epoch {int(best['epoch']) + 1}, after {seconds:,.1f} s")
    lines.append(f"files: {', '.join(_files(folder))}")
    following = _next(folder, refits=refits and best is not None)
    return [*lines, *([f"next: {following}"] if following else [])]


def _score(best: Mapping[str, Any], monitor: str) -> float | None:
    """Find the best value of what was watched, as the checkpoint's own record has it."""
    begins = f"RunCheckpoint{{'monitor': '{monitor}'"
    kept = [state for name, state in best.get("callbacks", {}).items() if name.startswith(begins)]
    score = kept[0].get("best_model_score") if kept else None
    return None if score is None else float(score)


def _files(folder: RunFolder) -> list[str]:
    names = [f"checkpoints/{name}" for name in (BEST, LAST)]
    names += ["config.yaml", "metrics.csv", "run.json", CLEANING]
    return [name for name in names if (folder.path / name).is_file()]


def _next(folder: RunFolder, *, refits: bool) -> str | None:
    """Write the command that a fit is made for; None where no checkpoint was kept."""
    if refits:
        return f"graphrec refit {_quoted(folder.path)}"
    kept = [folder.checkpoints / name for name in (BEST, LAST)]
    checkpoint = next((file for file in kept if file.is_file()), None)
    return None if checkpoint is None else f"graphrec test --ckpt_path {_quoted(checkpoint)}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
