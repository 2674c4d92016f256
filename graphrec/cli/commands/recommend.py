"""``graphrec recommend``: the best items of each user, as a table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.arrays import IntArray
from graphrec.cli.commands import COMMANDS
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
    parser.add_argument(
        "--users", type=Path, help="CSV or Parquet file with a column user_id; all users if missing"
    )
    parser.add_argument("-k", type=int, default=20, help="items per user (default 20)")
    parser.add_argument(
        "--items",
        choices=["all", "repeat", "new"],
        default="new",
        help="rank all items, only those the user has bought, or only new ones (default)",
    )
    parser.add_argument("--out", type=Path, required=True, help="file: .parquet, .csv, .tsv, .json or .jsonl")
    add_table_options(parser, "the file of --users")
    parser.add_argument("--strict", action="store_true", help=STRICT)
    add_trust(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path:
    """Load, rank, write."""
    with importing():
        from graphrec.cli.experiment.loading import load_run
        from graphrec.cli.frames import read_users, user_codes

    check_out(options)
    if options.k < 1:
        raise InputError(f"{options.k} is not a number of items", column="-k", hint="give 1 or more")
    given = read_users(options.users, *reading(options, {"users": "user_list"}))
    task, data = load_run(options.ckpt_path, options.strict, options.trust, options.out)
    if options.k > len(data.split.items):
        note(f"the catalogue has {len(data.split.items):,} items: nobody gets {options.k:,}")
    users = user_codes(given, data.split.users)
    frame = recommendations(
        task.recommender, data.split.users, data.split.items, users, options.k, options.items
    )
    frame.attrs = source_of(options.ckpt_path, data.split.sha256())
    path = write_table(frame, options.out)
    served = frame["user_id"].nunique()
    print(f"{len(frame):,} recommendations for {served:,} users: {path}")
    if served < len(users):
        what = {"repeat": "bought before", "new": "not bought yet"}.get(options.items, "in the catalogue")
        note(f"{len(users) - served:,} of {len(users):,} users got no row: there is no item {what} for them")
    return path


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
