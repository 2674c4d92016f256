"""``graphrec policy evaluate``: what policies are worth, by a log of decisions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.cli.commands import COMMANDS
from graphrec.cli.start_up import importing
from graphrec.cli.table_options import add_table_options, check_out_folder, reading
from graphrec.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

EXAMPLE = """examples:
  graphrec policy evaluate --log test.csv --columns arm=treatment reward=spend --randomised
  graphrec policy evaluate --log offers.csv --facts age city visits --control none --out runs/policy
  graphrec policy evaluate --log log.csv --policy new_rule --score uplift --columns user_id=customer
"""
WRITTEN = ("values.csv", "support.csv", "curves.csv", "tenths.csv", "policy.html")
"""What ``--out`` gets."""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "policy",
        help=COMMANDS["policy"],
        description="evaluate: judge each arm for all, other policies and a personal one by a log of"
        " decisions. The log has the columns arm (or a rate) and reward, and may have user_id, cost and"
        " propensity. Values are reward less cost per decision, with 95 % intervals over people. What the log"
        " cannot answer is refused with the reason.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("action", choices=["evaluate"])
    add(
        "--log",
        metavar="FILE",
        required=True,
        help="a row per decision: arm, reward; user_id, cost, propensity",
    )
    add("--randomised", action="store_true", help="arms were drawn, in the shares that the log has")
    named = "columns that name the arm which another policy would have taken"
    add("--policy", nargs="+", default=[], metavar="COLUMN", help=named)
    known = "columns that were known BEFORE the decision, for models of the reward and for a personal policy"
    add("--facts", nargs="+", default=[], metavar="COLUMN", help=known)
    add("--score", metavar="COLUMN", help="sort people by this column for uplift curve, Qini and AUUC")
    add(
        "--control",
        metavar="ARM",
        help="the arm without a treatment; by its name (none, control, 0) if missing",
    )
    add("--model", choices=["linear", "boosting"], default="linear", help="of the reward (default linear)")
    add("--seed", type=int, default=0, help="of the split of people and of the bootstrap (default 0)")
    add("--out", type=Path, metavar="FOLDER", help=f"also write {', '.join(WRITTEN)}")
    add(
        "--wandb",
        metavar="PROJECT",
        help="also log the tables to Weights & Biases, offline unless it is online",
    )
    add_table_options(parser, "the log")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> pd.DataFrame:
    """Judge, print, and write where a folder is given."""
    if options.wandb and not options.out:
        raise InputError("the run needs a folder", column="--wandb", hint="give --out")
    check_out_folder(options.out, WRITTEN, [options.log])
    with importing():
        from graphrec.cli.policy.evaluate import evaluate
        from graphrec.data.tables.read import load_table

    columns, text = reading(options, {"log": "decisions"})
    return evaluate(load_table(options.log, columns, kind="decisions", text=text), options)
