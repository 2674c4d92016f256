"""The class of the task that a configuration names: it is asked what the commands need to know."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from graphrec.cli.config.locations import Entry
from graphrec.cli.config.moved import present_name
from graphrec.errors import InputError

if TYPE_CHECKING:
    from pytorch_lightning import LightningDataModule, LightningModule


def kinds() -> tuple[type[LightningModule], ...]:
    """List the tasks of ours that a configuration may name in short."""
    import graphrec.offpolicy.satisfaction.task
    import graphrec.response.task  # noqa: F401  a class that is imported may be named without its path
    from graphrec.cli.config.signatures import choices
    from graphrec.training import ExperimentTask

    return tuple(choices(ExperimentTask).values())


def task_class(config: Entry | Mapping[str, Any]) -> type[LightningModule]:
    """Find the class that ``model.class_path`` names; a ranker's if it names none, or nothing that is one.

    Args:
        config: What files and options say, or a whole configuration. Modules that it names have to be
            permitted.

    Raises:
        InputError: If the class does not say which data it takes.
    """
    from pytorch_lightning import LightningModule

    from graphrec.training import RankedTask

    name = _name(config.plain() if isinstance(config, Entry) else config)
    found = None if name is None else _resolved(present_name(name))
    if not inspect.isclass(found) or not issubclass(found, LightningModule):
        return RankedTask  # the parser tells what is wrong with the name
    if not inspect.isclass(getattr(found, "data_class", None)):
        hint = "give it `data_class`, a LightningDataModule"
        raise InputError(f"{found.__name__} does not say which data it takes", column="model", hint=hint)
    return found


def data_class(task: type[LightningModule]) -> type[LightningDataModule]:
    """Find the data that a task takes."""
    return cast("type[LightningDataModule]", said(task, "data_class"))


def base_class(task: type[LightningModule]) -> type[LightningModule]:
    """Find what may stand in a task's place: a task of ours, or a module of Lightning's if it is one."""
    from pytorch_lightning import LightningModule

    from graphrec.training import ExperimentTask

    return ExperimentTask if issubclass(task, ExperimentTask) else LightningModule


def said(task: type[LightningModule], name: str) -> Any:
    """Read an attribute of `Experiment` from a class, or take what holds where it says nothing."""
    from graphrec.training.experiment import Experiment

    return getattr(task, name, getattr(Experiment, name, None))


def check_refits(task: type[LightningModule]) -> None:
    """Raise `InputError` if a task cannot train on its training and validation parts together."""
    if not said(task, "refits"):
        what = f"{said(task, 'noun')} cannot be refitted"
        raise InputError(what, column="refit", hint="test the fit itself")


def _name(config: Mapping[str, Any]) -> str | None:
    model = config.get("model")
    named = model.get("class_path") if isinstance(model, Mapping) else model
    return named if isinstance(named, str) else None


def _resolved(name: str) -> Any:
    """Find the class of a name, or None; the parser tells what fails in a module of the user's."""
    from graphrec.cli.config.signatures import resolve

    try:
        return resolve(name, {kind.__name__: kind for kind in kinds()})
    except Exception:
        return None
