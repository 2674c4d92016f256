"""Options of Lightning that a command would pass over: refused on its command line, not in a shared YAML."""

from __future__ import annotations

from graphrec.errors import InputError

_FIT = ("fit",)
MEANT_FOR: dict[str, tuple[str, ...]] = {
    **{
        f"trainer.{key}": _FIT
        for key in (
            "max_epochs",
            "min_epochs",
            "max_steps",
            "min_steps",
            "max_time",
            "limit_train_batches",
            "overfit_batches",
            "val_check_interval",
            "check_val_every_n_epoch",
            "num_sanity_val_steps",
            "log_every_n_steps",
            "enable_checkpointing",
            "accumulate_grad_batches",
            "gradient_clip_val",
            "gradient_clip_algorithm",
            "detect_anomaly",
            "reload_dataloaders_every_n_epochs",
        )
    },
    "trainer.limit_val_batches": ("fit", "validate"),
    "trainer.limit_test_batches": ("test",),
    "trainer.limit_predict_batches": ("predict",),
    "run.monitor": _FIT,
    "run.mode": _FIT,
    "run.patience": _FIT,
    "run.refit_of": _FIT,
    "run.wandb_artifacts": _FIT,
    "optimizer": _FIT,
    "lr_scheduler": _FIT,
}
"""Key → the commands in which it does something; what is not here does so in all of them."""


def check_meant_for(args: list[str]) -> None:
    """Raise `InputError` for the first option of a command line that its command would pass over.

    Args:
        args: The command and its options.
    """
    for arg in args[1:]:
        key = arg.partition("=")[0].removeprefix("--").rstrip("+") if arg.startswith("--") else ""
        for known, commands in MEANT_FOR.items():
            if args[0] not in commands and _is_below(key, known):
                what = f"this option does nothing in {args[0]}, only in {' and '.join(commands)}"
                raise InputError(what, column=f"--{key}", hint="leave it out")


def is_meant_for(command: str, option: str) -> bool:
    """Tell whether an option does something in a command."""
    key = option.lstrip("-").rstrip("+")
    return all(command in commands for known, commands in MEANT_FOR.items() if _is_below(key, known))


def _is_below(key: str, known: str) -> bool:
    return key == known or key.startswith(f"{known}.")
