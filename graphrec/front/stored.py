"""What the folder of a run holds: its configuration, the split it learned from, the result of its test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from graphrec.cli.config.files import load_yaml
from graphrec.cli.config.moved import renamed
from graphrec.cli.experiment.runs.folder import BEST, RunFolder
from graphrec.cli.experiment.runs.progress import Progress
from graphrec.errors import InputError
from graphrec.files import sha256_of


def config_in(folder: Path) -> dict[str, Any]:
    """Read the configuration of a run.

    Raises:
        InputError: If the folder holds no run with a checkpoint, or one whose seed is not known.
    """
    run = RunFolder(folder)
    if not run.config.is_file() or not (run.checkpoints / BEST).is_file():
        what = "holds no run" if folder.is_dir() else "there is no such folder"
        hint = "give the folder of a finished fit, as runs/x/20260101-120000-ab12"
        raise InputError(what, file=folder, hint=hint)
    config = renamed(load_yaml(run.config))
    if type(config.get("seed_everything")) is not int:
        raise InputError("this run does not tell its seed", file=run.config, hint="fit it with a seed")
    return dict(config)


def experiment_in(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Find what seeds of one experiment share: model, data and split, wherever each has its tables."""
    progress = Progress.of(folder)
    data = dict(config["data"].get("init_args") or {})
    data.pop("source", None)
    split = None if progress is None else progress.split_sha256
    return {"model": config["model"], "data": data, "split": split}


def test_of(checkpoint: Path) -> Path | None:
    """Find the folder with a checkpoint's test result; None if that very file was not tested."""
    folder = checkpoint.parent.parent
    try:
        said = json.loads((folder / "test_metrics.json").read_text(encoding="utf-8"))
        is_of_it = said["checkpoint_sha256"] == sha256_of(checkpoint)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return folder if is_of_it and (folder / "test_users.parquet").is_file() else None
