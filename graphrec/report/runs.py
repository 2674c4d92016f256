"""Reading finished runs back from the files that they leave: ``run.json``, ``metrics.csv``, test metrics."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml

from graphrec.errors import InputError
from graphrec.report.history import METRICS, read_history
from graphrec.report.run_file import IDENTITY, NAME, NoRunError, read_mapping, read_run_file

Part = Literal["test", "val"]
"""What runs are judged on."""
ITEM_SETS = ("all", "repeat", "new")
METRIC = re.compile(rf"(?:test|val)_(?P<measure>[A-Za-z]\w*)_(?P<k>\d+)_(?P<items>{'|'.join(ITEM_SETS)})")
CONFIG, TESTED = "config.yaml", "test_metrics.json"
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
        summary: Final numbers, such as `test_ndcg_20_new`, of one part alone.
        history: One row per epoch, column `epoch` first, then whatever was logged.
        path: The run folder.
        tested: ``fit`` or ``refit``: whose numbers they are; never of both.
        checkpoint_sha256: Of the checkpoint that was tested; empty where an older version tested it.
        measures: Of measures that are not graphrec's: name to title and whether larger is better.
        part: What it was judged on: ``test``, or ``val`` at the epoch that the fit chose.
        said: The rest of ``run.json``, such as ``data_card``.
        notes: What a reader of its test should know, a sentence each.
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
    part: Part = "test"
    said: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def ranks(self) -> bool:
        """Whether it was judged by lists of items."""
        return any(METRIC.fullmatch(name) for name in self.summary)


def read_runs(paths: Sequence[str | Path], part: Part = "test") -> list[RunRecord]:
    """Read every run at or below the paths, once each, in order of data set, name, seed and id.

    Test metrics are those of one test: the last one of the refit, or of the fit where no refit was tested.
    Among several, what is no run, was not judged on the part or ranks nothing is left out with a line.

    Args:
        paths: Run folders, folders of runs, or something inside of a run's folder.
        part: ``test``, or ``val`` for the measures of the fit at the epoch that it chose.

    Raises:
        InputError: A path is missing, a run is unreadable, or nothing is left that can be compared.
    """
    records: list[RunRecord] = []
    left_out: list[NoRunError] = []
    for folder in _folders(paths, left_out):
        try:
            records.append(_record(folder, part))
        except NoRunError as error:
            left_out.append(error)
    records, others = _ranking(records)
    if not records:
        raise left_out[0]
    for reason in [*left_out, *others]:
        print(f"graphrec: left out {reason}", file=sys.stderr)
    return sorted(records, key=lambda record: (record.dataset, record.name, record.seed, record.id))


def _ranking(records: list[RunRecord]) -> tuple[list[RunRecord], list[InputError]]:
    """Keep the runs that rank, where there is one; runs of probabilities alone are compared, too."""
    ranking = [record for record in records if record.ranks]
    if not ranking:
        return records, []
    what, hint = "is no ranking run: it was judged by probabilities", "compare such runs among themselves"
    others = [InputError(what, file=record.path, hint=hint) for record in records if not record.ranks]
    return ranking, others


def _folders(paths: Sequence[str | Path], left_out: list[NoRunError]) -> list[Path]:
    """List the folders of runs, each once; what has none is put to what is left out."""
    found: dict[Path, Path] = {}
    for path in paths:
        try:
            found |= {folder.resolve(): folder for folder in _run_folders(Path(path))}
        except NoRunError as error:
            left_out.append(error)
    return list(found.values())


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
        raise NoRunError("holds no run", file=path, hint=hint)
    return found


def _is_run(folder: Path) -> bool:
    """Tell whether a folder is of a run, and not of its refit, nor one with a configuration alone."""
    inside = folder.name == "refit" and (folder.parent / CONFIG).is_file()
    left = any((folder / name).exists() for name in LEFT)
    return (folder / CONFIG).is_file() and left and not inside


def _record(folder: Path, part: Part) -> RunRecord:
    """Read one run.

    Raises:
        InputError: The run is not graphrec's, or was not judged on the part.
    """
    said = read_run_file(folder)
    history = read_history(folder)
    place = _tested_at(folder)
    tested = {} if place is None else read_mapping(place / TESTED, "run `graphrec test` again")
    if part == "test":
        found, place = _test(folder, tested), place or folder
    else:
        found, place = _validation(folder, said, history), folder
    split = tested.get("split_sha256") if part == "test" else None
    identity = said | {"split_sha256": split or said.get("split_sha256", "")}
    name, run_id, model, dataset, seed, sha = (identity[key] for key in IDENTITY)
    return RunRecord(
        name=str(name),
        id=str(run_id),
        model=str(model),
        dataset=str(dataset),
        seed=int(seed),
        split_sha256=str(sha),
        config=_config(folder / CONFIG),
        summary=_numbers(said["summary"]) | found,
        history=history,
        path=folder,
        tested="refit" if place.name == "refit" else "fit",
        checkpoint_sha256=str(tested.get("checkpoint_sha256", "")) if part == "test" else "",
        measures=_own_measures(tested.get("measures", {})),
        part=part,
        said=said,
        notes=[str(one) for one in tested.get("notes", [])] if part == "test" else [],
    )


def _tested_at(folder: Path) -> Path | None:
    """Find where the test lies that counts: of the refit, else of the fit."""
    return next((place for place in (folder / "refit", folder) if (place / TESTED).is_file()), None)


def _test(folder: Path, tested: dict[str, Any]) -> dict[str, float]:
    """Take the measures of the test part, as ``test_ndcg_20_new``.

    Raises:
        InputError: There is no test.
    """
    if not tested:
        checkpoint = folder / "checkpoints" / "best.ckpt"
        hint = f"run `graphrec test --ckpt_path {checkpoint}` first, or leave this run out"
        raise NoRunError("the run has no test metrics", file=folder, hint=hint)
    return {key: value for key, value in _numbers(tested).items() if key.startswith("test_")}


def _validation(folder: Path, said: dict[str, Any], history: pd.DataFrame) -> dict[str, float]:
    """Take the measures of the validation part at the epoch of the best checkpoint, as ``val_ndcg_20_new``.

    Raises:
        InputError: Nothing was validated, or the run does not say which epoch it chose.
    """
    names = [str(name) for name in history if str(name).startswith("val_")]
    rows = history.dropna(subset=names, how="all") if names else history.head(0)
    chosen = said["summary"].get("best_epoch")  # counts from 1, the file from 0
    if chosen is not None:
        rows = rows[rows["epoch"] == int(chosen) - 1]
    if len(rows) != 1:
        known = "in the epoch that it chose" if chosen is not None else "or does not say which epoch it chose"
        what, hint = f"the run has no validation metrics {known}", "fit it again, or leave this run out"
        raise NoRunError(what, file=folder / METRICS, hint=hint)
    return {name: float(rows[name].iloc[0]) for name in names if pd.notna(rows[name].iloc[0])}


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
