"""``graphrec recommend``: the best items of each user, as a table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.arrays import IntArray
from graphrec.cli.commands import COMMANDS
from graphrec.cli.recommending.item_options import add_item_options, chosen, split_items
from graphrec.cli.recommending.people import ids_as_file, split_users
from graphrec.cli.start_up import importing
from graphrec.cli.table_options import add_table_options, check_out, reading
from graphrec.cli.trust import add_trust
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.results import source_of, write_table

if TYPE_CHECKING:
    import pandas as pd

    from graphrec.data.interactions import IdMap
    from graphrec.models.base import ItemSet, Recommender

STRICT = "make the loss of any row of the log an error"


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "recommend",
        help=COMMANDS["recommend"],
        description="Write user_id, item_id, rank and score of the best items of each user.",
        epilog="example: graphrec recommend --ckpt_path runs/x/y/checkpoints/best.ckpt -k 20"
        " --out items.parquet",
    )
    parser.add_argument(
        "--ckpt_path", "--ckpt", type=Path, required=True, help="best.ckpt or last.ckpt of a run"
    )
    users = "ids, or a CSV or Parquet file with a column user_id; all users if missing"
    parser.add_argument("--users", nargs="+", metavar="ID|FILE", help=users)
    parser.add_argument("-k", type=int, default=20, help="items per user (default 20)")
    items = "rank all items, only those the user has bought (repeat), or only new ones (default);"
    items += " and a file with a column item_id, of the only items that may be listed"
    parser.add_argument("--items", nargs="+", metavar="all|repeat|new|FILE", help=items)
    form = "file: .parquet, .csv, .tsv, .json or .jsonl"
    parser.add_argument("--out", type=Path, required=True, help=form)
    add_item_options(parser)
    add_table_options(parser, "the files")
    parser.add_argument("--strict", action="store_true", help=STRICT)
    add_trust(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path:
    """Load, rank, write."""
    with importing():
        from graphrec.cli.experiment.loading import load_run
        from graphrec.cli.frames import read_users, user_codes
        from graphrec.data.choice.items import FILES, ItemFiles

    item_set, options.items = split_items(options.items)
    options.users, ids = split_users(options.users)
    check_out(options)
    if options.k < 1:
        raise InputError(f"{options.k} is not a number of items", column="-k", hint="give 1 or more")
    form = reading(options, {"users": "user_list", **FILES})
    given = read_users(ids_as_file(ids) if ids else options.users, *form)
    files = ItemFiles.read({name: getattr(options, name) for name in FILES}, options.where, *form)
    task, data = load_run(options.ckpt_path, options.strict, options.trust, options.out)
    users, items = data.split.users, data.split.items
    choice = files.choice(data.source, items)
    codes = user_codes(given, users)
    recommender = chosen(task.recommender, choice, users)
    frame = recommendations(recommender, users, items, codes, options.k, item_set)
    frame.attrs = source_of(options.ckpt_path, data.split.sha256())
    path = write_table(frame, options.out)
    print(f"{len(frame):,} recommendations for {frame['user_id'].nunique():,} users: {path}")
    tell_short(frame, len(codes), options.k, len(items))
    return path


def tell_short(frame: pd.DataFrame, users: int, k: int, items: int) -> None:
    """Say how many users have fewer items than were asked for.

    Args:
        frame: The lists.
        users: For how many there should be one.
        k: Items asked for.
        items: Size of the catalogue.
    """
    full = int((frame["user_id"].value_counts() >= k).sum())
    if full == users:
        return
    none = users - frame["user_id"].nunique()
    more = f" ({none:,} of them none)" if none else ""
    size = f": the catalogue has {items:,}" if k > items else ": no more may be listed for them"
    note(f"{users - full:,} of {users:,} users have fewer than {k:,} items{more}{size}")


def recommendations(
    recommender: Recommender,
    users: IdMap,
    items: IdMap,
    codes: IntArray,
    k: int,
    item_set: ItemSet,
    batch_size: int = 512,
) -> pd.DataFrame:
    """Rank a row per user and place: ``user_id, item_id, rank, score``."""
    import torch
    from rich.progress import track

    from graphrec.evaluation.frames import ranking_frame

    device = recommender.graph.edge_user.device
    batches = track(torch.split(torch.from_numpy(codes), batch_size), "Ranking", transient=True)
    rankings = [recommender.recommend(batch.to(device), k, item_set) for batch in batches]
    return ranking_frame(rankings, users, items)
