"""``graphrec recommend``: the best items of each user, as a table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.cli.commands import COMMANDS
from graphrec.cli.recommending.item_options import add_item_options, split_items
from graphrec.cli.recommending.named import split_ids
from graphrec.cli.start_up import importing
from graphrec.cli.table_options import add_table_options, check_out
from graphrec.cli.trust import add_trust
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.results import source_of, write_table

if TYPE_CHECKING:
    import pandas as pd


STRICT = "make the loss of any row of the log an error"


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "recommend",
        help=COMMANDS["recommend"],
        description="Write user_id, item_id, rank, score and basis of the best items of each user.",
        epilog="example: graphrec recommend --ckpt_path runs/x/y/checkpoints/best.ckpt -k 20"
        " --out items.parquet",
    )
    parser.add_argument(
        "--ckpt_path", "--ckpt", type=Path, required=True, help="best.ckpt or last.ckpt of a run"
    )
    users = "ids, or a CSV or Parquet file with a column user_id; those of --history if missing, else all"
    parser.add_argument("--users", nargs="+", metavar="ID|FILE", help=users)
    history = "log of people who were not in training; they are ranked by what they bought"
    parser.add_argument("--history", type=Path, metavar="FILE", help=history)
    segment = "column of the users: who has no purchase gets what most of the same segment buy"
    parser.add_argument("--segment", metavar="COLUMN", help=segment)
    table = "table of users that --segment is about; the one of the data for others"
    parser.add_argument("--user_table", type=Path, metavar="FILE", help=table)
    parser.add_argument("-k", type=int, default=20, help="items per user (default 20)")
    items = "rank all items, only those the user has bought (repeat), or only new ones (default);"
    items += " and a file with a column item_id, of the only items that may be listed"
    parser.add_argument("--items", nargs="+", metavar="all|repeat|new|FILE", help=items)
    form = "file: .parquet, .csv, .tsv, .json or .jsonl"
    parser.add_argument("--out", type=Path, required=True, help=form)
    add_item_options(parser)
    add_table_options(parser, "the files")
    parser.add_argument("--decimal", metavar="SIGN", help="decimal sign of the text files (default: a point)")
    times = "how the times of --history are written, as %%d.%%m.%%Y; tried out if missing"
    parser.add_argument("--time_format", metavar="FORMAT", help=times)
    parser.add_argument("--strict", action="store_true", help=STRICT)
    add_trust(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path:
    """Load, rank, write."""
    with importing():
        from graphrec.cli.experiment.loading import load_run
        from graphrec.cli.recommending.request import Request
        from graphrec.data.choice.known import counted

    item_set, options.items = split_items(options.items)
    options.users, ids = split_ids(options.users, "--users")
    check_out(options)
    if options.k < 1:
        raise InputError(f"{options.k} is not a number of items", column="-k", hint="give 1 or more")
    request = Request.read(options, ids)
    task, data = load_run(options.ckpt_path, options.strict, options.trust, options.out)
    frame, users = request.lists(task, data, options.k, item_set)
    frame.attrs = source_of(options.ckpt_path, data.split.sha256())
    path = write_table(frame, options.out)
    print(f"{len(frame):,} recommendations for {counted(frame['user_id'].nunique(), 'user')}: {path}")
    tell_short(frame, users, options.k, len(data.split.items))
    return path


def tell_short(frame: pd.DataFrame, users: int, k: int, items: int) -> None:
    """Say how many users have fewer items than were asked for.

    Args:
        frame: The lists.
        users: For how many there should be one.
        k: Items asked for.
        items: Size of the catalogue.
    """
    from graphrec.data.choice.known import counted

    full = int((frame["user_id"].value_counts() >= k).sum())
    if full == users:
        return
    none = users - frame["user_id"].nunique()
    more = f" ({none:,} of them none)" if none else ""
    size = f": the catalogue has {items:,}" if k > items else ": no more may be listed for them"
    note(f"fewer than {k:,} items for {users - full:,} of {counted(users, 'user')}{more}{size}")
