"""A recommender or a response out of its checkpoint, with the data it was fitted to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import torch
from pytorch_lightning import LightningModule

from graphrec.cli.config.files import leaves
from graphrec.cli.config.tasks import said, task_class
from graphrec.cli.config.vocabulary import permitted_by
from graphrec.cli.experiment.checkpoints.checks import check_rows, check_split, check_weights
from graphrec.cli.experiment.checkpoints.config import taken
from graphrec.cli.experiment.exports import load_export
from graphrec.cli.experiment.runs.folder import read_checkpoint
from graphrec.cli.experiment.runs.resuming import warn_if_unfinished
from graphrec.cli.experiment.start import run_lightning
from graphrec.data.module import RecommenderData
from graphrec.errors import InputError
from graphrec.response.data import ResponseData
from graphrec.response.task import ResponseTask
from graphrec.response.visits import WINDOWS, Windows
from graphrec.results import check_no_input
from graphrec.serving.bundle import looks_so
from graphrec.training import RankedTask
from graphrec.training.experiment import ListingTask

if TYPE_CHECKING:  # scikit-learn comes with it
    from graphrec.offpolicy.satisfaction.data import SatisfactionData
    from graphrec.offpolicy.satisfaction.task import SatisfactionTask


def load_run(
    checkpoint: Path, strict: bool = False, trusted: bool = False, out: Path | None = None
) -> tuple[RankedTask, RecommenderData]:
    """Rebuild a ranker and its data, see `load_lister`.

    Raises:
        InputError: If it is none, or cannot be rebuilt.
    """
    task, data = load_lister(checkpoint, strict, trusted, out, "ranks")
    return as_ranker(task, checkpoint), data


def load_lister(
    checkpoint: Path,
    strict: bool = False,
    trusted: bool = False,
    out: Path | None = None,
    wanted: Literal["recommends", "ranks"] = "recommends",
) -> tuple[ListingTask, RecommenderData]:
    """Rebuild the model and the data of a checkpoint, or of what `graphrec export` wrote.

    Args:
        checkpoint: Of a run, or an export.
        strict: Refuse to leave out a row of the log.
        trusted: Whether it may name code that is not graphrec's.
        out: What the caller is going to write.
        wanted: What it must do: ``recommends`` items, as a model of ratings does too, or ``ranks`` them.

    Raises:
        InputError: If the checkpoint does not do it or cannot be read, or the data is not what it was trained
            on. Also if `out` is a file of it.
    """
    if looks_so(checkpoint):
        return _exported(checkpoint, strict, trusted, out, wanted)
    content = read_checkpoint(checkpoint)
    warn_if_unfinished(checkpoint)
    config = taken(content, checkpoint, trusted)
    with permitted_by(config, trusted=trusted):
        kind = task_class(config)
    _check_does(kind, wanted, checkpoint)
    if out is not None:
        check_no_input(out, (value for _, value in leaves(config["data"], "data")))
    if strict:
        config["data"]["init_args"]["strict"] = True
    return load_on(checkpoint, content, config, trusted)


def load_on(
    checkpoint: Path, content: dict[str, Any], config: dict[str, Any], trusted: bool
) -> tuple[ListingTask, RecommenderData]:
    """Rebuild a model on the data that a configuration names, if it is what the model was trained on.

    Args:
        checkpoint: The file.
        content: What is in it.
        config: Its configuration, perhaps with the log in another place.
        trusted: Whether it may name code that is not graphrec's.

    Raises:
        InputError: If the data is not what it was trained on.
    """
    with permitted_by(config, trusted=trusted):
        cli = run_lightning(config, run=False)
    task, data = cli.model, cli.datamodule
    check_split(content, task, data)
    task.serve(data, content["state_dict"])
    check_weights(content, task, checkpoint)
    check_rows(content, task, data)
    task.load_state_dict(content["state_dict"])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    task.eval().to(device)
    data.report()
    return task, data


def as_ranker(task: ListingTask, file: Path) -> RankedTask:
    """Take a task whose rankings are judged.

    Raises:
        InputError: If they are not.
    """
    _check_does(type(task), "ranks", file)
    return cast(RankedTask, task)


def _check_does(kind: type[LightningModule], wanted: str, file: Path) -> None:
    """Raise `InputError` if a model does not do what is wanted of it."""
    if not said(kind, wanted):
        hint = "give best.ckpt of a ranker; `graphrec offers` takes a response with --response"
        what = f"this checkpoint holds {said(kind, 'noun')}, which ranks nothing"
        if said(kind, "recommends"):
            what = f"this checkpoint holds {said(kind, 'noun')}, and a ranker is asked for here"
        raise InputError(what, file=file, column="--ckpt_path", hint=hint)


def _exported(
    path: Path, strict: bool, trusted: bool, out: Path | None, wanted: str
) -> tuple[ListingTask, RecommenderData]:
    """Rebuild what was exported, which has no log."""
    if strict:
        hint = "leave it out; `graphrec export --strict` counts what the log loses"
        raise InputError("an export has no log of which rows could be lost", column="--strict", hint=hint)
    if out is not None:
        check_no_input(out, [path])
    task, data = load_export(path, trusted)
    _check_does(type(task), wanted, path)
    return task, data


def load_response(checkpoint: Path, trusted: bool = False) -> tuple[ResponseTask, ResponseData]:
    """Rebuild the model and the data of a response's checkpoint; the data computes its rows when asked.

    Args:
        checkpoint: The file.
        trusted: Whether it may name code that is not graphrec's.

    Raises:
        InputError: If the file is no checkpoint of a response.
    """
    content, config = _content(checkpoint, trusted, RESPONSE)
    with permitted_by(config, trusted=trusted):
        cli = run_lightning(config, run=False)
    task = cli.model
    if (kept := content["graphrec"].get(WINDOWS)) is not None:
        cli.datamodule.keep(Windows.read(kept))
    task.on_load_checkpoint(content)
    state = content["state_dict"]
    tables = [value for name, value in state.items() if name.startswith("network.effects.")]
    task.bind(len(state["network.centre"]), tuple(len(table) - 1 for table in tables))
    task.load_state_dict(state)
    return task.eval().to(torch.device("cuda" if torch.cuda.is_available() else "cpu")), cli.datamodule


def load_satisfaction(checkpoint: Path, trusted: bool = False) -> tuple[SatisfactionTask, SatisfactionData]:
    """Rebuild the model and the data of satisfaction; the data builds its visits when asked.

    Args:
        checkpoint: The file.
        trusted: Whether it may name code that is not graphrec's.

    Raises:
        InputError: If the file is no checkpoint of satisfaction.
    """
    content, config = _content(checkpoint, trusted, SATISFACTION)
    with permitted_by(config, trusted=trusted):
        cli = run_lightning(config, run=False)
    cli.model.load_state_dict(content["state_dict"])
    return cli.model.eval(), cli.datamodule


class _Meant(NamedTuple):
    """What an option asks a checkpoint to hold, and which class says that it does."""

    option: str
    says: str
    noun: str
    data: str
    hint: str


RESPONSE = _Meant(
    "--response",
    "gives_curves",
    "response",
    "ResponseData",
    "give a run of experiments/complete_journey/response.yaml or the like",
)
SATISFACTION = _Meant(
    "--satisfaction",
    "foretells_satisfaction",
    "satisfaction",
    "SatisfactionData",
    "give a run of experiments/complete_journey/satisfaction.yaml or the like",
)


def _content(checkpoint: Path, trusted: bool, meant: _Meant) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a checkpoint and its configuration.

    Raises:
        InputError: If it is none, or of something else.
    """
    try:
        content = read_checkpoint(checkpoint)
    except InputError as error:
        hint = f"give best.ckpt of a run whose data is {meant.data}"
        raise InputError("this is no checkpoint", file=checkpoint, column=meant.option, hint=hint) from error
    config = taken(content, checkpoint, trusted)
    with permitted_by(config, trusted=trusted):
        kind = task_class(config)
    if not said(kind, meant.says):
        what = f"this checkpoint holds no {meant.noun}"
        raise InputError(what, file=checkpoint, column=meant.option, hint=meant.hint)
    return content, config
