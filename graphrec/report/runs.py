"""Reading finished runs back from the files that they leave: ``run.json``, ``metrics.csv``, test metrics."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from graphrec.errors import InputError
from graphrec.report.run_file import IDENTITY, NAME, read_mapping, read_run_file

TEST = "test_"
CONFIG, METRICS, TESTED = "config.yaml", "metrics.csv", "test_metrics.json"
LEFT = (NAME, METRICS, TESTED, "checkpoints")
"""What a fit leaves beside its configuration; a file of that name may also lie above all runs."""


@dataclass(frozen=True, eq=False)
class RunRecord:
    """One run: a model fitted once, with one seed, on one split.

    Args:
        name: Name of the experiment; runs that share it are seeds of one experiment.
        id: Identifier of the run within its name.
        model: Name of the model.
        dataset: Name of the dataset.
        seed: Random seed.
        split_sha256: Fingerprint of the split (`Split.sha256`).
        config: Everything the run was configured with.
        summary: Final numbers, such as `test_ndcg_20_new`.
        history: One row per epoch, column `epoch` first, then whatever was logged.
        path: The run folder.
        tested: ``fit`` or ``refit``: whose test the numbers are; never of both.
        checkpoint_sha256: Of the checkpoint that was tested; empty where an older version tested it.
        measures: Of measures that are not graphrec's: name to title and whether larger is better.
    """

    name: str
    id: str
    model: str
    dataset: str
    seed: int
    split_sha256: str
    config: dict[str, Any]
    summary: dict[str, float]
    history: pd.DataFrame
    path: Path
    tested: str = "fit"
    checkpoint_sha256: str = ""
    measures: dict[str, tuple[str, bool | None]] = field(default_factory=dict)


class _UntestedError(InputError):
    """A run that was fitted but never tested."""


def read_runs(paths: Sequence[str | Path]) -> list[RunRecord]:
    """Read every run at or below the paths, once each, in order of data set, name, seed and id.

    Test metrics are those of one test: the last one of the refit, or of the fit where no refit was tested.

    Args:
        paths: Run folders, folders of runs, or something inside of a run's folder.

    Raises:
        InputError: A path is missing, has no run below it, or a run is unreadable or foreign; or no run is
            tested, or one that was named itself is not. Untested runs in a folder of runs are left out.
    """
    folders = {folder.resolve(): folder for path in paths for folder in _run_folders(Path(path))}
    named = {Path(path).resolve() for path in paths}
    records, untested = [], []
    for folder in folders.values():
        try:
            records.append(_record(folder))
        except _UntestedError as error:
            if folder.resolve() in named:
                raise
            untested.append(error)
    if not records:
        raise untested[0]
    for left_out in untested:
        print(f"graphrec: left out {left_out}", file=sys.stderr)
    return sorted(records, key=lambda record: (record.dataset, record.name, record.seed, record.id))


def _run_folders(path: Path) -> list[Path]:
    """Folders of runs at or below a path, or the one that it lies in, as the user wrote them."""
    hint = "give a run folder such as runs/lightgcn/0, or a folder of runs, written by `graphrec fit`"
    if not path.exists():
        raise InputError("there is no such folder", file=path, hint=hint)
    for above in (path, *path.parents):
        if _is_run(above):
            return [above]
    below = sorted(config.parent for config in path.rglob(CONFIG))
    found = [folder for folder in below if _is_run(folder) and not folder.is_symlink()]
    if not found:
        raise InputError("holds no run", file=path, hint=hint)
    return found


def _is_run(folder: Path) -> bool:
    """Tell whether a folder is of a run, and not of its refit, nor one with a configuration alone."""
    inside = folder.name == "refit" and (folder.parent / CONFIG).is_file()
    left = any((folder / name).exists() for name in LEFT)
    return (folder / CONFIG).is_file() and left and not inside


def _record(folder: Path) -> RunRecord:
    """Read one run.

    Raises:
        InputError: The run is not graphrec's, or was fitted but never tested.
    """
    said = read_run_file(folder)
    tests = [place for place in (folder / "refit", folder) if (place / TESTED).is_file()]
    if not tests:
        checkpoint = folder / "checkpoints" / "best.ckpt"
        hint = f"run `graphrec test --ckpt_path {checkpoint}` first, or leave this run out"
        raise _UntestedError("the run has no test metrics", file=folder, hint=hint)
    tested = read_mapping(tests[0] / TESTED, "run `graphrec test` again")
    identity = said | {"split_sha256": tested.get("split_sha256") or said.get("split_sha256", "")}
    name, run_id, model, dataset, seed, sha = (identity[key] for key in IDENTITY)
    summary = _numbers(said["summary"]) | {
        key: value for key, value in _numbers(tested).items() if key.startswith(TEST)
    }
    return RunRecord(
        name=str(name),
        id=str(run_id),
        model=str(model),
        dataset=str(dataset),
        seed=int(seed),
        split_sha256=str(sha),
        config=_config(folder / CONFIG),
        summary=summary,
        history=_history(folder),
        path=folder,
        tested="refit" if tests[0].name == "refit" else "fit",
        checkpoint_sha256=str(tested.get("checkpoint_sha256", "")),
        measures=_own_measures(tested.get("measures", {})),
    )


def _config(file: Path) -> dict[str, Any]:
    """Read the configuration of a run."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"cannot be read ({error})", file=file, hint="leave this folder out") from error
    return content if isinstance(content, dict) else {}


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    """Keep the numbers among some values."""
    return {key: float(value) for key, value in values.items() if isinstance(value, int | float)}


def _own_measures(told: dict[str, Any]) -> dict[str, tuple[str, bool | None]]:
    """Read what the test said of measures that are not graphrec's; their code is not imported."""
    return {name: (str(one["title"]), one["higher_is_better"]) for name, one in told.items()}


def _history(folder: Path) -> pd.DataFrame:
    """Lay out one row per epoch: Lightning logs training and validation apart, and a resumed epoch twice."""
    parts = [frame for file in _metric_files(folder) if "epoch" in (frame := _csv(file))]
    if not parts:
        return pd.DataFrame({"epoch": pd.Series(dtype="int64")})
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.drop(columns=[column for column in frame if str(column).startswith(TEST)])
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
