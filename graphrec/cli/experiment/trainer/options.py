"""What a run makes of the trainer's options: refused ones, and its own callbacks beside those of the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint, ModelSummary, ProgressBar

from graphrec.cli.config.locations import Entry
from graphrec.errors import InputError, check_above, check_at_least
from graphrec.notices import note, warn

_NOTHING = {
    "max_epochs": "trains nothing",
    "max_steps": "trains nothing",
    "limit_train_batches": "trains nothing",
    "limit_val_batches": "validates nothing, so no epoch can be chosen",
}
_COUNTS_OR_SHARES = (
    *(f"limit_{part}_batches" for part in ("train", "val", "test", "predict")),
    "overfit_batches",
    "val_check_interval",
)
"""Whole numbers count batches, numbers with a point are shares of all."""


_LEAST = {
    "accumulate_grad_batches": 1,
    "check_val_every_n_epoch": 1,
    "gradient_clip_val": 0,
    "num_sanity_val_steps": -1,
    "log_every_n_steps": 0,
}
_PARTS = {"validate": "limit_val_batches", "test": "limit_test_batches", "predict": "limit_predict_batches"}
"""What bounds the part that a command reads."""
AT_ONCE = (
    *("max_epochs", "min_epochs", "max_steps", "min_steps", "max_time", "limit_train_batches"),
    *("overfit_batches", "val_check_interval", "check_val_every_n_epoch", "accumulate_grad_batches"),
    *("gradient_clip_val", "gradient_clip_algorithm", "reload_dataloaders_every_n_epochs"),
)
"""What changes nothing in a model that is fitted at once, before the first batch."""
WITHOUT_GRADIENTS = {
    "accumulate_grad_batches": 1,
    "gradient_clip_val": None,
    "gradient_clip_algorithm": None,
}
"""What Lightning refuses to leave unused: the trainer of a closed form has none of it."""
_MOST_EPOCHS = 1000
"""Of a fit without any bound, which its patience ends much sooner; Lightning would say so in a warning."""
_SPAWNED = ("ddp_spawn", "ddp_fork", "ddp_notebook")
_PASSED_OVER = {
    "use_distributed_sampler": "users and edges are shared out exactly without it",
    "sync_batchnorm": "no model here has a batch norm",
}


def check_options(command: str, settings: Any) -> None:
    """Refuse what a command would pass over.

    Args:
        command: The command.
        settings: Its configuration.

    Raises:
        InputError: If an option cannot have the effect that its name promises.
    """
    check_any_trainer(settings.trainer)
    check_reads(command, settings.trainer)
    if command == "fit":
        check_trainer(settings.trainer)
    if settings.get("return_predictions") is False:
        what, hint = "predict writes its lists and returns none", "leave it out"
        raise InputError(what, column="--return_predictions", hint=hint)


def check_any_trainer(options: Any) -> None:
    """Refuse what has no effect in any command.

    Args:
        options: The group ``trainer`` of the configuration of an experiment command.

    Raises:
        InputError: For an option that would be passed over.
    """
    if str(options.strategy).startswith(_SPAWNED):
        what = f"{options.strategy} cannot hand a model with its graph to the other processes"
        raise InputError(what, column="--trainer.strategy", hint="choose ddp")
    if options.default_root_dir is not None:
        hint = "give --run.root, --run.name or --run.id"
        raise InputError("a run has its own folder", column="--trainer.default_root_dir", hint=hint)
    for name, reason in _PASSED_OVER.items():
        if options[name]:
            raise InputError(f"{name}: {reason}", column=f"--trainer.{name}", hint="leave it out")
    if (options.num_nodes or 1) > 1:
        nodes = f"waits until {options.num_nodes} nodes have begun"
        note(f"{nodes}; set MASTER_ADDR, MASTER_PORT and NODE_RANK on each")


def check_trainer(options: Any) -> None:
    """Refuse what Lightning would pass over, or stumble over in the middle of a fit.

    Args:
        options: The group ``trainer`` of the configuration of a fit.

    Raises:
        InputError: If an option cannot have the effect that its name promises.
    """
    for name, least in _LEAST.items():
        if options[name] is not None:
            check_at_least(least, **{f"--trainer.{name}": options[name]})
    interval = options.val_check_interval
    if interval is not None and not isinstance(
        interval, int | float
    ):  # Lightning stumbles over its own times
        hint = "give a number of batches, or a share of an epoch"
        raise InputError(f"{interval} is no number", column="--trainer.val_check_interval", hint=hint)
    if interval is not None:
        check_above(0, **{"--trainer.val_check_interval": interval})
    for name, effect in _NOTHING.items():
        if options[name] == 0 and options[name] is not None:
            raise InputError(f"0 {effect}", column=f"--trainer.{name}", hint="leave it out")
    if options.gradient_clip_algorithm is not None and options.gradient_clip_val is None:
        what = "nothing is clipped without --trainer.gradient_clip_val"
        raise InputError(what, column="--trainer.gradient_clip_algorithm", hint="give both or none")
    _check_lengths(options)


def _check_lengths(options: Any) -> None:
    """Refuse a fit that must be longer than it may be, or that ends before it is validated."""
    for unit in ("epochs", "steps"):
        least, most = options[f"min_{unit}"], options[f"max_{unit}"]
        if least is not None and most is not None and 0 < most < least:
            what = f"{least} {unit} at least cannot be had of {most} at most"
            raise InputError(what, column=f"--trainer.min_{unit}", hint=f"give {most} or less")
    epochs, every = options.max_epochs, options.check_val_every_n_epoch or 1
    if epochs is not None and 0 < epochs < every:
        what = f"the fit has {epochs} epochs, of which none is validated"
        raise InputError(what, column="--trainer.check_val_every_n_epoch", hint=f"give {epochs} or less")


def check_reads(command: str, options: Any) -> None:
    """Refuse to validate, test or predict on nothing.

    Args:
        command: The command.
        options: The group ``trainer`` of its configuration.

    Raises:
        InputError: If no batch would be read.
    """
    name = _PARTS.get(command)
    if name is not None and options[name] == 0 and options[name] is not None:
        raise InputError("0 reads nothing", column=f"--trainer.{name}", hint="leave it out")


def tell_at_once(model: str, given: Mapping[str, Entry]) -> None:
    """Say which options change nothing in a model without gradients.

    They are not refused: a script or a YAML that many models share says them for all.

    Args:
        model: What is fitted.
        given: What files and command line say of the trainer.
    """
    idle = [name for name in AT_ONCE if name in given and given[name].value is not None]
    if idle == ["max_epochs"] and given["max_epochs"].value == 1:
        return
    if idle:
        verb = "change" if len(idle) > 1 else "changes"
        note(f"{model} is fitted at once: trainer.{' and trainer.'.join(idle)} {verb} nothing")


def keep_counts(options: Any, given: Mapping[str, Any]) -> dict[str, int | float]:
    """Keep a count of batches as it was written: the parser makes 1.0 of 1, which is all of them.

    Args:
        options: The group ``trainer`` of the configuration.
        given: What files and command line say of that group.

    Returns:
        The numbers to give to the trainer itself.
    """
    found = {name: given[name] for name in _COUNTS_OR_SHARES if type(given.get(name)) in (int, float)}
    for name, value in found.items():
        options[name] = value
    return found


def bound_epochs(options: Any, *, by_gradient: bool) -> None:
    """Write down how many epochs a fit has at most where nothing bounds it: Lightning's number, or one.

    Args:
        options: The group ``trainer``; changed in place.
        by_gradient: Whether the task is trained; what is fitted at once needs one epoch.
    """
    bounds = (options.max_epochs, options.max_time, None if options.max_steps == -1 else options.max_steps)
    if all(one is None for one in bounds):
        options.max_epochs = _MOST_EPOCHS if by_gradient else 1


def is_bare(options: Any) -> bool:
    """Tell whether the trainer is to do nothing but train."""
    return bool(options.barebones)


def callbacks_of(given: Any, ours: Sequence[Callback], options: Any, watched: bool) -> list[Callback]:
    """List the callbacks of the user, then those of ours that go with them.

    Args:
        given: One callback, a list of them, or None.
        ours: What stops the fit, keeps its checkpoints and shows it.
        options: The group ``trainer``.
        watched: Whether there is a validation part; without one, what watches it has nothing to do.
    """
    theirs = list(given) if isinstance(given, list | tuple) else [given] if given is not None else []
    if not watched:
        theirs = [one for one in theirs if not str(getattr(one, "monitor", "")).startswith("val_")]
    stopping = {one.monitor for one in theirs if isinstance(one, EarlyStopping)}
    kept = [one for one in ours if not isinstance(one, EarlyStopping) or one.monitor not in stopping]
    for kind, wanted in (
        (ProgressBar, options.enable_progress_bar),
        (ModelSummary, options.enable_model_summary),
    ):
        if wanted is False or any(isinstance(one, kind) for one in theirs):
            kept = [one for one in kept if not isinstance(one, kind)]
    if options.enable_checkpointing is False or is_bare(options):
        kept = [one for one in kept if not isinstance(one, ModelCheckpoint)]
        warn("no checkpoint is kept, so this run can be neither tested nor used")
    if is_bare(options):
        kept = []  # nothing is logged that they could watch
    return [*theirs, *kept]
