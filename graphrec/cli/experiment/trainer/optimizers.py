"""``--optimizer`` and ``--lr_scheduler``: what a configuration puts in the place of a task's own Adam.

LightningCLI has the options, but makes the optimizer before the model has weights, and passes over a schedule
that comes alone.
"""

from __future__ import annotations

from typing import Any

from pytorch_lightning import LightningModule
from pytorch_lightning.cli import instantiate_class
from pytorch_lightning.utilities.types import (
    LRSchedulerConfigType,
    LRSchedulerTypeUnion,
    OptimizerLRScheduler,
)
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from graphrec.cli.config.locations import Entry
from graphrec.errors import InputError
from graphrec.notices import note, warn
from graphrec.training.experiment import experiment_of

Named = dict[str, Any]
"""``class_path`` and ``init_args``."""


_SHARED = {"lr": "learning_rate", "weight_decay": "weight_decay"}
"""Arguments of an optimizer that tasks have too, by the name they have there."""


def settle_shared(settings: Any, given: Entry) -> None:
    """Make optimizer and task agree on the learning rate and the weight decay, and say which one holds.

    What is written for the optimizer holds, then what is written for the task, then the optimizer's default.

    Args:
        settings: The configuration of the command, complete with defaults; changed in place.
        given: What files and options say.
    """
    if settings.get("optimizer") is None:
        return
    ours, theirs = settings.model.init_args, settings.optimizer.get("init_args") or {}
    for name, key in _SHARED.items():
        if name not in theirs or key not in ours:
            continue
        if not _is_given(given, "optimizer", name) and _is_given(given, "model", key):
            theirs[name] = ours[key]
            note(f"optimizer: {name} {theirs[name]:g}, as the model says")
        elif _is_given(given, "model", key) and ours[key] != theirs[name]:
            what = f"optimizer.{name} {theirs[name]:g} holds, model.{key} {ours[key]:g} does not"
            warn(f"{key} is given twice: {what}", hint="leave one of them out")
        ours[key] = theirs[name]


def _is_given(given: Entry, group: str, key: str) -> bool:
    """Tell whether a file or an option names an argument, below ``init_args`` or without."""
    keys = given.keys[group].keys if group in given.keys else {}
    return key in keys or ("init_args" in keys and key in keys["init_args"].keys)


def choose(task: LightningModule, optimizer: Named | None, schedule: Named | None, monitor: str) -> None:
    """Put the named optimizer and schedule in the place of the task's own; either may be missing.

    Args:
        task: Gets another ``configure_optimizers``, which is called once its weights are there.
        optimizer: Class and arguments.
        schedule: Class and arguments; it steps once an epoch.
        monitor: What ``ReduceLROnPlateau`` watches unless it says so itself.

    Raises:
        InputError: If the task learns nothing by gradient.
    """
    if optimizer is None and schedule is None:
        return
    asked = experiment_of(task)
    if not asked.by_gradient:
        raise InputError(
            f"{asked.model_name} is not trained by gradient, so there is nothing for it to do",
            column="--optimizer" if optimizer is not None else "--lr_scheduler",
            hint="leave it out",
        )
    own = task.configure_optimizers

    def configure_optimizers() -> OptimizerLRScheduler:
        """Make the named ones; what is not named stays the task's own."""
        if optimizer is None:
            made, kept = _parts(own())
        else:
            made = instantiate_class(_groups(task), optimizer)
            kept = asked.schedule(made)
        if schedule is not None:
            kept = _watching(instantiate_class(made, schedule), monitor)
            kept |= {"frequency": task.trainer.check_val_every_n_epoch or 1} if "monitor" in kept else {}
        return made if kept is None else {"optimizer": made, "lr_scheduler": kept}

    task.configure_optimizers = configure_optimizers  # type: ignore[method-assign]


def _groups(task: LightningModule) -> list[Any]:
    """Collect what is to be optimised, in the groups of the task if it has some."""
    groups = experiment_of(task).parameter_groups()
    return [one for one in task.parameters() if one.requires_grad] if groups is None else groups


def _parts(own: Any) -> tuple[Optimizer, LRSchedulerConfigType | None]:
    """Take the optimizer and the schedule of a task that returns one, or both in a mapping."""
    if isinstance(own, Optimizer):
        return own, None
    return own["optimizer"], own["lr_scheduler"]


def _watching(schedule: LRSchedulerTypeUnion, monitor: str) -> LRSchedulerConfigType:
    """Write a schedule as Lightning wants it, with what it watches if it does."""
    if not isinstance(schedule, ReduceLROnPlateau):
        return {"scheduler": schedule}
    watched = getattr(schedule, "monitor", monitor)
    return {"scheduler": schedule, "monitor": watched, "strict": False}
