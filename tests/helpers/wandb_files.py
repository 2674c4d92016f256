"""The offline files of Weights & Biases, read back with its own reader."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass
class WandbFiles:
    """What one offline run holds.

    Args:
        run: Its identity: ``run_id``, ``display_name``, ``run_group``, ``job_type``, ``tags``.
        config: The configuration.
        summary: The numbers at the end.
        metrics: How each metric is summed up, by name.
        rows: What was logged.
        stats: What was seen of the machine.
        folder: Where its files are.
    """

    run: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    stats: list[dict[str, Any]] = field(default_factory=list)
    folder: Path = Path()

    def table(self, name: str) -> pd.DataFrame:
        """Read a table that was logged under a name."""
        content = json.loads((self.folder / "files" / self.summary[f"{name}.path"]).read_text())
        return pd.DataFrame(content["data"], columns=content["columns"])


def read_wandb(folder: Path) -> WandbFiles:
    """Replay the records of an ``offline-run-...`` folder."""
    command = [sys.executable, "-P", "-m", "wandb", "leet", "inspect", "--json", str(folder)]
    environment = {key: value for key, value in os.environ.items() if key != "WANDB_MODE"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    found = WandbFiles(folder=folder)
    for line in done.stdout.splitlines():
        record = json.loads(line)
        content = record.get(record["type"], {})
        if record["type"] == "run":
            found.run |= content
            found.config |= content.get("config", {}).get("update", {})
        elif record["type"] == "config":
            found.config |= content.get("update", {})
        elif record["type"] == "summary":
            found.summary |= content.get("update", {})
        elif record["type"] == "metric" and "name" in content:
            found.metrics[content["name"]] = content.get("summary", {})
        elif record["type"] == "history":
            found.rows.append(content["item"])
        elif record["type"] == "stats":
            found.stats.append(content)
    return found


def wandb_runs_of(run: Path) -> dict[str, WandbFiles]:
    """All W&B runs of a run's folder and of its refit, by job type."""
    folders = sorted(path for path in run.rglob("offline-run-*") if path.is_dir())
    return {found.run["job_type"]: found for found in map(read_wandb, folders)}
