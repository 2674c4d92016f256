"""``graphrec score``: lists or offers of all users of an export, as partitioned Parquet."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphrec.cli.commands import COMMANDS
from graphrec.cli.list_options import check_length
from graphrec.cli.start_up import importing
from graphrec.cli.table_options import add_table_options
from graphrec.cli.trust import add_trust
from graphrec.errors import InputError

EXAMPLES = """examples:
  graphrec score model.zip --out scores
  graphrec score model.zip --out scores                   # again, after a kill: what is done stays
  graphrec score model.zip --out scores --engine spark    # on all cores, or on a cluster
  graphrec score model.zip --out scores --users members.csv -k 10 --part_size 20000
"""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "score",
        help=COMMANDS["score"],
        description="Write what `graphrec serve` would answer to all users, as part-00000.parquet and so on"
        " beside _manifest.json. An export with --offers gives user_id, item_id, price, rate, probability,"
        " spend, value and reason; one without gives user_id, item_id, rank, score and basis.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("MODEL", type=Path, help="what `graphrec export` wrote: a zip file or a folder")
    out = "folder of the parts; the same command again goes on in it"
    add("--out", type=Path, required=True, metavar="FOLDER", help=out)
    engine = "where: in this process (default), or on Spark, whose workers read MODEL and write --out"
    add("--engine", choices=("local", "spark"), default="local", help=engine)
    users = "ids, or a CSV or Parquet file with a column user_id; all whom training knows if missing"
    add("--users", nargs="+", metavar="ID|FILE", help=users)
    add("-k", type=int, default=20, help="items per user (default 20)")
    size = "users of a part, which also bounds the memory (default %(default)s)"
    add("--part_size", type=int, default=5000, metavar="N", help=size)
    add_table_options(parser, "the file")
    add_trust(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path:
    """Check, load, score."""
    check_length(options.k)
    if options.part_size < 1:
        what = f"{options.part_size} is too small"
        raise InputError(what, column="--part_size", hint="give 1 or more")
    with importing():
        from graphrec.cli.scoring.request import score

    return score(options)
