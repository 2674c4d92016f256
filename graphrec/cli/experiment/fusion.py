"""Finished runs as members of one fusion: what they must share, and one task out of their checkpoints."""

from __future__ import annotations

import copy
import itertools
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
import yaml

from graphrec.cli.config.vocabulary import permitted_by
from graphrec.cli.experiment.checkpoints.checks import check_rows, check_split
from graphrec.cli.experiment.checkpoints.config import taken
from graphrec.cli.experiment.checkpoints.files import save
from graphrec.cli.experiment.runs.folder import BEST, LAST, RunFolder, RunOptions, read_checkpoint, run_at
from graphrec.cli.experiment.runs.locks import locked
from graphrec.cli.experiment.runs.names import check_links
from graphrec.cli.experiment.runs.progress import Progress
from graphrec.cli.experiment.runs.resuming import warn_if_unfinished
from graphrec.cli.experiment.start import run_lightning
from graphrec.data.module import RecommenderData
from graphrec.errors import InputError
from graphrec.files import remove_parts, sha256_of, write_text
from graphrec.fusion.task import FusionTask
from graphrec.graph import BipartiteGraph

STEP = "fuse"
TASK = f"{FusionTask.__module__}.{FusionTask.__name__}"


@dataclass(frozen=True)
class FittedRun:
    """A run and what its checkpoints hold.

    Args:
        folder: The run's folder.
        name: Name of the experiment.
        config: The part of its configuration that counts.
        best: Checkpoint of the fit, which has not seen the validation part.
        refit: Checkpoint of the refit, if there is a finished one.
        sha256: Of the file of `best`.
    """

    folder: Path
    name: str
    config: dict[str, Any]
    best: dict[str, Any]
    refit: dict[str, Any] | None
    sha256: str | None = None

    @classmethod
    def read(cls, path: Path, trusted: bool = False) -> FittedRun:
        """Read a run, or the newest finished one below a name's folder.

        Args:
            path: Folder of the run or of its name.
            trusted: Whether its checkpoints may name code that is not graphrec's.

        Raises:
            InputError: If there is no finished fit, or what is there has seen the validation part.
        """
        run = run_at(path)
        if not (run.checkpoints / BEST).is_file():
            hint = "give the folder of a finished `graphrec fit`"
            raise InputError("holds no best.ckpt", file=run.path, hint=hint)
        warn_if_unfinished(run.checkpoints / BEST)
        best = read_checkpoint(run.checkpoints / BEST)
        config = taken(best, run.checkpoints / BEST, trusted)
        if config["model"]["class_path"] == TASK:
            raise InputError("is a fusion itself", file=run.path, hint="give the runs that it was made of")
        if config["data"]["init_args"].get("refit"):
            hint = "give the folder of the fit, not of its refit"
            raise InputError("has learned from the validation part", file=run.path, hint=hint)
        refit = run.refit.checkpoints / LAST
        kept = read_checkpoint(refit) if refit.is_file() and run.refit.is_whole(LAST) else None
        if kept is not None and taken(kept, refit, trusted)["model"] != config["model"]:
            hint = "run `graphrec refit` again"
            raise InputError("the refit is of another model than the fit", file=refit, hint=hint)
        name = str(config.get("run", {}).get("name", run.path.parent.name))
        return cls(run.path, name, config, best, kept, sha256_of(run.checkpoints / BEST))


def check_runs(runs: Sequence[FittedRun]) -> None:
    """Raise `InputError` unless these are several different runs of one split, with one kind of features."""
    if len(runs) < 2:
        raise InputError(f"{len(runs)} run is nothing to fuse", column="RUN", hint="give two or more")
    for one, other in itertools.combinations(runs, 2):
        _check_different(one, other)
    first = runs[0]
    for run in runs[1:]:
        if run.best["graphrec"]["split_sha256"] != first.best["graphrec"]["split_sha256"]:
            raise InputError(
                f"was fitted to other data or another split than {first.folder} (the split's sha256 differs)",
                file=run.folder,
                hint="fuse runs of one data.yaml",
            )
    featured = [run for run in runs if _features(run) is not None]
    for run in featured[1:]:
        if _features(run) != _features(featured[0]):
            raise InputError(
                f"has other features than {featured[0].folder}", file=run.folder, column="features",
                hint="fuse runs of one data.yaml",
            )  # fmt: skip


def _check_different(one: FittedRun, other: FittedRun) -> None:
    """Raise `InputError` if two members are one run, or copies of one."""
    what = None
    if one.folder.resolve() == other.folder.resolve():
        what = "this run is given twice"
    elif one.sha256 is not None and one.sha256 == other.sha256:
        what = f"holds the same checkpoint as {one.folder}"
    if what is not None:
        hint = "give each run once: a model fused with itself is that model"
        raise InputError(what, file=other.folder, column="RUN", hint=hint)


