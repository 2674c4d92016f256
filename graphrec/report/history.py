"""``metrics.csv`` of a run, and of the parts before it where a fit was resumed."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

METRICS = "metrics.csv"


def read_history(folder: Path) -> pd.DataFrame:
    """Lay out one row per epoch: Lightning logs training and validation apart, and a resumed epoch twice."""
    parts = [frame for file in _metric_files(folder) if "epoch" in (frame := _csv(file))]
    if not parts:
        return pd.DataFrame({"epoch": pd.Series(dtype="int64")})
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.drop(columns=[column for column in frame if str(column).startswith("test_")])
    frame = frame.dropna(subset=["epoch"]).groupby("epoch", as_index=False).last()
    values = frame.drop(columns=["epoch", "step"], errors="ignore")
    frame = frame.drop(columns="step", errors="ignore")
    return frame[values.notna().any(axis=1)].astype({"epoch": "int64"}).reset_index(drop=True)


def _metric_files(folder: Path) -> list[Path]:
    """``metrics.csv``, after what earlier parts of a resumed fit wrote."""
    parts = [(int(found[1]), file) for file in folder.glob("metrics.part*.csv")
             if (found := re.fullmatch(r"metrics\.part(\d+)\.csv", file.name))]  # fmt: skip
    whole = folder / METRICS
    return [*(file for _, file in sorted(parts)), *([whole] if whole.is_file() else [])]


def _csv(file: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(file)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
