"""``graphrec tune``: the best settings of a model, of several, or of all, found on validation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.cli.commands import COMMANDS
from graphrec.cli.start_up import importing
from graphrec.cli.table_options import add_table_options
from graphrec.cli.trust import add_trust

if TYPE_CHECKING:
    from graphrec.cli.tune.models import Found

EXAMPLE = """examples:
  graphrec tune -m lightgcn --data purchases.csv
  graphrec tune -m lightgcn --data purchases.csv --budget 30m --workers 2 --out runs/tune/lightgcn
  graphrec tune --models lightgcn ease ials spectral --data purchases.csv --budget 30m
  graphrec tune --auto --data purchases.csv --budget 40m
  graphrec tune -m experiments/complete_journey/lightgcn.yaml --trials 12
  graphrec tune -m ease --data purchases.csv --subsample 0.2 --trials 30 --no-test
"""
PRUNERS = ("asha", "hyperband", "median", "none")


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "tune",
        help=COMMANDS["tune"],
        description="Try settings on the validation part, the default first, and write the best ones. Each"
        " trial is one `graphrec fit`. In the end the best is fitted again on train and validation and tested"
        " once. A search that was killed goes on with the same command and repeats nothing.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-m", "--model", metavar="MODEL", help="a model by its name, or a YAML file of one")
    what.add_argument("--models", nargs="+", metavar="MODEL", help="several, each with the same budget")
    what.add_argument(
        "--auto", action="store_true", help="all that fit the budget, and a fusion of the best few"
    )
    parser.add_argument(
        "--data", help="a file or folder as of `graphrec fit --data`; needed for models by name"
    )
    _add_search(parser)
    parser.add_argument("--out", type=Path, help="folder to write to; runs/tune/NAME if missing")
    parser.add_argument(
        "--no-test",
        "--no_test",
        dest="no_test",
        action="store_true",
        help="refit the best, but do not test it",
    )
    add_table_options(parser, "the file of --data")
    add_trust(parser)
    parser.set_defaults(run=run)


def _add_search(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("the search").add_argument
    add("--space", type=Path, help="YAML file of what may be tried; that of the model if missing")
    add("--trials", type=int, metavar="N", help="fits per model (20 if no --budget is given)")
    add("--budget", metavar="TIME", help="time of the search, such as 30m: shared equally by the models")
    add("--workers", type=int, default=1, metavar="N", help="processes that fit (default 1)")
    add("--pruner", choices=PRUNERS, default="asha", help="which trials stop before their end (default asha)")
    add(
        "--subsample",
        type=float,
        metavar="SHARE",
        help="search on this share of the users; fit the best to all",
    )
    add("--seed", type=int, default=0, help="seed of the search and of every fit (default 0)")
    what = "settings of every fit, as trainer.max_epochs=50"
    add("--set", nargs="+", metavar="KEY=VALUE", default=[], dest="settings", help=what)


def run(options: argparse.Namespace) -> Found:
    """Search, refit, test."""
    from graphrec.cli.tune.checks import check_optuna, check_tune

    check_optuna()
    check_tune(options)
    with importing():
        from graphrec.cli.tune.command import run_tune

    return run_tune(options)
