"""``graphrec policy evaluate``: what policies are worth, by a log of decisions."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.cli.commands import COMMANDS
from graphrec.cli.start_up import importing
from graphrec.cli.table_options import add_table_options, check_out, check_out_folder, reading, table_file
from graphrec.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

EXAMPLE = """examples:
  graphrec policy evaluate --log test.csv --columns arm=treatment reward=spend --randomised
  graphrec policy evaluate --log offers.csv --facts age city visits --control none --out runs/policy
  graphrec policy decide --log test.csv --randomised --facts age city --cost sms=0.1 letter=0.9 \\
    --users people.csv --budget 500 --explore 0.05 --out arms.csv     # the best arm for each of them
  graphrec policy evaluate --log log.csv --policy new_rule --score uplift --columns user_id=customer
"""
ONLY = {
    "evaluate": ("policy", "score", "wandb"),
    "decide": ("users", "learner", "cost", "budget", "explore", "explore_seed"),
}
"""Options of one action alone."""
LEARNERS = ("t", "s", "x", "transformed", "dr")
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
        " cannot answer is refused with the reason. decide: give each person the arm of an experiment that is"
        " foretold to bring most beyond no treatment, after the cost of the contact and within a budget.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("action", choices=["evaluate", "decide"])
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
    what = f"evaluate: folder that gets {', '.join(WRITTEN)}; decide: the table to write"
    add("--out", type=Path, metavar="PLACE", help=what)
    add(
        "--wandb",
        metavar="PROJECT",
        help="also log the tables to Weights & Biases, offline unless it is online",
    )
    people = "decide: people with user_id and the facts (default: those of the log)"
    add("--users", type=table_file, metavar="FILE", help=people)
    add("--learner", choices=LEARNERS, help="decide: how uplift is learnt (default dr)")
    add("--cost", nargs="+", metavar="ARM=MONEY", help="decide: what a contact costs, if the log has no cost")
    add("--budget", type=float, metavar="MONEY", help="decide: the most that all arms may cost together")
    add("--explore", type=float, metavar="SHARE", help="decide: share whose arm chance draws, as 0.05")
    add("--explore_seed", type=int, metavar="N", help="decide: another draw (default 0)")
    add_table_options(parser, "the log and --users")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> pd.DataFrame:
    """Judge or decide, print, and write."""
    _check(options)
    with importing():
        from graphrec.cli.policy.decide import decide
        from graphrec.cli.policy.evaluate import evaluate
        from graphrec.data.tables.read import load_table

    columns, text = reading(options, {"log": "decisions", "users": "users"})
    log = load_table(options.log, columns, kind="decisions", text=text)
    if options.action == "evaluate":
        return evaluate(log, options)
    given = None
    if options.users is not None:
        mapped = {ours: theirs for ours, theirs in columns.items() if ours == "user_id"}
        given = load_table(options.users, mapped, kind="users", text=text)
    return decide(log, given, options)


def _check(options: argparse.Namespace) -> None:
    """Refuse what the action has no use for, and numbers that are out of range.

    Raises:
        InputError: If there is one.
    """
    if options.seed < 0:
        hint = "give a whole number of 0 or more"
        raise InputError(f"{options.seed} is no seed", column="--seed", hint=hint)
    other = ONLY["decide" if options.action == "evaluate" else "evaluate"]
    for name in other:
        if getattr(options, name):
            hint = "leave it out"
            raise InputError(f"`policy {options.action}` has no use for it", column=f"--{name}", hint=hint)
    if options.action == "evaluate":
        if options.wandb and not options.out:
            raise InputError("the run needs a folder", column="--wandb", hint="give --out")
        check_out_folder(options.out, WRITTEN, [options.log])
        return
    if options.out is None:
        raise InputError("is missing", column="--out", hint="name the table, as --out arms.csv")
    check_out(options)
    budget, share = options.budget, options.explore
    if budget is not None and not 0 <= budget < math.inf:
        raise InputError(f"{budget} is no budget", column="--budget", hint="give money, 0 or more")
    if share is not None and not 0 < share < 1:
        raise InputError(f"{share} is no share", column="--explore", hint="give a share, as 0.05")
    if options.explore_seed is not None and (share is None or options.explore_seed < 0):
        hint = "give --explore and a whole number of 0 or more, or leave it out"
        raise InputError("draws nothing", column="--explore_seed", hint=hint)
