"""What a run makes of the trainer's options: refused ones, and its own callbacks beside those of the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint

from graphrec.errors import InputError, check_at_least
from graphrec.notices import warn

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


_PASSED_OVER = {
    "use_distributed_sampler": "users and edges are shared out exactly without it",
    "sync_batchnorm": "no model here has a batch norm",
}


def check_any_trainer(options: Any) -> None:
    """Refuse what has no effect in any command.

    Args:
        options: The group ``trainer`` of the configuration of an experiment command.

    Raises:
        InputError: For an option that would be passed over.
    """
    if options.default_root_dir is not None:
        mend = "give --run.root, --run.name or --run.id"
        raise InputError("a run has its own folder", column="--trainer.default_root_dir", mend=mend)
    for name, reason in _PASSED_OVER.items():
        if options[name]:
            raise InputError(f"{name}: {reason}", column=f"--trainer.{name}", mend="leave it out")


def check_trainer(options: Any) -> None:
    """Refuse what Lightning would pass over, or stumble over in the middle of a fit.

    Args:
        options: The group ``trainer`` of the configuration of a fit.

    Raises:
        InputError: If an option cannot have the effect that its name promises.
    """
    at_least = {"accumulate_grad_batches": 1, "check_val_every_n_epoch": 1, "gradient_clip_val": 0}
    for name, least in at_least.items():
        if options[name] is not None:
            check_at_least(least, **{f"--trainer.{name}": options[name]})
    for name, effect in _NOTHING.items():
        if options[name] == 0 and options[name] is not None:
            raise InputError(f"0 {effect}", column=f"--trainer.{name}", mend="leave it out")
    epochs, every = options.max_epochs, options.check_val_every_n_epoch or 1
    if epochs is not None and 0 < epochs < every:
        what = f"the fit has {epochs} epochs, of which none is validated"
        raise InputError(what, column="--trainer.check_val_every_n_epoch", mend=f"give {epochs} or less")


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


def is_bare(options: Any) -> bool:
    """Whether the trainer is to do nothing but train."""
    return bool(options.barebones)


def callbacks_of(given: Any, ours: Sequence[Callback], options: Any, watched: bool) -> list[Callback]:
    """The callbacks of the user, then those of ours that go with them.

    Args:
        given: One callback, a list of them, or None.
        ours: What stops the fit and keeps its checkpoints.
        options: The group ``trainer``.
        watched: Whether there is a validation part; without one, what watches it has nothing to do.
    """
    theirs = list(given) if isinstance(given, list | tuple) else [given] if given is not None else []
    if not watched:
        theirs = [one for one in theirs if not str(getattr(one, "monitor", "")).startswith("val_")]
    stopping = {one.monitor for one in theirs if isinstance(one, EarlyStopping)}
    kept = [one for one in ours if not isinstance(one, EarlyStopping) or one.monitor not in stopping]
    if options.enable_checkpointing is False or is_bare(options):
        kept = [one for one in kept if not isinstance(one, ModelCheckpoint)]
        warn("no checkpoint is kept, so this run can be neither tested nor used")
    if is_bare(options):
        kept = []  # nothing is logged that they could watch
    return [*theirs, *kept]
