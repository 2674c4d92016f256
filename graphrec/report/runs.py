"""Reading finished runs back from the offline folders that Weights & Biases leaves on disk.

The only module that knows that format. It asks W&B's own reader (`wandb leet inspect`, new in wandb 0.31)
rather than parsing the transaction log. The log has no promised layout, and `wandb.Api` cannot see runs that
were never uploaded.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import track

from graphrec.errors import InputError

TEST = "test_"
_IDENTITY = ("run", "id", "model", "dataset", "seed", "split_sha256")
# JSON has no such numbers: W&B writes them as text.
_NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


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


@dataclass(frozen=True)
class _Log:
    """What one offline folder holds; a run has several when it was resumed or tested later."""

    wandb_id: str
    config: dict[str, Any]
    summary: dict[str, float]
    rows: list[dict[str, float]]
    folder: Path

    @property
    def step(self) -> str:
        """Whether it is of a run's fit or of its refit."""
        run = self.folder.parent.parent if self.folder.parent.name == "wandb" else self.folder
        return "refit" if run.name == "refit" else "fit"

    @property
    def is_test(self) -> bool:
        """Whether a test was logged."""
        return any(key.startswith(TEST) for key in self.summary)


def read_runs(paths: Sequence[str | Path]) -> list[RunRecord]:
    """Read every run found at or below the paths, once each, in order of name, seed and id.

    W&B folders of one run folder that share a W&B id are one run: of numbers logged twice, the later stands.
    Test metrics are those of one test: the last one of the refit, or of the fit where no refit was tested.

    Args:
        paths: Run folders, folders of runs, or single W&B folders (`offline-run-...`).

    Raises:
        InputError: A path is missing, has no run below it, or a run is unreadable or foreign; or no run is
            tested, or one that was named itself is not. Untested runs in a folder of runs are left out.
    """
    folders = sorted({folder for path in paths for folder in _wandb_folders(Path(path))}, key=_started)
    grouped: dict[tuple[Path, str], list[_Log]] = {}
    for folder, log in zip(folders, _read_all(folders), strict=True):
        grouped.setdefault((_run_folder(folder), log.wandb_id), []).append(log)
    named = {Path(path).resolve() for path in paths}
    records, untested = [], []
    for (folder, _), logs in grouped.items():
        try:
            records.append(_record(folder, logs))
        except _UntestedError as error:
            if folder.resolve() in named:
                raise
            untested.append(error)
    if not records:
        raise untested[0]
    for left_out in untested:
        print(f"graphrec: left out {left_out}", file=sys.stderr)
    return sorted(records, key=lambda record: (record.dataset, record.name, record.seed, record.id))


def _wandb_folders(path: Path) -> list[Path]:
    """Find W&B folders at or below a path; symbolic links such as `latest-run` are not followed twice."""
    hint = "give a run folder such as runs/lightgcn/0, or a folder of runs"
    if not path.exists():
        raise InputError("there is no such folder", file=path, hint=hint)
    logs = [path] if path.is_file() and path.suffix == ".wandb" else list(path.rglob("run-*.wandb"))
    # Kept as the user wrote it, so that the report shows relative paths; a link counts as its target.
    found = {log.resolve(): log.parent for log in sorted(logs) if not log.parent.is_symlink()}
    if not found:
        raise InputError("holds no W&B run", file=path, hint=f"{hint}, written by `graphrec fit`")
    return list(found.values())


def _started(folder: Path) -> tuple[str, str]:
    """Make the sorting key: the time in a name like `offline-run-20260131_142500-abc`."""
    stamp = re.search(r"\d{8}_\d{6}", folder.name)
    return (stamp.group() if stamp else "", str(folder))


def _run_folder(folder: Path) -> Path:
    """Find `runs/x/0` for `runs/x/0/wandb/offline-run-...` and for its refit in `0/refit/wandb/...`."""
    run = folder.parent.parent if folder.parent.name == "wandb" else folder
    return run.parent if run.name == "refit" else run


def _read_all(folders: list[Path]) -> Iterable[_Log]:
    """Read folders side by side: each call of W&B's reader takes about a second to start."""
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        logs = pool.map(_read_log, folders)
        console = Console(stderr=True)
        return list(track(logs, "Reading runs", len(folders), console=console, transient=True))