def labels_of(runs: Sequence[FittedRun]) -> list[str]:
    """Name each member: by its name, or more of its path where two would be called the same."""
    labels = [run.name for run in runs]
    longer = [f"{run.name}-{run.folder.name}" for run in runs], [run.folder.as_posix() for run in runs]
    for more in longer:
        labels = [a if labels.count(a) == 1 else b for a, b in zip(labels, more, strict=True)]
    return [
        label if labels.count(label) == 1 else f"{label}-{place}"
        for place, label in enumerate(labels, start=1)
    ]


def _features(run: FittedRun) -> Any:
    return run.config["data"]["init_args"].get("features")


def fusion_config(
    runs: Sequence[FittedRun],
    weights: Sequence[float],
    options: RunOptions,
    *,
    refit: bool,
    seed: int,
    combine: str,
    gated: bool,
    strict: bool = False,
) -> dict[str, Any]:
    """Write the configuration of the fusion of some runs.

    Args:
        runs: The members; the data is that of the first, or of the first with features.
        weights: One for each.
        options: Of the fusion's own run.
        refit: Whether the members have learned from the validation part too.
        seed: Of the search for the weights.
        combine: What is summed, an argument of `FusionTask`.
        gated: Whether there is a gate, likewise.
        strict: Whether the loss of a row of the log is an error.
    """
    models = [run.config["model"] for run in runs]
    data = copy.deepcopy(next((run for run in runs if _features(run) is not None), runs[0]).config["data"])
    data["init_args"] |= {"refit": refit, "strict": strict}
    own = {"name": options.name, "root": options.root, "id": options.id, "refit_of": None}
    arguments = {"members": models, "weights": list(weights), "combine": combine, "gated": gated}
    model = {"class_path": TASK, "init_args": arguments}
    run = {**runs[0].config.get("run", {}), **own}
    return {"seed_everything": seed, "data": data, "run": run, "model": model}


def build_fusion(
    config: dict[str, Any], checkpoints: Sequence[dict[str, Any]], trusted: bool = False
) -> tuple[FusionTask, RecommenderData]:
    """Build the fusion and its data, the members as in their checkpoints, ready to score.

    Args:
        config: From `fusion_config`.
        checkpoints: Of the members.
        trusted: Whether they may name code that is not graphrec's.

    Raises:
        InputError: If the data is not what the members were fitted to.
    """
    # a copy, for jsonargparse writes what it makes of a configuration into it
    with permitted_by(config, trusted=trusted):
        cli = run_lightning(copy.deepcopy(config), run=False)
    task, data = cast(FusionTask, cli.model), cast(RecommenderData, cli.datamodule)
    for checkpoint in checkpoints:
        check_split(checkpoint, task, data)
        check_rows(checkpoint, task, data)
    data.report()
    states = [checkpoint["state_dict"] for checkpoint in checkpoints]
    task.bind(BipartiteGraph.of(data), task.joined(states))
    task.load_members(states)
    task.eval().to(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    return task, data


def write_fusion(
    folder: RunFolder, name: str, task: FusionTask, data: RecommenderData, config: dict[str, Any]
) -> Path:
    """Write ``config.yaml`` and a checkpoint that holds all members, under a name."""
    text = yaml.safe_dump(config, sort_keys=False)
    state = {name: value.cpu() for name, value in task.state_dict().items()}
    checkpoint = {
        "epoch": 0,
        "global_step": 0,
        "pytorch-lightning_version": version("pytorch-lightning"),
        "state_dict": state,
        "graphrec": {"config": text, **task.fingerprints(data, state)},
    }
    write_text(folder.config, text)
    return save(checkpoint, folder.checkpoints / name)


def check_free(folder: RunFolder) -> None:
    """Raise `InputError` if there is a run already; what is left of a killed fusion is none."""
    progress = Progress.of(folder.path)
    if progress is None and folder.test_checkpoint() is None:
        return
    if progress is None or progress.step != STEP or progress.finished is not None:
        raise InputError("there is a run already", file=folder.path, column="--id", hint="choose another")


@contextmanager
def writing(folder: RunFolder) -> Iterator[None]:
    """Hold the folder of a fusion while it is written, and mark it as whole in the end.

    Raises:
        InputError: If there is a run already, or another process writes there.
    """
    check_links(folder.path, fit=True)
    with locked(folder.path):
        check_free(folder)
        progress = Progress.begin(folder.path, STEP)
        for left in (folder.refit.path, folder.checkpoints):  # by a fusion that was killed
            shutil.rmtree(left, ignore_errors=True)
        remove_parts(folder.path)
        yield
        for place in (folder.refit, folder):
            if place.config.is_file():
                checkpoint = place.checkpoints / (LAST if place.is_refit else BEST)
                progress.finish(place.path, read_checkpoint(checkpoint)["graphrec"]["split_sha256"])
