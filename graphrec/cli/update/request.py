"""What `graphrec update` was asked: the run, its configuration, and the log that has grown."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphrec.cli.config.tasks import check_refits, said, task_class
from graphrec.cli.config.vocabulary import permitted_by
from graphrec.cli.experiment.checkpoints.config import taken
from graphrec.cli.experiment.runs.folder import BEST, RunFolder, read_checkpoint, run_at
from graphrec.cli.experiment.runs.resuming import warn_if_refit_unfinished, warn_if_unfinished
from graphrec.cli.experiment.trainer.options import AT_ONCE
from graphrec.cli.update.log import grown_paths
from graphrec.data.interactions import Columns
from graphrec.errors import InputError
from graphrec.files import sha256_of
from graphrec.notices import note

RECORD = "update.json"
"""File of a run with what its update found."""
_ONE_PROCESS = {"devices": 1, "num_nodes": 1, "strategy": "auto"}
_OF_SPLIT = ("min_item_users", "min_user_items", "drop_cold_items", "drop_cold_users", "whole_catalogue")
"""What a split keeps, whatever its bounds are."""


@dataclass(frozen=True)
class Asked:
    """The options, once files are found.

    Args:
        folder: Of the run that is updated.
        checkpoint: What serves: its refit, or the best of its fit.
        content: Of the checkpoint.
        best: Content of best.ckpt, whose epochs count.
        config: Of the fit.
        old_paths: Files of the log that it was fitted on.
        new_paths: Files that have come since.
        gate_weeks: Weeks of the gate.
        epochs: Of a warm fit; None for a fifth of those of the last full fit.
        trusted: Whether the run may name code that is not graphrec's.
    """

    folder: RunFolder
    checkpoint: Path
    content: dict[str, Any]
    best: dict[str, Any]
    config: dict[str, Any]
    old_paths: list[str]
    new_paths: list[str]
    gate_weeks: int
    epochs: int | None
    trusted: bool

    @property
    def full_epochs(self) -> int:
        """Epochs of the best checkpoint of the last fit that began anew."""
        told = record_of(self.folder.path).get("full_epochs")
        return int(told) if told is not None else int(self.best["epoch"]) + 1

    @property
    def most_epochs(self) -> int:
        """Epochs that a warm fit has at most."""
        return max(1, round(self.full_epochs / 5)) if self.epochs is None else self.epochs

    def said(self) -> dict[str, Any]:
        """Write what was asked, such that the same question is known again."""
        files = sorted(sha256_of(path) for path in self.new_paths)
        return {"log_sha256": files, "gate_weeks": self.gate_weeks, "epochs": self.epochs}

    def key(self) -> str:
        """Name the work on this question: the same for the same run, files and options."""
        text = json.dumps([sha256_of(self.checkpoint), self.said()])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def old_config(self) -> dict[str, Any]:
        """Write the configuration of what serves, with the files of then by name."""
        config = taken(self.content, self.checkpoint, self.trusted)
        _source(config)["path"] = _one_or_list(self.old_paths)
        return config

    def grown_config(self, last_week: int, name: str, own_id: str, root: Path) -> dict[str, Any]:
        """Write the configuration of a fit on all but the weeks of the gate.

        Args:
            last_week: Of the grown log.
            name: Of the run.
            own_id: Of the run.
            root: Folder above.
        """
        config = copy.deepcopy(self.config)
        given = config["data"]["init_args"]
        _source(config)["path"] = [*self.old_paths, *self.new_paths]
        kept = {key: value for key, value in _arguments(given["split"]).items() if key in _OF_SPLIT}
        ends = {"train_end": last_week - self.gate_weeks, "val_end": last_week, "test_end": last_week}
        bounds = {**ends, "column": Columns.WEEK, **kept}
        given["split"] = {"class_path": "graphrec.data.splits.Temporal", "init_args": bounds}
        given["refit"] = False
        config["trainer"] |= {"max_epochs": self.most_epochs, "min_epochs": None}
        config["run"] = {**config.get("run", {}), "name": name, "id": own_id, "root": str(root)}
        return config


def asked(
    path: Path, new: list[Path], gate_weeks: int, epochs: int | None, *, strict: bool, trusted: bool
) -> Asked:
    """Find the run and the files.

    Args:
        path: Folder of a run, or of all runs of a name.
        new: Files, folders and patterns of what has come since.
        gate_weeks: Weeks of the gate.
        epochs: Of a warm fit.
        strict: Refuse to leave out a row of the log.
        trusted: Whether the run may name code that is not graphrec's.

    Raises:
        InputError: If the run cannot be updated.
    """
    folder = run_at(path)
    checkpoint, best = folder.test_checkpoint(), folder.checkpoints / BEST
    if checkpoint is None or not best.is_file():
        raise InputError("holds no best.ckpt", file=path, hint="give the folder of a finished `graphrec fit`")
    warn_if_refit_unfinished(checkpoint)
    warn_if_unfinished(checkpoint)
    content = read_checkpoint(best)
    config = taken(content, best, trusted, fit=True)
    by_gradient = _check_kind(config, folder, trusted)
    if strict:
        config["data"]["init_args"]["strict"] = True
    old_paths, new_paths = grown_paths(_own_source(config, folder), new)
    config["trainer"] = _one_process(config["trainer"])
    if not by_gradient:  # what changes nothing need not be told of
        config["trainer"] = {key: value for key, value in config["trainer"].items() if key not in AT_ONCE}
        if epochs is not None:
            note("this model is fitted at once: --epochs changes nothing")
        epochs = 1
    serving = content if checkpoint == best else read_checkpoint(checkpoint)
    options = (gate_weeks, epochs, trusted)
    return Asked(folder, checkpoint, serving, content, config, old_paths, new_paths, *options)


def record_of(folder: Path) -> dict[str, Any]:
    """Read update.json of a run; empty for a run that is no update."""
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _check_kind(config: dict[str, Any], folder: RunFolder, trusted: bool) -> bool:
    """Tell whether the model is trained by gradient; raise `InputError` for what is no ranker of a log."""
    if config["model"]["class_path"].endswith(".FusionTask"):
        hint = "update its members, then run `graphrec fuse` on them"
        raise InputError("a fusion cannot be updated itself", file=folder.path, hint=hint)
    with permitted_by(config, trusted=trusted):
        kind = task_class(config)
    if not said(kind, "ranks"):
        hint = "fit it again on the whole log"
        raise InputError(f"{said(kind, 'noun')} cannot be updated", file=folder.path, hint=hint)
    check_refits(kind)
    return bool(said(kind, "by_gradient"))


def _own_source(config: dict[str, Any], folder: RunFolder) -> dict[str, Any]:
    """Find the arguments of the source, if it is a table that can grow.

    Raises:
        InputError: If it is none.
    """
    given = config["data"]["init_args"].get("source")
    name = str(given.get("class_path") if isinstance(given, dict) else given).rpartition(".")[2]
    if name != "table":
        what = f"its log is of the source {name}, which takes no further files"
        hint = "write the log as CSV or Parquet and fit with `--data FILE`"
        raise InputError(what, file=folder.path, column="source", hint=hint)
    arguments = _source(config)
    for key in ("valid_path", "test_path"):
        if arguments.get(key):
            hint = "fit on one log with the split Temporal"
            raise InputError("its log was given in parts", file=folder.path, column=key, hint=hint)
    return arguments


def _source(config: dict[str, Any]) -> dict[str, Any]:
    """Find the arguments of the source in a configuration."""
    arguments: dict[str, Any] = config["data"]["init_args"]["source"]["init_args"]
    return arguments


def _arguments(part: Any) -> dict[str, Any]:
    """Find the arguments of a part; none where it is only named."""
    return dict(part.get("init_args") or {}) if isinstance(part, dict) else {}


def _one_or_list(paths: list[str]) -> str | list[str]:
    return paths[0] if len(paths) == 1 else paths


def _one_process(trainer: dict[str, Any]) -> dict[str, Any]:
    """Train in one process: several would each begin the whole update."""
    several = [key for key in _ONE_PROCESS if trainer.get(key) not in (None, "auto", 1, "1")]
    if several:
        named = " and trainer.".join(several)
        note(f"an update trains in one process: trainer.{named} of the run is left out")
    return {**trainer, **_ONE_PROCESS}
