"""``graphrec export``: a fitted model in one file that moves between machines."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphrec.cli.commands import COMMANDS
from graphrec.cli.list_options import STRICT
from graphrec.cli.start_up import importing
from graphrec.cli.trust import add_trust
from graphrec.errors import InputError
from graphrec.notices import note

CHECKPOINT = ".ckpt"
OFFERS = (
    "last of all: pack what live offers are made of, too; the words behind it are those of"
    " `graphrec offers`, as --budget 500 --max_rate 0.2"
)
EXAMPLE = """examples:
  graphrec export runs/complete_journey-lightgcn --out model.zip
  graphrec export runs/complete_journey-lightgcn --out model --offers --budget 500 --costs costs.csv
                                           # with all that a live service makes offers of
"""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "export",
        help=COMMANDS["export"],
        description="Pack weights, ids, history, features and attributes of a fitted ranker, so that"
        " `graphrec recommend` and `graphrec similar` need neither the run nor its log.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run_help = "folder of a run, whose refit is taken if there is one; or a checkpoint of it"
    parser.add_argument("RUN", type=Path, help=run_help)
    out = "file that ends in .zip, which is replaced, or a new folder"
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER|FILE.zip", help=out)
    parser.add_argument("--strict", action="store_true", help=STRICT)
    parser.add_argument("--offers", nargs=argparse.REMAINDER, metavar="WORD", help=OFFERS)
    add_trust(parser)
    parser.set_defaults(run=run, parser=type(parser))


def run(options: argparse.Namespace) -> Path:
    """Load the model as every command does, and pack it."""
    with importing():
        from graphrec.cli.experiment.exports import export, model_name
        from graphrec.cli.offers.live import live_parts
        from graphrec.serving.bundle import check_place

    check_place(options.out)
    checkpoint = _checkpoint(options.RUN)
    task, data, more = live_parts(options, checkpoint, options.out, options.strict)
    if task.made_again(task.state_dict()):
        kept = "keeps no weights: it is fitted again to the history in the export when loaded"
        note(f"{model_name(task)} {kept}")
    path = export(checkpoint, task, data, options.out, options.trust, more)
    size = path.stat().st_size if path.is_file() else sum(one.stat().st_size for one in path.iterdir())
    print(f"{model_name(task)} of {checkpoint}, {size / 1e6:,.1f} MB: {path}")
    return path


def _checkpoint(given: Path) -> Path:
    """Find what a test would load of a run.

    Raises:
        InputError: If it is an export, or the run has no checkpoint.
    """
    from graphrec.cli.experiment.runs.folder import checkpoint_at
    from graphrec.serving.bundle import is_bundle

    if is_bundle(given):
        raise InputError("this was exported already", file=given, hint="copy it, or give the run")
    return given if given.suffix == CHECKPOINT else checkpoint_at(given)
