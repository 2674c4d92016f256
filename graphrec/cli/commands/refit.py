"""``graphrec refit``: once the choices are made, train on train and validation together."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from graphrec.cli.commands import COMMANDS
from graphrec.cli.start_up import importing
from graphrec.cli.trust import add_trust
from graphrec.errors import InputError


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "refit",
        help=COMMANDS["refit"],
        description="Repeat a fit on the train and validation parts together, for as many epochs as its best "
        "checkpoint had. The result goes to refit/ inside the run's folder; `graphrec test` prefers it. It "
        "keeps the calibration of the fit, so that `graphrec offers` takes it, too.",
        epilog="example: graphrec refit runs/complete_journey-lightgcn/20260101-120000-ab12",
    )
    parser.add_argument(
        "folder", type=Path, metavar="RUN", help="folder of a run, or of all runs of a name: then the newest"
    )
    parser.add_argument("--strict", action="store_true", help="make the loss of any row of the log an error")
    add_trust(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path:
    """Read the chosen epoch and fit again; return the new checkpoint."""
    with importing():
        import yaml

        from graphrec.cli.config.tasks import check_refits, said, task_class
        from graphrec.cli.config.vocabulary import permitted_by
        from graphrec.cli.experiment.checkpoints.config import taken
        from graphrec.cli.experiment.runs.folder import BEST, LAST, read_checkpoint, run_at
        from graphrec.cli.experiment.runs.resuming import warn_if_unfinished
        from graphrec.cli.experiment.start import run_lightning
        from graphrec.cli.offers.curves.calibration import KeepsCalibration, of_fit

    folder = run_at(options.folder)
    if not (folder.checkpoints / BEST).is_file():
        raise InputError(
            "holds no best.ckpt", file=folder.path, hint="give the folder of a finished `graphrec fit`"
        )
    warn_if_unfinished(folder.checkpoints / BEST)
    best = read_checkpoint(folder.checkpoints / BEST)
    config = taken(best, folder.checkpoints / BEST, options.trust, fit=True)
    if config["model"]["class_path"].endswith(".FusionTask"):
        hint = "run `graphrec fuse` on runs of its members"
        raise InputError("a fusion cannot be fitted itself", file=folder.path, hint=hint)
    with permitted_by(config, trusted=options.trust):
        kind = task_class(config)
    check_refits(kind)
    calibration = of_fit(folder.checkpoints / BEST, options.trust) if said(kind, "ranks") else None
    config["trainer"]["max_epochs"] = int(best["epoch"]) + 1
    config["run"]["refit_of"] = str(folder.path)
    if options.strict:
        config["data"]["init_args"]["strict"] = True
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "config.yaml"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        with permitted_by(config, trusted=options.trust):
            kept = [] if calibration is None else [KeepsCalibration(calibration)]
            run_lightning(["fit", "--config", str(file)], trainer_defaults={"callbacks": kept})
    return folder.refit.checkpoints / LAST
