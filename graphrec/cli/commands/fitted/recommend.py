"""``graphrec recommend``: the best items of each user, as a table."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphrec.cli.commands import COMMANDS
from graphrec.cli.list_options import OUT, STRICT, add_checkpoint, check_length
from graphrec.cli.recommending.item_options import add_item_options, split_items
from graphrec.cli.recommending.named import split_ids
from graphrec.cli.start_up import importing
from graphrec.cli.table_options import add_table_options, check_out, table_file
from graphrec.cli.trust import add_trust
from graphrec.notices import note
from graphrec.results import write_table


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "recommend",
        help=COMMANDS["recommend"],
        description="Write user_id, item_id, rank, score and basis of the best items of each user.",
        epilog="example: graphrec recommend --ckpt_path runs/x/y/checkpoints/best.ckpt -k 20"
        " --out items.parquet",
    )
    add_checkpoint(parser)
    users = "ids, or a CSV or Parquet file with a column user_id; those of --history if missing, else all"
    parser.add_argument("--users", nargs="+", metavar="ID|FILE", help=users)
    history = "log of people who were not in training; they are ranked by what they bought"
    parser.add_argument("--history", type=table_file, metavar="FILE", help=history)
    segment = "column of the users: who has no purchase gets what most of the same segment buy"
    parser.add_argument("--segment", metavar="COLUMN", help=segment)
    table = (
        "table of users: what --segment is about, and what a model that reads attributes of users ranks by;"
    )
    table += " the one of the data for others"
    parser.add_argument("--user_table", type=table_file, metavar="FILE", help=table)
    parser.add_argument("-k", type=int, default=20, help="items per user (default 20)")
    items = "rank all items, only those the user has bought (repeat), or only new ones (default);"
    items += " and a file with a column item_id, of the only items that may be listed"
    parser.add_argument("--items", nargs="+", metavar="all|repeat|new|FILE", help=items)
    new = "table of items that were not in training, with the attributes that the model reads"
    parser.add_argument("--new_items", type=table_file, metavar="FILE", help=new)
    explain = "say of each row why: which purchases add how much to its score, in columns and in words"
    parser.add_argument("--explain", action="store_true", help=explain)
    names = "column of the items that names them in --explain; name, title or description if missing"
    parser.add_argument("--name_column", metavar="COLUMN", help=names)
    parser.add_argument("--out", type=Path, required=True, help=OUT)
    add_item_options(parser)
    add_table_options(parser, "the files")
    times = "how the times of --history are written, as %%d.%%m.%%Y; tried out if missing"
    parser.add_argument("--time_format", metavar="FORMAT", help=times)
    parser.add_argument("--strict", action="store_true", help=STRICT)
    add_trust(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path:
    """Load, rank, write."""
    with importing():
        from graphrec.cli.experiment.loading import load_lister
        from graphrec.cli.recommending.request import read_request
        from graphrec.data.choice.known import counted
        from graphrec.serving.lists import fewer

    item_set, options.items = split_items(options.items)
    options.users, ids = split_ids(options.users, "--users")
    check_out(options)
    check_length(options.k)
    request = read_request(options, ids)
    task, data = load_lister(options.ckpt_path, options.strict, options.trust, options.out)
    frame, users = request.lists(task, data, options.k, item_set)
    frame.attrs = data.result_source(options.ckpt_path)
    path = write_table(frame, options.out)
    print(f"{len(frame):,} recommendations for {counted(frame['user_id'].nunique(), 'user')}: {path}")
    if line := fewer(frame["user_id"], users, options.k, "items", "user"):
        size = len(data.split.items)
        why = f"the catalogue has {size:,}" if options.k > size else "no more may be listed for them"
        note(f"{line}: {why}")
    return path
