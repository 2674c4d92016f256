"""The cells of a benchmark as they lie on disk: what is finished, what failed, and their runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.report.runs import RunRecord, read_runs

RESULT = "cell.json"
COLUMNS = [
    *("data", "model", "seed", "state", "why", "fit_minutes", "total_minutes", "peak_gb", "trials"),
    *("tune_minutes", "settings", "graphrec", "split_sha256", "validation", "folder"),
]


@dataclass(frozen=True)
class Finished:
    """A cell that came to an end.

    Args:
        folder: Where it lies.
        said: Content of its ``cell.json``.
    """

    folder: Path
    said: dict[str, Any]

    @property
    def data(self) -> str:
        """Name of the data set."""
        return str(self.said["data"])

    @property
    def model(self) -> str:
        """Name of the model."""
        return str(self.said["model"])

    @property
    def why_failed(self) -> str:
        """Why there is no result; empty where there is one."""
        return str(self.said.get("failed", ""))

    @property
    def row(self) -> dict[str, Any]:
        """Write it as a row of `COLUMNS`."""
        seconds = self.said.get("seconds", {})
        row = {key: self.said.get(key) for key in COLUMNS}
        row |= {"state": "failed" if self.why_failed else "done", "why": self.why_failed}
        row["fit_minutes"] = seconds["fit"] / 60 if seconds else None
        row["total_minutes"] = sum(seconds.values()) / 60 if seconds else None
        row["tune_minutes"] = self.said.get("tune_seconds", 0.0) / 60
        row["settings"] = json.dumps(self.said["settings"], sort_keys=True)
        return {**row, "folder": str(self.folder)}


def finished(folder: Path, key: str) -> Finished | None:
    """Read a cell that came to an end; None if it has not, or its folder holds another one.

    Args:
        folder: Of the cell.
        key: Fingerprint of what it depends on.
    """
    file = folder / RESULT
    if not file.is_file():
        return None
    said = json.loads(file.read_text(encoding="utf-8"))
    return Finished(folder, said) if said.get("key") == key else None


def table(cells: Sequence[Finished]) -> pd.DataFrame:
    """Lay the cells out, a row each: columns `COLUMNS`."""
    return pd.DataFrame([cell.row for cell in cells], columns=COLUMNS)


def runs_of(cells: Sequence[Finished]) -> list[RunRecord]:
    """Read the runs of the cells that have a result, called by data set and model."""
    return [
        replace(run, name=cell.model, dataset=cell.data)
        for cell in cells
        if not cell.why_failed
        for run in read_runs([cell.folder])
    ]


def main_value(folder: Path, k: int) -> float:
    """Read NDCG at a cut-off on the first item set of a cell that has a result."""
    (run,) = read_runs([folder])
    return run.summary[f"test_ndcg_{k}"]
