"""``graphrec update``: a run on a log that has grown, if it is no worse than what serves."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphrec.cli.commands import COMMANDS
from graphrec.cli.commands.fitted.export import OFFERS
from graphrec.cli.list_options import STRICT
from graphrec.cli.start_up import importing
from graphrec.cli.trust import add_trust
from graphrec.errors import InputError

EXAMPLE = """examples:
  graphrec update runs/shop-lightgcn --log week54.parquet
  graphrec update runs/shop-lightgcn --log week54.csv week55.csv --gate_weeks 2
  graphrec update runs/shop-lightgcn --log 'new/*.parquet' --export models
  graphrec update runs/shop-lightgcn --log week54.csv --export models --offers --budget 500
"""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "update",
        help=COMMANDS["update"],
        description="Join the new rows to the log of a run. Fit without the last weeks, beginning with what"
        " the run has learnt, and compare with the run on those weeks. Unless that is worse, fit on all"
        " weeks: the result is a run beside the old one, which all commands take by the name. If it is worse,"
        " nothing is replaced and the exit code is 1.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="RUN", help="folder of a run, or of all runs of a name: then the newest")
    new = "rows that have come since, in the columns of the run's log: files, folders or quoted patterns"
    add("--log", type=Path, metavar="NEW", required=True, nargs="+", help=new)
    gate = "last weeks of the grown log on which old and new are compared (default: %(default)s)"
    add("--gate_weeks", type=int, default=1, metavar="N", help=gate)
    epochs = "most epochs of a trained model; a fifth of those of its first fit if missing"
    add("--epochs", type=int, metavar="N", help=epochs)
    out = "if the gate opens, export the new run into a folder of its name in here"
    add("--export", type=Path, metavar="FOLDER", help=out)
    add("--strict", action="store_true", help=STRICT)
    add("--offers", nargs=argparse.REMAINDER, metavar="WORD", help=OFFERS)
    add_trust(parser)
    parser.set_defaults(run=run, parser=type(parser))


def run(options: argparse.Namespace) -> Path:
    """Update a run; exit code 1 if the gate stays closed."""
    for option in ("gate_weeks", "epochs"):
        value = getattr(options, option)
        if value is not None and value < 1:
            raise InputError(f"{value} is too small", column=f"--{option}", hint="give 1 or more")
    with importing():
        from graphrec.cli.experiment.runs.folder import checkpoint_at
        from graphrec.cli.offers.live import parsed
        from graphrec.cli.update.ending import check_export, ended
        from graphrec.cli.update.request import asked
        from graphrec.cli.update.steps import done_before, update

    check_export(options.export)
    if options.offers is not None:
        if options.export is None:
            hint = "name --export FOLDER before it, or leave it out"
            raise InputError("what live offers need is part of an export", column="--offers", hint=hint)
        parsed(options.offers, options.parser, checkpoint_at(options.folder))  # a mistake is told at once
    given = (options.folder, options.log, options.gate_weeks, options.epochs)
    question = asked(*given, strict=options.strict, trusted=options.trust)
    folder = done_before(question)
    return ended(folder or update(question), options, again=folder is not None)
