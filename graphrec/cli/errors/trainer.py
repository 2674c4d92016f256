"""What Lightning says about an option of its trainer, with the option and the hint."""

from __future__ import annotations

import re

from graphrec.errors import InputError

_HELP = "see `graphrec fit --help`"
_NO_GPU = re.compile(
    r"No supported gpu backend|(?:CUDA|MPS)Accelerator.{0,3} can ?not run|No CUDA GPUs|no NVIDIA"
)
_NOT_INSTALLED = re.compile(r"Requirement '.*' not met|is not installed|No module named")
_OPTIONS = (
    "accumulate_grad_batches", "check_val_every_n_epoch", "fast_dev_run", "gradient_clip_algorithm",
    "gradient_clip_val", "limit_predict_batches", "limit_test_batches", "limit_train_batches",
    "limit_val_batches", "max_epochs", "max_steps", "max_time", "min_epochs", "min_steps", "num_nodes",
    "overfit_batches", "reload_dataloaders_every_n_epochs", "val_check_interval", "accelerator", "strategy",
    "precision", "profiler", "plugins", "devices",
)  # fmt: skip


def in_place(told: str) -> InputError:
    """Put the mistake that Lightning tells at the option it names.

    Args:
        told: Its message, in one line.
    """
    if _NO_GPU.search(told):
        hint = "leave --trainer.accelerator out to compute on the CPU"
        return InputError("this machine has no GPU that torch can use", hint=hint)
    if _NOT_INSTALLED.search(told):
        return InputError(told, hint="install it, or leave out the option that asks for it")
    if "numpy accepts from" in told:
        return InputError(f"no seed: {told}", column="--seed_everything", hint="give another one")
    named = next((name for name in _OPTIONS if re.search(rf"\b{name}\b", told)), None)
    return InputError(told, column=f"--trainer.{named}" if named else None, hint=_HELP)
