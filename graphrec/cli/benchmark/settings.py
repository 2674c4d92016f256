"""Settings that validation chose, of each model on each data set: searched once and kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from graphrec.benchmarking.cells import Finished
from graphrec.cli.benchmark.plan import DataSet, Model, Settings, fit_arguments

RESULT = "settings.json"


def search_job(model: Model, data: DataSet, k: int, trials: int, seed: int, out: Path) -> dict[str, Any]:
    """Write the job of a search; its folder is another one where it depends on something else.

    Args:
        model: What is tuned.
        data: On what.
        k: Cut-off of what is watched.
        trials: How many settings may be tried.
        seed: Of the search and its fits.
        out: Folder of the benchmark.
    """
    from graphrec.cli.tune.files import shipped_space

    space = shipped_space(model.name)
    text = "" if space is None else space.read_text(encoding="utf-8")
    parts = json.dumps([model.sha256, data.sha256, k, trials, seed, text])
    key = hashlib.sha256(parts.encode()).hexdigest()
    folder = out / "tuning" / data.name / f"{model.name}-{key[:8]}"
    name = f"{data.name} × {model.name}, {trials} trials"
    said = {"data": data.name, "model": model.name, "seed": seed, "trials": trials, "key": key}
    args = fit_arguments(model, data, k)
    return {"name": name, **said, "result": RESULT, "folder": str(folder), "args": args}


def read_settings(job: dict[str, Any]) -> dict[str, Any] | None:
    """Read what a search came to; None if it has not ended."""
    file = Path(job["folder"]) / RESULT
    if not file.is_file():
        return None
    said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return said if said.get("key") == job["key"] else None


def settings_of(said: dict[str, Any]) -> Settings:
    """Take the settings that a search chose."""
    return Settings(said["settings"], said["tried"], said["tune_seconds"])


def tried(said: dict[str, Any]) -> str:
    """Say how many trials a search had, or why it had none."""
    if not said.get("tried"):
        return "no space of settings comes with this model: its defaults"
    return f"{said['tried']} trial{'s' * (said['tried'] != 1)}, best {said['value']:.4f} on validation,"


def unsettled(said: dict[str, Any], job: dict[str, Any]) -> Finished:
    """Make the row of a model whose search failed: it has no cells."""
    return Finished(Path(job["folder"]), {**said, "settings": {}, "trials": 0})
