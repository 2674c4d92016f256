"""An exported model, rebuilt without its log; and what a checkpoint's configuration leaves in an export."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
import yaml

import graphrec
from graphrec.cli.config.vocabulary import permitted_by
from graphrec.cli.experiment.checkpoints.checks import check_weights
from graphrec.cli.experiment.checkpoints.config import taken
from graphrec.cli.experiment.runs.folder import read_checkpoint
from graphrec.cli.experiment.start import run_lightning
from graphrec.data.module import RecommenderData
from graphrec.data.purchases import PurchaseRules
from graphrec.errors import InputError
from graphrec.files import sha256_of
from graphrec.serving.bundle import read_bundle, write_bundle
from graphrec.serving.data import PackedData
from graphrec.serving.packing import CONFIG, packed
from graphrec.training.experiment import ListingTask

DATA = f"{PackedData.__module__}.{PackedData.__name__}"
_OF_DATA = ("weights", "item_sets", "category")
"""What an export keeps of the configuration of the data."""
CLEANING = "cleaning"
"""What it keeps of the source."""
PURCHASES = "purchases"
"""Which rows of its log were purchases."""


def export(
    checkpoint: Path,
    task: ListingTask,
    data: RecommenderData,
    out: Path,
    trusted: bool,
    more: Mapping[str, bytes] | None = None,
) -> Path:
    """Pack a loaded model.

    Args:
        checkpoint: What it was loaded from.
        task: Has the model.
        data: What it was fitted to.
        out: The zip file or folder to write.
        trusted: Whether the checkpoint may name code that is not graphrec's.
        more: Parts of their own, as of offers.

    Raises:
        InputError: If it cannot be written.
    """
    config = taken(read_checkpoint(checkpoint), checkpoint, trusted)
    run = str(config.get("run", {}).get("name", checkpoint.stem))
    of_data = config["data"]["init_args"]
    kept = {key: of_data.get(key) for key in _OF_DATA} | {CLEANING: _cleaning_in(of_data.get("source"))}
    if isinstance(data.source.kept, PurchaseRules):
        kept[PURCHASES] = asdict(data.source.kept)
    config["data"] = {"class_path": DATA, "init_args": kept}
    config["run"] = {"name": run}
    recommender, split = task.recommender, data.split
    about = {
        "graphrec": graphrec.__version__,
        "model": model_name(task),
        "run": run,
        "data": data.source.name,
        "users": len(split.users),
        "items": len(split.items),
        "pairs": recommender.graph.num_edges,
        "filled_items": sum(step.filled for step in data.source.steps if step.table == "items"),
        "split_sha256": split.sha256(),
        "checkpoint": checkpoint.name,
        "checkpoint_sha256": sha256_of(checkpoint),
    }
    parts = packed(config, task.state_dict(), data, task.rows)
    return write_bundle(out, about, {**parts, **(more or {})})


def _cleaning_in(source: Any) -> Any:
    """Find how a log was cleaned; nothing for a source without arguments."""
    given = source.get("init_args") if isinstance(source, dict) else None
    return (given or {}).get(CLEANING)


def model_name(task: ListingTask) -> str:
    """Name the class of the encoder, or of the recommender where there is none; a task of ratings says it."""
    if not task.ranks:
        return task.model_name
    return type(getattr(task.recommender, "encoder", task.recommender)).__name__


def load_export(path: Path, trusted: bool = False) -> tuple[ListingTask, PackedData]:
    """Rebuild the model of an export; nothing but the export is read.

    Args:
        path: The zip file or folder.
        trusted: Whether it may name code that is not graphrec's.

    Raises:
        InputError: If it is damaged, or names code that it may not.
    """
    config = _config(path, trusted)
    with permitted_by(config, trusted=trusted):
        cli = run_lightning(config, run=False)
    task, data = cast(ListingTask, cli.model), cast(PackedData, cli.datamodule)
    content: Mapping[str, Any] = {"state_dict": data.state}
    task.serve(data, data.state)
    check_weights(dict(content), task, path)
    task.load_state_dict(data.state)
    task.eval().to(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    data.report()
    return task, data


def _config(path: Path, trusted: bool) -> dict[str, Any]:
    """Read the configuration, checked as that of a checkpoint before any of it is built."""
    _, parts = read_bundle(path, [CONFIG])
    try:
        text = yaml.safe_dump(json.loads(parts[CONFIG]))
    except (KeyError, ValueError) as error:
        raise InputError("has no configuration", file=path, hint="run `graphrec export` again") from error
    config = taken({"graphrec": {"config": text}}, path, trusted)
    given = config["data"].get("init_args") or {}
    kept = {key: given.get(key) for key in (*_OF_DATA, CLEANING, PURCHASES)}
    config["data"] = {"class_path": DATA, "init_args": {**kept, "path": str(path)}}
    return config
