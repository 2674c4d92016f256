"""Example offers in Weights & Biases, in the group of the run that they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from graphrec.cli.experiment.runs.folder import RunFolder, RunOptions
from graphrec.cli.experiment.tracking import wandb_runs
from graphrec.cli.experiment.tracking.loggers import make_loggers, record_in_wandb
from graphrec.cli.experiment.tracking.short_config import short_config
from graphrec.cli.experiment.tracking.tables import record_shown
from graphrec.report.offer_summary import offers_sample, policy_totals
from graphrec.training.shown import Shown

EXAMPLES = 20
"""Offers of a policy that are shown."""


def record_offers(
    checkpoint: Path,
    asked: Mapping[str, Any],
    offers: pd.DataFrame,
    check: Callable[[], pd.DataFrame] | None,
) -> None:
    """Write example offers and what each policy comes to, if the run of the checkpoint has a W&B run.

    A run that is not tracked stays so. The last table of offers takes the place of one before it.

    Args:
        checkpoint: That ranked.
        asked: Policies, scenario and budget, for the configuration.
        offers: The whole table.
        check: Computes how well the probabilities are calibrated; asked only if somebody is to see it. None
            where nothing is left to check them on.
    """
    folder = RunFolder.of_checkpoint(checkpoint)
    if not (folder.path / "wandb").is_dir() or not folder.config.is_file():
        return
    config = yaml.safe_load(folder.config.read_text(encoding="utf-8"))
    known = {key: value for key, value in config["run"].items() if key in RunOptions.__dataclass_fields__}
    options = RunOptions(**known)
    policies = list(dict.fromkeys(offers["policy"]))
    sample = [offers_sample(offers, policy, EXAMPLES).assign(policy=policy) for policy in policies]
    shown = {
        "offers": Shown(pd.concat(sample, ignore_index=True)),
        "policies": Shown(policy_totals(offers)),
    }
    if check is not None:
        shown["calibration"] = Shown(check(), "predicted", ("observed", "predicted"))
    try:
        loggers = make_loggers(options, folder, "offers", config)
        said = {**short_config(config), "run": options.name, "job": "offers", "offers": dict(asked)}
        record_in_wandb(loggers, said, {})
        record_shown(loggers, shown)
    finally:
        wandb_runs.finish()
