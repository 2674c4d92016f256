"""Start a command of Lightning, or only build its model and data."""

from __future__ import annotations

from typing import Any

import jsonargparse

from graphrec.cli.config.names import explain_refusal
from graphrec.cli.errors.foreign import hidden_mistake
from graphrec.cli.experiment.checkpoints.config import Basis
from graphrec.cli.experiment.lightning import GraphRecCLI
from graphrec.cli.experiment.runs.record import RecordRun
from graphrec.cli.experiment.tracking import wandb_runs


def run_lightning(
    args: list[str] | dict[str, Any],
    kind: type[GraphRecCLI] = GraphRecCLI,
    basis: Basis | None = None,
    **kwargs: Any,
) -> GraphRecCLI:
    """Run a subcommand of Lightning, or with ``run=False`` only build model and data.

    Args:
        args: Command line, or a whole configuration.
        kind: Which commands.
        basis: What the command line stands on.
        kwargs: Of LightningCLI.

    Raises:
        InputError: If something in the data is wrong, or code is named that may not be.
    """
    strict: dict[str, Any] = {"exit_on_error": False, "allow_abbrev": False}  # no guess at half a name
    if isinstance(args, list):
        text = f"example: graphrec {args[0]} -c experiments/complete_journey/lightgcn.yaml"
        strict |= {args[0]: {**strict, "epilog": text}}
    try:
        return kind(
            subclass_mode_model=True,
            subclass_mode_data=True,
            save_config_callback=RecordRun,
            save_config_kwargs={"save_to_log_dir": False},
            seed_everything_default=0,
            parser_kwargs={"prog": "graphrec", **strict},
            args=args,
            basis=basis,
            **kwargs,
        )
    except jsonargparse.ArgumentError as error:
        given, checkpoint = (None, None) if basis is None else (basis.given, basis.checkpoint)
        if (mistake := explain_refusal(error, given, checkpoint)) is not None:
            raise mistake from None
        raise
    except ValueError as error:  # jsonargparse hides it in an error of its own
        if (mistake := hidden_mistake(error)) is not None:
            raise mistake from None
        raise
    finally:
        wandb_runs.finish()
