"""``graphrec evaluate``: score lists of recommendations that any library wrote."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.cli.commands import COMMANDS
from graphrec.cli.start_up import importing
from graphrec.cli.table_options import add_table_options, check_out_folder, table_file

if TYPE_CHECKING:
    import pandas as pd

EXAMPLE = """examples:
  graphrec evaluate --recommendations implicit.csv --test test.csv --train train.csv
  graphrec evaluate --recommendations implicit.csv lenskit.csv --test test.csv --train train.csv --out others
  graphrec evaluate --recommendations lists.csv --columns item_id=item score=prediction --test test.csv
  graphrec evaluate --recommendations lists.txt --test gowalla/test.txt --train gowalla/train.txt -k 20 50
"""


_TABLES = ("comparison", "leaderboard", "significance", "segments", "fairness", "runs")
"""Tables that are written into ``--out``, where an input may lie too."""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "evaluate",
        help=COMMANDS["evaluate"],
        description="Score lists that any library wrote, with the measures and the 95 % intervals of"
        " `graphrec test`. A file of lists has the columns user_id, item_id and rank or score, or lines"
        " `user item item ...`, best first. Several files are compared user by user.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    lists = "lists, a file for each library or setting"
    add("--recommendations", nargs="+", type=table_file, metavar="FILE", required=True, help=lists)
    add("--test", metavar="FILE", required=True, help="what was bought later: the lists are to find it")
    add("--train", metavar="FILE", help="what the libraries were trained on; for novelty, coverage, segments")
    add("--valid", metavar="FILE", help="the validation part: how many places of the lists it takes is told")
    add("--refit", action="store_true", help="the libraries were trained on train and validation together")
    add("-k", type=int, nargs="+", default=[10, 20], metavar="K", help="cut-offs (default: 10 20)")
    seen = "judge new items alone: what a user bought in training leaves lists and test part"
    add("--exclude_seen", action="store_true", help=seen)
    add("--users", metavar="FILE", help="attributes of the users, for segments and fairness")
    add("--items", metavar="FILE", help="attributes of the items")
    add("--category", metavar="COLUMN", help="attribute of the items for diversity and miscalibration")
    add(
        "--min_rating", type=float, default=0.0, metavar="NUMBER", help="rows rated below it are no purchases"
    )
    add("--name", help="name of the data set; that of the training file if missing")
    add(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="also write tables, a page, and runs for `graphrec compare`",
    )
    add_table_options(parser, "all these files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> pd.DataFrame:
    """Score, print, and write where a folder is given."""
    with importing():
        from graphrec.cli.evaluate.request import request_of
        from graphrec.cli.evaluate.scoring import score
        from graphrec.cli.evaluate.writing import differences_frame, measures_frame, write_runs
        from graphrec.cli.terminal import print_frame
        from graphrec.data.ledger import report_reading
        from graphrec.notices import note
        from graphrec.report.compare import compare

    read = [*options.recommendations, *(given for name, given in vars(options).items() if name != "out")]
    check_out_folder(options.out, (f"{name}.csv" for name in _TABLES), read)
    request = request_of(options)
    scored = score(request)
    report_reading(scored.raw)
    for one in scored.lists:
        for said in one.notes:
            note(f"{one.name}: {said}")
    for said in scored.notes:
        note(said)
    users = int(scored.lists[0].numbers[f"test_users_{scored.items}"])
    table = measures_frame(scored, request.cutoffs)
    print_frame(table, f"{scored.raw.name}, {scored.items} items, {users:,} users with test items")
    if len(scored.lists) > 1:
        print_frame(differences_frame(scored, max(request.cutoffs)), "Differences, user by user")
    if options.out is not None:
        folders = write_runs(scored, request, options.out, _command())
        print(f"report: {compare(folders, options.out, title=f'Lists on {scored.raw.name}')}")
    return table


def _command() -> str:
    """Write the command line again."""
    return shlex.join(["graphrec", *sys.argv[1:]])
