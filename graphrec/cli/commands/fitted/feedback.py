"""``graphrec feedback``: what a week of offers brought, what is learnt from it, what serves next."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.cli.commands import COMMANDS
from graphrec.cli.start_up import importing
from graphrec.cli.table_options import add_table_options, check_out_folder, reading, table_file

if TYPE_CHECKING:
    from graphrec.offpolicy.loop.judging import Judgement

EXAMPLE = """examples:
  graphrec feedback --offers offers.parquet --log week54.csv --out loop
  graphrec feedback --offers offers.parquet --log week54.csv --out loop --promote
  graphrec feedback --offers coupons.parquet --log weeks54to57.csv --out loop
                                                  # amounts, coupons over sets, --weeks 4: all alike
  graphrec feedback --offers offers.parquet --log till.csv --columns user_id=card item_id=sku --out loop
"""
WRITTEN = ("decisions.csv", "values.csv", "drift_by_rate.csv", "drift_by_tenth.csv", "serving.json")
"""What ``--out`` gets besides the weeks."""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "feedback",
        help=COMMANDS["feedback"],
        description="Join offers of a week or of several, decided with --explore, with the log of them. Learn"
        " how people answer, judge what was learnt against what serves by the decisions of chance, and let"
        " the gate decide which of them serves next. A week is taken once. Offers may be per cent, amounts or"
        " coupons over sets.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    what = "the table that was sent, as `graphrec offers --explore` wrote it"
    add("--offers", type=Path, metavar="FILE", required=True, help=what)
    bought = "purchases of its week: user_id, item_id; week, quantity, price, regular_price, rating"
    add("--log", type=table_file, metavar="FILE", required=True, help=bought)
    add("--out", type=Path, metavar="FOLDER", required=True, help="folder of the loop; the same each week")
    add("--promote", action="store_true", help="if the gate opens, write serving.json; earlier versions stay")
    add_table_options(parser, "the log")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Judgement | None:
    """Take the week into the loop."""
    check_out_folder(options.out, WRITTEN, [options.log, options.offers])
    with importing():
        from graphrec.cli.feedback.close_week import close_week

    columns, text = reading(options, {"log": "log"})
    return close_week(options, columns, text)