def _read_log(folder: Path) -> _Log:
    """Read one W&B folder by replaying its records.

    Raises:
        InputError: The log is empty or unreadable.
    """
    wandb_id, rows = "", []
    state: dict[str, dict[str, Any]] = {"config": {}, "summary": {}}
    for line in _inspect(folder).splitlines():
        record = json.loads(line)
        kind, content = record["type"], record.get(record["type"], {})
        if kind == "run":
            wandb_id = content["run_id"]
            state["config"].update(content.get("config", {}).get("update", {}))
        elif kind == "history":
            rows.append(_numbers(content["item"]))
        elif kind in state:
            state[kind].update(content.get("update", {}))
            for removed in content.get("remove", []):
                state[kind].pop(removed["key"], None)
    if not wandb_id:
        raise InputError("holds no readable W&B run", file=folder, hint="delete the folder or fit again")
    return _Log(wandb_id, state["config"], _numbers(state["summary"]), rows, folder)


def _inspect(folder: Path) -> str:
    """Read the records of a W&B folder, one JSON object a line.

    It is one call and no `--summary`: each takes a second, and the records hold all that the summary sums up.
    """
    command = [sys.executable, "-P", "-m", "wandb", "leet", "inspect", "--json", str(folder)]
    # The caller's WANDB_MODE=disabled (or a typo in it) must not stop reading what is on disk.
    environment = {key: value for key, value in os.environ.items() if key != "WANDB_MODE"}
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment)
    if done.returncode:
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        hint = "delete the folder if the run was cut off, or check that wandb >= 0.31"
        raise InputError(f"W&B cannot read this run ({reason})", file=folder, hint=hint)
    return done.stdout


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    """Keep the numbers among logged values, without W&B's own bookkeeping (`_step`, `_runtime`, ...)."""
    values = {key: _NOT_FINITE.get(value, value) if isinstance(value, str) else value
              for key, value in values.items() if not key.startswith("_")}  # fmt: skip
    return {key: float(value) for key, value in values.items() if isinstance(value, int | float)}


def _record(path: Path, logs: list[_Log]) -> RunRecord:
    """Make one run out of its logs, oldest first.

    Raises:
        InputError: The run is not graphrec's, or was fitted but never tested.
    """
    tests = [log for log in logs if log.is_test]
    tests = [log for log in tests if log.step == "refit"] or tests
    step = tests[-1].step if tests else "fit"
    config: dict[str, Any] = {}
    summary: dict[str, float] = {}
    for log in sorted(logs, key=lambda log: log.step == step):  # what was tested has the last word
        config |= log.config
        summary |= {key: value for key, value in log.summary.items() if not key.startswith(TEST)}
    missing = [key for key in _IDENTITY if key not in config]
    if missing:
        raise InputError("not a run of graphrec", file=path, column=missing[0], hint="leave this folder out")
    if not tests:
        checkpoint = path / "checkpoints" / "best.ckpt"
        hint = f"run `graphrec test --ckpt_path {checkpoint}` first, or leave this run out"
        raise _UntestedError("the run has no test metrics", file=path, hint=hint)
    summary |= {key: value for key, value in tests[-1].summary.items() if key.startswith(TEST)}
    fitted = [log for log in logs if log.step == "fit"] or logs
    history = _history([row for log in fitted for row in log.rows])
    tested = tests[-1].config.get("tested", {})
    name, run_id, model, dataset, seed, sha = (config[key] for key in _IDENTITY)
    return RunRecord(
        str(name), str(run_id), str(model), str(dataset), int(seed), str(sha), config, summary, history, path,
        step, str(tested.get("checkpoint_sha256", "")), _own_measures(tested.get("measures", {})),
    )  # fmt: skip


def _own_measures(told: dict[str, Any]) -> dict[str, tuple[str, bool | None]]:
    """Read what the test said of measures that are not graphrec's; their code is not imported."""
    return {name: (str(one["title"]), one["higher_is_better"]) for name, one in told.items()}


def _history(rows: list[dict[str, float]]) -> pd.DataFrame:
    """Make one row per epoch: Lightning logs training and validation apart, and a resumed epoch twice."""
    frame = pd.DataFrame(rows)
    if "epoch" not in frame:
        return pd.DataFrame({"epoch": pd.Series(dtype="int64")})
    frame = frame.drop(columns=[column for column in frame if str(column).startswith("test_")])
    frame = frame.dropna(subset=["epoch"]).groupby("epoch", as_index=False).last()
    values = frame.drop(columns=["epoch", "trainer/global_step"], errors="ignore")
    return frame[values.notna().any(axis=1)].astype({"epoch": "int64"}).reset_index(drop=True)
