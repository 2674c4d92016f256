"""fit, validate, test and predict: from a command line to Lightning."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from graphrec.cli.config.environment import with_environment
from graphrec.cli.errors.boundary import mistakes_told
from graphrec.cli.shipped import with_shipped
from graphrec.cli.short import spelled
from graphrec.cli.start_up import importing
from graphrec.cli.trust import TRUST

if TYPE_CHECKING:
    from graphrec.cli.experiment.lightning import GraphRecCLI


def run_experiment(args: list[str], kind: type[GraphRecCLI] | None = None) -> Any:
    """Run fit, validate, test or predict as the command line does.

    Args:
        args: The command and its options.
        kind: Commands that do more, such as watch each epoch; those of the command line if missing.

    Returns:
        The LightningCLI object (``.model``, ``.trainer``, ``.datamodule``).

    Raises:
        InputError: What the user can fix.
    """
    args = with_environment(args, os.environ)
    with mistakes_told(args):
        return _lightning(args, kind)


def _lightning(args: list[str], kind: type[GraphRecCLI] | None) -> Any:
    """Hand an experiment command to Lightning; a checkpoint brings its configuration with it."""
    from graphrec.cli.config.files import check_configs
    from graphrec.cli.config.moved import renamed_option
    from graphrec.cli.experiment.meant_for import check_meant_for

    trusted, strict = TRUST in args, "--strict" in args
    args = ["--ckpt_path" if arg == "--ckpt" else arg for arg in args if arg not in (TRUST, "--strict")]
    args += ["--data.init_args.strict=true"] if strict else []
    args = with_shipped(spelled([renamed_option(arg) for arg in args]))
    check_meant_for(args)
    check_configs(args)
    with importing():
        from graphrec.cli.config.vocabulary import permitted
        from graphrec.cli.experiment.checkpoints.config import on_checkpoint
        from graphrec.cli.experiment.lightning import GraphRecCLI
        from graphrec.cli.experiment.option_help import help_asked
        from graphrec.cli.experiment.start import run_lightning

    if (text := help_asked(args)) is not None:
        print(text)
        raise SystemExit(0)
    with on_checkpoint(args, trusted) as basis, permitted(basis.modules):
        return run_lightning(basis.args, kind or GraphRecCLI, basis=basis)
