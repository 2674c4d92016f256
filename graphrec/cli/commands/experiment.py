"""``graphrec experiment plan|analyse``: a randomised experiment, before and after."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from graphrec.cli.commands import COMMANDS
from graphrec.cli.start_up import importing
from graphrec.cli.table_options import add_table_options, check_out_folder

EXAMPLE = """examples:
  graphrec experiment plan --baseline 0.05 --lift 10%
  graphrec experiment plan --past spend.csv --measure revenue --people 20000 --arms 2
  graphrec experiment plan --baseline 0.05 --effect 0.005 --users users.csv --stratify segment --out plan
  graphrec experiment analyse --log outcomes.csv --measures revenue bought --control none --out report
  graphrec experiment analyse --log out.csv --measures margin --before margin=margin_2024 --segments city
  graphrec experiment analyse --log so_far.csv --measures bought --any_time 20000   # at every look
"""
PLANNED, ANALYSED = ("plan.json", "power.csv", "assignment.csv"), ("differences.csv", "experiment.html")
"""What ``--out`` gets."""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "experiment",
        help=COMMANDS["experiment"],
        description="plan: how many people it takes, or what can be found with those there are; and who gets"
        " what. analyse: what each arm brought, with intervals, after a check that nobody was lost.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="plan|analyse")
    _add_plan(actions)
    _add_analyse(actions)
    parser.set_defaults(run=run)


def _add_plan(actions: Any) -> None:
    plan = actions.add_parser("plan", help="people, power, effect; and who gets what")
    add = plan.add_argument_group("what is measured").add_argument
    add("--baseline", type=float, metavar="NUMBER", help="mean without a treatment; of a share, as 0.05")
    add("--sd", type=float, metavar="NUMBER", help="standard deviation over people; leave it out for a share")
    add("--past", metavar="FILE", help="a row per person, to take mean and deviation from")
    add("--measure", metavar="COLUMN", help="of --past")
    add("--explained", type=float, default=0.0, metavar="SHARE", help="of the variance that CUPED takes away")
    add = plan.add_argument_group("two of the three are given; of power, 0.8 is taken").add_argument
    add("--effect", type=float, metavar="NUMBER", help="difference of means that is to be found")
    add("--lift", metavar="PER CENT", help="the same as a share of the mean, as 10%%")
    add("--people", type=int, metavar="N", help="people of all arms together")
    add("--power", type=float, metavar="SHARE", help="chance of finding the effect")
    add = plan.add_argument_group("arms").add_argument
    add("--arms", type=int, default=1, help="treated arms beside one control (default 1)")
    add(
        "--ratio", type=float, default=1.0, help="people of a treated arm for each of the control (default 1)"
    )
    add("--level", type=float, default=0.05, help="chance of finding what is not there (default 0.05)")
    add = plan.add_argument_group("who gets what").add_argument
    add("--users", metavar="FILE", help="people to assign, a row each")
    add("--names", nargs="+", metavar="ARM", help="of the arms, the control first (default: control offer)")
    add("--stratify", nargs="+", default=[], metavar="COLUMN", help="columns of --users to balance")
    add("--salt", metavar="FILE", help="that the draw rests on; made if it is not there (default: OUT/salt)")
    add("--out", type=Path, metavar="FOLDER", help=f"write {', '.join(PLANNED)}")
    add_table_options(plan, "these files")


def _add_analyse(actions: Any) -> None:
    analyse = actions.add_parser("analyse", help="what each arm brought")
    add = analyse.add_argument
    add("--log", metavar="FILE", required=True, help="rows of people: user_id, arm, and what was measured")
    summed = "columns that are summed over the rows of a person; the first one decides"
    add("--measures", nargs="+", required=True, metavar="COLUMN", help=summed)
    add(
        "--ratings", nargs="+", default=[], metavar="COLUMN", help="columns that are averaged, as of a survey"
    )
    add("--control", metavar="ARM", help="the arm without a treatment (default: by its name)")
    add("--shares", nargs="+", default=[], metavar="ARM=SHARE", help="as planned (default: even)")
    earlier = "the same measure before the experiment, for CUPED"
    add("--before", nargs="+", default=[], metavar="MEASURE=COLUMN", help=earlier)
    add("--segments", nargs="+", default=[], metavar="COLUMN", help="look at each level of these, too")
    add("--level", type=float, default=0.05, help="one less the coverage of the intervals (default 0.05)")
    often = "intervals that hold however often one looks, tightest at N people"
    add("--any_time", type=int, metavar="N", help=often)
    add("--out", type=Path, metavar="FOLDER", help=f"also write {' and '.join(ANALYSED)}")
    add("--wandb", metavar="PROJECT", help="also log the table to W&B")
    add_table_options(analyse, "the log")


def _files(options: argparse.Namespace) -> tuple[tuple[str, ...], list[str | None]]:
    """List what an action writes, and what it reads."""
    if options.action == "plan":
        return PLANNED, [options.past, options.users]
    return ANALYSED, [options.log]


def run(options: argparse.Namespace) -> Any:
    """Plan or analyse."""
    check_out_folder(options.out, *_files(options))
    with importing():
        from graphrec.cli.randomised.analyse import analyse
        from graphrec.cli.randomised.plan import plan

    return plan(options) if options.action == "plan" else analyse(options)
